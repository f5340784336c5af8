"""What a run shows on the terminal: a bar with the success so far, a table, the paths."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from vla_eval.core.results import EpisodeResult

LINES = 10  # where there is no terminal, the bar becomes this many lines


class EpisodeBar:
    """Progress over episodes, with the success so far."""

    def __init__(self, console: Console, total: int):
        self._console = console
        self._total = total
        self._done = 0
        self._successes = 0
        self._bar = Progress(
            TextColumn('{task.description}'),
            BarColumn(bar_width=None),
            TaskProgressColumn('{task.completed}/{task.total}'),
            TextColumn('{task.fields[score]}'),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task('episodes', total=total, score='')

    def __enter__(self) -> 'EpisodeBar':
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, words: str) -> None:
        """Show the words of the episode under way."""
        self._bar.update(self._task, description=words)

    def add(self, result: EpisodeResult) -> None:
        """Count a finished episode."""
        self._done += 1
        self._successes += result.success
        score = f'success {self._successes}/{self._done}'
        self._bar.update(self._task, advance=1, score=score)
        every = max(1, self._total // LINES)
        if not self._console.is_terminal and (
            self._done % every == 0 or self._done == self._total
        ):
            self._console.print(f'{self._done}/{self._total} episodes, {score}')


def show_score(console: Console, report: Mapping[str, Any]) -> None:
    """Print the table of success."""
    table = Table(box=None, pad_edge=False)
    for word in ('task', 'success', 'rate', '95 % interval', 'mean time'):
        table.add_column(word, justify='left' if word == 'task' else 'right')
    for name, task in report['tasks'].items():
        low, high = task['ci95']
        time_s = '-' if task['mean_steps'] is None else f'{task["mean_steps"] / 10:.1f} s'
        table.add_row(
            name,
            f'{task["successes"]}/{task["episodes"]}',
            f'{100 * task["rate"]:.1f} %',
            f'{100 * low:.1f} - {100 * high:.1f} %',
            time_s,
        )
    console.print(table)
    console.print(f'success {100 * report["success"]:.1f} %, mean over tasks')


def show_paths(console: Console, paths: Sequence[Path]) -> None:
    """Print where the report lies, last."""
    for path in paths:
        console.print(str(path), soft_wrap=True, highlight=False, markup=False)
