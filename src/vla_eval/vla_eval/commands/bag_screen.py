"""What an evaluation by bags shows on the terminal."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

HEAD = ('', 'tool', 'angle', 'joints', 'gripper wrong', 'chunks')


class BagBar:
    """Progress over seconds of bags."""

    def __init__(self, console: Console, total_s: float, label: str = ''):
        self._console, self._label = console, label
        self._done_s = 0.0
        self._bar = Progress(
            TextColumn('{task.description}'),
            BarColumn(bar_width=None),
            TextColumn('{task.completed:.0f}/{task.total:.0f} s'),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task('bags', total=total_s)

    def __enter__(self) -> 'BagBar':
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, name: str) -> None:
        """Show which bag is under way."""
        self._bar.update(self._task, description=f'{self._label} {name}'.strip())

    def at(self, seconds: float) -> None:
        """Show how far it is."""
        self._bar.update(self._task, completed=self._done_s + seconds)

    def end(self, seconds: float) -> None:
        """Count a finished bag."""
        self._done_s += seconds
        self.at(0.0)


def show(console: Console, report: Mapping[str, Any]) -> None:
    """Print the figures that matter most."""
    found = report['open_loop']
    table = Table(box=None, pad_edge=False)
    for word in HEAD:
        table.add_column(word, justify='left' if not word else 'right')
    chunks = report['chunks']['received']
    mean, own = found['error']['mean'], found['recorded']['error']['mean']
    table.add_row('off what was executed', *_cells(mean), str(chunks))
    if found['recorded']['chunks']:
        count = str(found['recorded']['chunks'])
        table.add_row("the bag's own chunks", *_cells(own), count)
    for kind, shift in found['sensitivity'].items():
        means = {k: v['mean'] if isinstance(v, dict) else v for k, v in shift.items()}
        table.add_row(f'moved by {kind}', *_cells(means), str(shift['chunks']))
    console.print(table)
    for comparison in report['comparisons']:
        _show_comparison(console, comparison)
    gate, wall = report['gate'], report['wall']
    console.print(
        f'gate, dry: {gate["clipped"]} of {gate["ticks"]} ticks clipped, {gate["refused"]} '
        f'refused; {wall["times_real_time"]:.3g} times real time',
        highlight=False,
    )


def _show_comparison(console: Console, comparison: Mapping[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for word in (f'{comparison["first"]} -> {comparison["second"]}', '', '', '95 % of difference'):
        table.add_column(word, justify='left' if len(table.columns) == 0 else 'right')
    for figure in comparison['figures']:
        ends = figure['ci95']
        interval = '-' if ends is None else f'{ends[0]:+.4g} .. {ends[1]:+.4g}'
        table.add_row(
            figure['name'], f'{figure["first"]:.4g}', f'{figure["second"]:.4g}', interval
        )
    console.print(table)


def _cells(mean: Mapping[str, Any]) -> list[str]:
    position, angle = mean['position_m'], mean['angle_rad']
    joints, gripper = mean['joints'], mean['gripper_wrong']
    return [
        '-' if position is None else f'{1000 * position:.1f} mm',
        '-' if angle is None else f'{57.29578 * angle:.2f}°',
        '-' if joints is None else f'{joints:.4f}',
        '-' if gripper is None else f'{100 * gripper:.1f} %',
    ]
