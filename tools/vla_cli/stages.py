"""The stages of `./vla test`: what guards the project, cheapest first."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vla_cli.places import Places

CORES = ('src/vla_core/vla_core', 'src/*/*/core', 'tools/vla_cli')
UNIT = 'not ros and not gpu and not hardware'
NODE = 'ros and not gpu and not hardware'
SHARED = ('-n', '2', '--dist', 'loadfile')
WAITING = ('-n', '3', '--dist', 'loadfile')  # tests of nodes wait half of their time
# Real time on a machine that may do other things: once more, and `-rR` names what needed it.
AGAIN = ('--reruns', '1', '-rRsfE')


@dataclass(frozen=True)
class Stage:
    """One kind of check.

    Attributes:
        title: What it checks, for the progress line.
        commands: Makes its command lines for a checkout; words after the Python interpreter.
    """

    title: str
    commands: Callable[[Places], list[list[str]]]


def _lint(_: Places) -> list[list[str]]:
    return [['-m', 'ruff', 'check', '.'], ['-m', 'ruff', 'format', '--check', '.']]


def _types(places: Places) -> list[list[str]]:
    folders = sorted(str(f.relative_to(places.root)) for g in CORES for f in places.root.glob(g))
    return [['-m', 'mypy', *folders]]


def _pytest(marker: str, *words: str) -> list[list[str]]:
    return [['-m', 'pytest', '-q', '--no-header', '-m', marker, *words]]


STAGES = {
    'lint': Stage('lint and format', _lint),
    'types': Stage('types of the cores', _types),
    'unit': Stage('unit tests', lambda _: _pytest(UNIT, *SHARED)),
    'node': Stage('node tests', lambda _: _pytest(NODE, *AGAIN, *WAITING, 'src', 'tools')),
    'scenario': Stage('whole-stack scenarios', lambda _: _pytest(NODE, *AGAIN, 'test')),
}


def summary(log: Path) -> str:
    """Return the line with which the last command of a stage closed, e.g. pytest's counts."""
    lines = [line.strip() for line in log.read_text(errors='replace').splitlines()]
    lines = [line for line in lines if line and not line.startswith('$ ')]
    counts = [line for line in lines if re.search(r'\d+ (passed|failed|error)', line)]
    return (counts or lines or ['no output'])[-1]


def not_run(log: Path) -> list[str]:
    """Return which tests pytest skipped and why, one a line; a skip is no pass."""
    lines = log.read_text(errors='replace').splitlines()
    return [m[1] for line in lines if (m := re.match(r'SKIPPED \[\d+\] (.*)', line.strip()))]


def second_tries(log: Path) -> list[str]:
    """Return the tests that passed, or failed, only after they were run once more."""
    lines = log.read_text(errors='replace').splitlines()
    return [m[1] for line in lines if (m := re.match(r'RERUN (.*)', line.strip()))]


def what_failed(log: Path, most: int = 120) -> str:
    """Return the part of a log that tells what failed, its end where it is long."""
    text = log.read_text(errors='replace')
    begin = re.search(r'^=+ (FAILURES|ERRORS) =+$', text, re.MULTILINE)
    lines = text[begin.start() if begin else 0 :].splitlines()
    cut = [f'... {len(lines) - most} more lines in {log}'] if len(lines) > most else []
    return '\n'.join([*cut, *lines[-most:]])
