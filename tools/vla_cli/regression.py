"""`--baseline` and `--fail-if`: an earlier report, and by how much a run may fall behind it."""

import json
import math
import re
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 1  # of report.json
SUCCESS, TASKS = 'success', 'tasks'
WRITE = "write 'KEY OP NUMBER', OP < or >, e.g. 'success<-0.05' (new minus baseline)"


@dataclass(frozen=True)
class Condition:
    """A difference, new minus baseline, that fails a run.

    Attributes:
        key: `success`, `success/<task>`, or names with dots between them.
        op: `<` or `>`.
        number: What the difference is compared with.
    """

    key: str
    op: str
    number: float

    def __str__(self) -> str:
        return f'{self.key}{self.op}{self.number:g}'

    @property
    def task(self) -> str | None:
        """The one task that it is about, None for a figure of all of them."""
        first, *rest = self.names
        return rest[0] if first == TASKS and rest else None

    @property
    def names(self) -> list[str]:
        """The way to the number in a report."""
        kind, slash, task = self.key.partition('/')
        return [TASKS, task, 'rate'] if slash and kind == SUCCESS else self.key.split('.')

    def number_in(self, report: Mapping[str, Any]) -> float | None:
        """Return the number that the key names, None where there is none."""
        value: Any = report
        for name in self.names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return None if isinstance(value, bool) or not isinstance(value, int | float) else value

    def met(self, difference: float) -> bool:
        """Tell whether a difference fails the run."""
        return difference < self.number if self.op == '<' else difference > self.number


def conditions(text: str) -> tuple[Condition, ...]:
    """Return the conditions of `--fail-if`.

    Raises:
        ArgumentTypeError: it is none.
    """
    return tuple(_condition(part.strip()) for part in text.split(','))


def checked(text: str) -> str:
    """Check `--fail-if`; return it as it is.

    Raises:
        ArgumentTypeError: it is no list of conditions.
    """
    conditions(text)
    return text


def _condition(text: str) -> Condition:
    found = re.fullmatch(r'([\w./-]+?)\s*([<>])\s*([-+.\w]+)', text)
    try:
        number = float(found[3]) if found else math.nan
    except ValueError:
        number = math.nan
    if found is None or not math.isfinite(number):
        raise ArgumentTypeError(f'{text!r} is no condition: {WRITE}')
    return Condition(found[1], found[2], number)


def read(path: Path) -> dict[str, Any]:
    """Return a report to compare with.

    Raises:
        ArgumentTypeError: the file is none of this version.
    """
    try:
        report = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ArgumentTypeError(f'{str(path)!r} is no report.json ({_line(error)})') from None
    version = report.get('format') if isinstance(report, dict) else None
    if version is None or not isinstance(report.get(TASKS), dict):
        raise ArgumentTypeError(f'{str(path)!r} is no report.json of one run of ./vla eval')
    if version != FORMAT:
        raise ArgumentTypeError(
            f'{str(path)!r} is a report of version {version!r}, this ./vla writes version '
            f'{FORMAT}: make the baseline anew'
        )
    return report


def baseline(text: str) -> str:
    """Check that a file is a report of this version; return its absolute path.

    Raises:
        ArgumentTypeError: it is not there, or no such report.
    """
    path = Path(text).expanduser()
    if not path.is_file():
        raise ArgumentTypeError(f'there is no file {text!r}')
    read(path)
    return str(path.absolute())


def mismatch(
    report: Mapping[str, Any], asked: Sequence[Condition], tasks: Sequence[str]
) -> str | None:
    """Return in one line why a run of these tasks cannot be compared; None where it can."""
    there = list(report[TASKS])
    if set(there) != set(tasks):
        return (
            f'--baseline: its tasks are {",".join(there)}, those of this run {",".join(tasks)}; '
            f'say --tasks {",".join(there)}, or name another baseline'
        )
    for condition in asked:
        if condition.task is not None and condition.task not in tasks:
            return f'--fail-if {condition}: no task of this run is called {condition.task!r}'
        if condition.number_in(report) is None:
            return f'--fail-if {condition}: the baseline holds no number at {condition.key!r}'
    return None


def _line(error: Exception) -> str:
    return ' '.join(str(error).split())[:120]
