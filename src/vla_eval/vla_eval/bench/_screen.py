"""What a benchmark shows on the terminal: a bar per part, then a table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from vla_eval.bench import Row

LINES = 10  # where there is no terminal, a part prints at most this many lines


class Part:
    """Progress of one part."""

    def __init__(self, bar: Progress, task: TaskID, title: str, total: int, lines: int):
        self._bar, self._task, self._title = bar, task, title
        self._done, self._total, self._lines = 0, total, lines

    def advance(self, by: int = 1, note: str = '') -> None:
        """Count what is done, with a word about it."""
        before, self._done = self._done, self._done + by
        self._bar.update(self._task, advance=by, note=note)
        every = max(1, self._total // self._lines) if self._lines else self._total
        if not self._bar.console.is_terminal and self._done // every > before // every:
            self._bar.console.print(f'{self._title} {self._done}/{self._total} {note}'.rstrip())


class Screen:
    """The terminal of a benchmark."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console()

    @contextmanager
    def part(self, title: str, total: int = 1, lines: int = 1) -> Iterator[Part]:
        """Show progress of a part while it runs.

        Args:
            title: What runs.
            total: How many pieces.
            lines: Where there is no terminal, how many lines it prints at most.
        """
        bar = Progress(
            TextColumn(f'{title:<16}'),
            BarColumn(),
            TextColumn('{task.completed}/{task.total}'),
            TextColumn('{task.fields[note]}'),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )
        with bar:
            yield Part(bar, bar.add_task('', total=total, note=''), title, total, lines)

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, soft_wrap=True, highlight=False, markup=False)

    def table(self, rows: Sequence[Row]) -> None:
        """Print the rows."""
        table = Table(box=None, pad_edge=False)
        for word in ('id', 'value', 'peer', 'ratio', 'target', 'ok'):
            numbers = word in ('value', 'peer', 'ratio')
            table.add_column(
                word, justify='right' if numbers else 'left', no_wrap=word != 'target'
            )
        for row in (row for row in rows if not row.quiet):
            unit = f' {row.unit}' if row.unit else ''
            table.add_row(
                row.id,
                '-' if row.value is None else f'{row.value:.4g}{unit}',
                '-' if row.peer is None else f'{row.peer:.4g}{unit}',
                '-' if row.ratio is None else f'{row.ratio:.2f}x',
                row.target,
                'ok' if row.ok else 'NOT OK',
                style=None if row.ok else 'bold red',
            )
        self._console.print(table)
        measured = [row for row in rows if row.peer is not None]
        for name in dict.fromkeys(row.peer_name for row in measured):
            ids = ', '.join(row.id for row in measured if row.peer_name == name)
            self.say(f'peer of {ids}: {name}')
