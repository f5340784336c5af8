"""The figure of a benchmark: values beside peers, one panel per unit, and a panel per curve."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from vla_eval.bench import Curve, Row
from vla_eval.core.plots import ACCENT, FAINT, INK, NO_METADATA, SECOND, STYLE

FILE = 'bench.svg'
_MOST = 40  # rows in a panel; more are no figure
_BESIDE = 2  # curves beside each other


def write(folder: Path, rows: Sequence[Row]) -> Path | None:
    """Draw the rows that have a figure; return the path, None where there is nothing to draw."""
    plain = [r for r in rows if r.value is not None and r.curve is None and not r.quiet]
    units = [
        (unit, list(of_one)[:_MOST])
        for unit, of_one in groupby(sorted(plain, key=lambda r: r.unit), key=lambda r: r.unit)
    ]
    curved = [(r.id, r.curve) for r in rows if r.curve is not None]
    if not units and not curved:
        return None
    lines = -(-len(curved) // _BESIDE)  # of curves
    heights = [0.6 + 0.34 * len(of_one) for _, of_one in units] + [2.4] * lines
    with plt.rc_context(STYLE | {'figure.facecolor': 'white'}):
        size = 7.2, 0.5 + sum(heights) + 0.45 * len(heights)
        figure = plt.figure(figsize=size, layout='constrained')
        grid = figure.add_gridspec(len(heights), _BESIDE, height_ratios=heights)
        for k, (unit, of_one) in enumerate(units):
            _panel(figure.add_subplot(grid[k, :]), unit, of_one)
        for k, (name, curve) in enumerate(curved):
            at = len(units) + k // _BESIDE, k % _BESIDE
            _curve(figure.add_subplot(grid[at]), name, curve)
        path = folder / FILE
        part = folder / f'{FILE}.part'
        figure.savefig(part, format='svg', bbox_inches='tight', metadata=NO_METADATA)
        plt.close(figure)
    part.replace(path)
    return path


def _panel(axes: Axes, unit: str, rows: Sequence[Row]) -> None:
    numbers = [n for r in rows for n in (r.value, r.peer) if n is not None]
    if min(numbers) > 0 and max(numbers) > 30 * min(numbers):
        axes.set_xscale('log')
    else:
        axes.set_xlim(min(0, *numbers, 0), max(1e-12, *numbers, 0) * 1.08)
    for y, row in enumerate(rows):
        value = row.value if row.value is not None else 0.0
        if row.peer is not None:
            axes.plot([value, row.peer], [y, y], color=FAINT, lw=2, zorder=1)
            axes.plot(row.peer, y, 's', color=SECOND, ms=6, zorder=2)
        axes.plot(value, y, 'o', color=ACCENT if row.ok else INK, ms=7, zorder=3)
    axes.set_yticks(range(len(rows)), [r.id if r.ok else f'{r.id} (not ok)' for r in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f'{unit}   (circle: ours, square: the peer)')
    axes.grid(axis='y', visible=False)
    axes.spines['left'].set_visible(False)


def _curve(axes: Axes, name: str, curve: Curve) -> None:
    axes.loglog(curve.sizes, curve.costs, 'o-', color=ACCENT, ms=4, lw=1.2)
    line = [curve.costs[-1] * s / curve.sizes[-1] for s in curve.sizes]
    axes.loglog(curve.sizes, line, color=FAINT, lw=1, ls='--')
    axes.set_title(f'{name}: exponent {curve.exponent:.2f}', fontsize=9)
    axes.set_xlabel(curve.over)
    axes.set_ylabel(curve.cost_unit)
