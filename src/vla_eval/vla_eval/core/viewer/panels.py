"""Texts and plots beside the 3-D view."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import viser

from vla_core.command import ExecutorStatus, Mode
from vla_core.timing import SECOND
from vla_eval.core.viewer.story import Event

GRADES = {'good': '#35c26b', 'note': '#8fa1b3', 'warn': '#ffb020', 'bad': '#ff5a52'}
MODES = {
    Mode.IDLE: '#8fa1b3',
    Mode.RUNNING: '#35c26b',
    Mode.HOLDING: '#ffb020',
    Mode.STOPPED: '#ff5a52',
}
STAGES = {  # shown beside the whole: label, colour
    'capture_to_command': ('capture to command', '#ff9a3d'),
    'inference': ('inference', '#5aa9ff'),
}
AXES = {'x': '#ff6b61', 'y': '#43c978', 'z': '#5aa9ff'}
GRID = {'stroke': '#333b45', 'width': 1}
TEXT = '#9fb0c0'
SHOWN_EVENTS = 10
PLOT_PX = 170
PAST_S = 6.0
MARGIN_M = 0.02
BOX = 'padding:0.5em 0.9em 0.3em 0.9em;font-size:0.875em;line-height:1.5;overflow-wrap:anywhere'


def waiting(said: str = '') -> str:
    """Return the state before anything came; `said` is the answer to a button."""
    text = f'<div style="{BOX};color:{TEXT}">waiting for the executor …</div>'
    return text + (f'<div style="{BOX}">{_answer(said)}</div>' if said else '')


def state(
    status: ExecutorStatus | None,
    said: str,
    silent_s: float = 0.0,
    behind: Sequence[tuple[str, float]] = (),
) -> str:
    """Return mode, words, strategy and counts.

    Args:
        status: Newest, None before the first.
        said: The answer to a button, '' for none.
        silent_s: For how long the executor has been silent; 0 where it is not.
        behind: (what, seconds) of streams that stand still.
    """
    if status is None:
        return waiting(said)
    why = status.stop_reason or status.hold_reason
    gate, chunks = status.gate, status.chunks
    pill = (
        f'<span id="mode" style="background:{MODES[status.mode]};color:#10151a;border-radius:1em;'
        f'padding:0.1em 0.8em;font-weight:600">{status.mode.value}</span>'
    )
    old = [('the executor is silent; its last word', silent_s)] if silent_s else []
    lines = [
        f'<div class="old" style="color:{GRADES["bad"]};font-weight:600">'
        f'{escape(what)}: {seconds:.0f} s old</div>'
        for what, seconds in (*old, *behind)
    ]
    lines += [
        f'{pill} <span style="color:{MODES[status.mode]}">{escape(why)}</span>',
        f'<div id="words" style="font-size:1.2em;font-weight:600;margin:0.3em 0">'
        f'{escape(status.instruction) or "no instruction"}</div>',
        f'<div style="color:{TEXT}">{escape(status.strategy)}, decided by '
        f'{status.authority.value}, epoch {status.epoch}</div>',
        f'<div style="color:{TEXT}">chunks {chunks.received}, refused {chunks.refused}, '
        f'expired {chunks.expired} · ticks clipped {gate.clipped}, refused {gate.refused}, '
        f'held {gate.holds} · stops {gate.stops}</div>',
    ]
    lines += [_answer(said)] if said else []
    return f'<div style="{BOX}">{"".join(lines)}</div>'


def _answer(said: str) -> str:
    return f'<div id="answer">{escape(said)}</div>'


def events(found: Sequence[Event], now_ns: int) -> str:
    """Return the newest events, newest first, with how long ago each was."""
    rows = []
    for event in reversed(found[-SHOWN_EVENTS:]):
        ago = max(0, round((now_ns - event.stamp_ns) / SECOND))
        times = f' ({event.ticks})' if event.ticks else ''
        rows.append(
            f'<div><span style="color:{TEXT};display:inline-block;width:4.2em">{ago} s ago</span>'
            f'<span style="color:{GRADES[event.grade]}">{escape(event.text)}{times}</span></div>'
        )
    text = ''.join(rows) or f'<span style="color:{TEXT}">none yet</span>'
    return f'<div id="events" style="{BOX}">{text}</div>'


class LatencyPlot:
    """Milliseconds of the last chunks, and their percentiles in words."""

    def __init__(self, gui: viser.GuiApi):
        lines: Any = ({}, *({'label': n, 'stroke': c, 'width': 2} for n, c in STAGES.values()))
        self._plot = gui.add_uplot(
            data=tuple(np.zeros(1) for _ in range(1 + len(STAGES))),
            series=lines,
            scales={'x': {'time': False}, 'y': {'auto': True}},
            axes=_axes('seconds', 'ms'),
            height=PLOT_PX,
        )
        self._words = gui.add_html('')

    def draw(self, latencies: Iterable[tuple[int, dict[str, float]]]) -> None:
        """Draw (stamp, milliseconds by stage) of the chunks."""
        kept = [(stamp, ms) for stamp, ms in latencies if all(name in ms for name in STAGES)]
        if len(kept) < 2:
            return
        newest_ns = kept[-1][0]
        times = np.array([(stamp - newest_ns) / SECOND for stamp, _ in kept])
        order = np.argsort(times, kind='stable')
        columns = [np.array([ms[name] for _, ms in kept]) for name in STAGES]
        data = (times[order], *(c[order] for c in columns))
        if not _same(self._plot.data, data):
            self._plot.data = data
        words = [
            f'{label}: p50 {np.percentile(c, 50):.0f}, p95 {np.percentile(c, 95):.0f} ms'
            for (label, _), c in zip(STAGES.values(), columns, strict=True)
        ]
        content = f'<div id="latency" style="{BOX};color:{TEXT}">{"<br>".join(words)}</div>'
        if self._words.content != content:
            self._words.content = content


class MotionPlot:
    """Tool coordinates: measured up to now, planned from there."""

    def __init__(self, gui: viser.GuiApi):
        lines: Any = [{'label': a, 'stroke': c, 'width': 2} for a, c in AXES.items()]
        lines += [
            {'label': f'{a} planned', 'stroke': c, 'width': 2, 'dash': [6, 4]}
            for a, c in AXES.items()
        ]
        self._plot: Any = gui.add_uplot(
            data=tuple(np.zeros(1) for _ in range(7)),
            series=({}, *lines),
            scales={'x': {'time': False}, 'y': {'auto': True}},
            axes=_axes('seconds from now', 'm'),
            height=PLOT_PX,
        )

    def draw(
        self,
        done: Sequence[tuple[float, np.ndarray]],
        plan: Sequence[tuple[float, np.ndarray]],
    ) -> None:
        """Draw (s from now, (3,) m) of what was measured and of what is planned."""
        done = [(t, p) for t, p in done if t > -PAST_S]
        rows = [(t, [*p, np.nan, np.nan, np.nan]) for t, p in done]
        rows += [(t, [np.nan, np.nan, np.nan, *p]) for t, p in plan]
        if len(rows) < 2:
            return
        rows.sort(key=lambda row: row[0])
        data = np.array([[t, *values] for t, values in rows]).T
        low, high = float(np.nanmin(data[1:])), float(np.nanmax(data[1:]))
        self._plot.scales = {  # gaps are NaN, which the plot's own search for a range takes in
            'x': {'time': False, 'range': (float(data[0, 0]), float(data[0, -1]))},
            'y': {'range': (low - MARGIN_M, high + MARGIN_M)},
        }
        self._plot.data = tuple(data)


def _axes(x: str, y: str) -> Any:
    return tuple(
        {'label': label, 'stroke': TEXT, 'grid': GRID, 'ticks': GRID, 'labelSize': 18, 'size': 42}
        for label in (x, y)
    )


def _same(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
