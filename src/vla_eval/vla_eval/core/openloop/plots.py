"""The figures of an evaluation by bags as inline SVG."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from vla_eval.core.openloop.measured import Motion
from vla_eval.core.plots import ACCENT, FAINT, INK, SECOND, STYLE, svg

COLOURS = (ACCENT, SECOND, '#2b8a3e', '#862e9c', '#5f6c78')
FARTHEST = 500.0  # % of difference that is drawn; the table has all of it
THIN = 5  # of the samples of a path one in so many is drawn


def by_row(lines: Mapping[str, Sequence[float | None]], step_s: float, unit: str) -> str:
    """Return an error over how far ahead a row looks, a line for each name."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 2.9))
        for colour, (name, values) in zip(COLOURS, lines.items(), strict=False):
            y = np.array([np.nan if v is None else v for v in values], float)
            axes.plot(step_s * np.arange(1, len(y) + 1), y, 'o-', ms=3.5, color=colour, label=name)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel('ahead, s')
        axes.set_ylabel(unit)
        if len(lines) > 1:
            axes.legend()
        figure.tight_layout()
        return svg(figure)


def ways(motions: Mapping[str, Motion], rate_hz: float) -> str:
    """Return the tool's ways from above, and their heights over time."""
    with plt.rc_context(STYLE):
        figure, (top, side) = plt.subplots(1, 2, figsize=(6.8, 2.9))
        for colour, (name, motion) in zip((INK, SECOND, ACCENT), motions.items(), strict=False):
            points = motion.points[::THIN]
            if not len(points):
                continue
            label = name.replace('_', ' ')
            top.plot(points[:, 1], points[:, 0], color=colour, lw=1.2, label=label)
            seconds = np.arange(len(points)) * THIN / rate_hz
            side.plot(seconds, points[:, 2], color=colour, lw=1.2)
        top.set_aspect('equal', adjustable='datalim')
        top.invert_xaxis()  # seen from above with the robot below: y points left
        top.set_xlabel('y, m')
        top.set_ylabel('x, m')
        side.set_xlabel('time, s')
        side.set_ylabel('height, m')
        handles, labels = top.get_legend_handles_labels()
        figure.legend(handles, labels, loc='upper center', ncols=3, bbox_to_anchor=(0.5, 1.08))
        figure.tight_layout()
        return svg(figure)


def intervals(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return relative differences with their 95 % intervals."""
    shown = [row for row in rows if row['relative'] is not None]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.4, 0.75 + 0.4 * max(1, len(shown))))
        for y, row in enumerate(shown):
            if row['relative_ci95'] is not None:
                low, high = (100 * end for end in row['relative_ci95'])
                axes.plot([low, high], [y, y], color=ACCENT, lw=7, alpha=0.28)
            axes.plot(100 * row['relative'], y, 'o', color=ACCENT, ms=8, zorder=3)
        axes.axvline(0.0, color=FAINT, lw=1.5, zorder=0)
        axes.set_yticks(range(len(shown)), [row['name'] for row in shown])
        axes.set_ylim(max(1, len(shown)) - 0.5, -0.5)
        left, right = axes.get_xlim()
        axes.set_xlim(max(left, -110.0), min(right, FARTHEST))
        axes.set_xlabel('difference, % of the first')
        axes.grid(axis='y', visible=False)
        axes.spines['left'].set_visible(False)
        return svg(figure)
