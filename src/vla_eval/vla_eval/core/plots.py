"""The figures of a report as inline SVG."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use('svg')

from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from vla_eval.core.results import Path3  # noqa: E402

INK, FAINT, ACCENT, SECOND = '#1f2933', '#c8d0d8', '#e8590c', '#1971c2'
COLOURS = {'red': '#d6453d', 'green': '#2f9e58', 'blue': '#2f5fd0', 'yellow': '#f2b705'}
# of a figure's file: it tells of the run, not of when and by what it was drawn
NO_METADATA = dict.fromkeys(('Date', 'Creator', 'Format', 'Type'))
STYLE = {
    'font.family': 'sans-serif',
    'font.size': 9.5,
    'svg.fonttype': 'none',  # the page's own fonts: small files, text that can be searched
    'svg.hashsalt': 'vla',
    'axes.edgecolor': FAINT,
    'axes.labelcolor': INK,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': '#eef1f4',
    'text.color': INK,
    'xtick.color': INK,
    'ytick.color': INK,
    'xtick.major.size': 0,
    'ytick.major.size': 0,
    'figure.facecolor': 'none',
    'axes.facecolor': 'none',
    'legend.frameon': False,
}


def success(tasks: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the rate of each task with its 95 % interval."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 0.62 + 0.42 * len(tasks)))
        for y, task in enumerate(tasks.values()):
            low, high = task['ci95']
            axes.plot([low, high], [y, y], color=ACCENT, lw=7, alpha=0.28, solid_capstyle='round')
            axes.plot(task['rate'], y, 'o', color=ACCENT, ms=9, clip_on=False, zorder=3)
        axes.set_yticks(range(len(tasks)), list(tasks))
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ['0 %', '25 %', '50 %', '75 %', '100 %'])
        axes.grid(axis='y', visible=False)
        axes.spines['left'].set_visible(False)
        return svg(figure)


def differences(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the difference of each row with its 95 % interval, percentage points."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 0.75 + 0.42 * len(rows)))
        axes.axvline(0, color=INK, lw=1)
        for y, row in enumerate(rows.values()):
            low, high = (100 * bound for bound in row['ci95'])
            axes.plot([low, high], [y, y], color=SECOND, lw=7, alpha=0.28, solid_capstyle='round')
            axes.plot(100 * row['difference'], y, 'o', color=SECOND, ms=9, zorder=3)
        axes.set_yticks(range(len(rows)), list(rows))
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlabel('percentage points')
        axes.grid(axis='y', visible=False)
        axes.spines['left'].set_visible(False)
        return svg(figure)


def by_latency(lines: Mapping[str, Sequence[tuple[float, Mapping[str, Any]]]]) -> str:
    """Return success against latency, with intervals.

    Args:
        lines: Name -> (latency in ms, `success` and `ci95`), in order.
    """
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 3.4))
        for name, line in lines.items():
            x = [ms for ms, _ in line]
            bounds = zip(*(values['ci95'] for _, values in line), strict=True)
            drawn = axes.plot(x, [v['success'] for _, v in line], 'o-', ms=5, label=name)
            axes.fill_between(x, *bounds, alpha=0.12, color=drawn[0].get_color(), lw=0)
        axes.set_ylim(-0.02, 1.05)
        axes.set_yticks([0, 0.5, 1], ['0 %', '50 %', '100 %'])
        axes.set_xlabel('injected latency, ms')
        axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.16), ncols=2)
        return svg(figure)


def latency(stages: Mapping[str, Mapping[str, float | None]]) -> str:
    """Return p50 to p95 to p99 of each stage, ms."""
    known = {name: s for name, s in stages.items() if s['p50'] is not None}
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 0.75 + 0.36 * max(1, len(known))))
        for y, stage in enumerate(known.values()):
            axes.plot([0, stage['p99']], [y, y], color=FAINT, lw=2, solid_capstyle='round')
            axes.plot([0, stage['p95']], [y, y], color=SECOND, lw=6, alpha=0.3)
            axes.plot(stage['p50'], y, 'o', color=SECOND, ms=7, zorder=3, clip_on=False)
            axes.plot(stage['p99'], y, '|', color=INK, ms=9, clip_on=False)
        axes.set_yticks(range(len(known)), [name.replace('_', ' ') for name in known])
        axes.set_ylim(max(1, len(known)) - 0.5, -0.5)
        axes.set_xlim(left=0)
        if all(stage['p99'] == 0 for stage in known.values()):
            axes.set_xlim(0, 1)
        axes.set_xlabel('ms')
        axes.grid(axis='y', visible=False)
        axes.spines['left'].set_visible(False)
        return svg(figure)


def path(way: Path3) -> str:
    """Return the tool's way from above and its height over time, with one chunk."""
    with plt.rc_context(STYLE):
        figure, (top, side) = plt.subplots(
            1, 2, figsize=(6.8, 2.9), gridspec_kw={'width_ratios': [1.15, 1]}
        )
        _things(top, way.things)
        _lines(top, way.commanded[:, 1], way.commanded[:, 0], way.measured[:, 1],
               way.measured[:, 0], way.chunk[:, 1], way.chunk[:, 0])  # fmt: skip
        top.plot(way.measured[0, 1], way.measured[0, 0], 's', color=INK, ms=5, label='start')
        top.set_aspect('equal', adjustable='datalim')
        top.invert_xaxis()  # seen from above with the robot below: y points left
        top.set_xlabel('y, m')
        top.set_ylabel('x, m')
        _lines(side, way.time_s, way.commanded[:, 2], way.time_s, way.measured[:, 2],
               way.chunk_time_s, way.chunk[:, 2])  # fmt: skip
        side.set_xlabel('time, s')
        side.set_ylabel('height, m')
        side.set_ylim(bottom=0)
        handles, labels = top.get_legend_handles_labels()
        figure.legend(handles, labels, loc='upper center', ncols=4, bbox_to_anchor=(0.5, 1.08))
        figure.tight_layout()
        return svg(figure)


def _lines(axes: Axes, commanded_a, commanded_b, measured_a, measured_b, chunk_a, chunk_b) -> None:  # type: ignore[no-untyped-def]
    axes.plot(measured_a, measured_b, color=SECOND, lw=2.2, label='measured')
    axes.plot(commanded_a, commanded_b, color=INK, lw=1, ls=(0, (3, 2)), label='commanded')
    axes.plot(chunk_a, chunk_b, 'o-', color=ACCENT, ms=3, lw=0.8, label='one chunk')


def _things(axes: Axes, things: Mapping[str, tuple[float, float]]) -> None:
    for name, (x, y) in things.items():
        colour = next((c for word, c in COLOURS.items() if word in name), '#adb5bd')
        radius = 0.065 if name == 'plate' else 0.02
        axes.add_patch(plt.Circle((y, x), radius, color=colour, alpha=0.4, lw=0))


def svg(figure: Figure) -> str:
    """Return a finished figure as text for a page, and close it."""
    buffer = io.StringIO()
    figure.savefig(buffer, format='svg', bbox_inches='tight', metadata=NO_METADATA)
    plt.close(figure)
    text = buffer.getvalue()
    text = text[text.index('<svg') :]
    # the frame scales with the page; its links name this drawing only where no image is used
    return re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"|<svg ', r'<svg \1', text, count=1)
