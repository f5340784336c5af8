"""The comparison as tables of words: strategies down, latencies across."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vla_eval.bench._strategies.cells import LATENCIES_MS, REACTS, TASKS, strategies
from vla_eval.bench._strategies.summary import Summaries, Summary
from vla_eval.core.comparison import LATE, REACTION, SUCCESS, Cell

NOT_RUN = 'not run'
NOTHING = '-'


@dataclass(frozen=True)
class Measure:
    """One thing that is told of cells.

    Attributes:
        title: What it is, with its unit.
        kind: Of the cells.
        word: Returns it in words; None where there was nothing to measure.
    """

    title: str
    kind: str
    word: Callable[[Summary], str | None]


def _number(form: str, name: str) -> Callable[[Summary], str | None]:
    def word(summary: Summary) -> str | None:
        value = getattr(summary, name)
        return None if value is None else form.format(value)

    return word


def _success(s: Summary) -> str:
    return f'{s.rate:.2f} ({s.ci95[0]:.2f} - {s.ci95[1]:.2f})'


def _reaction(s: Summary) -> str | None:
    return None if s.reaction is None else f'{s.reaction:.0f} ({s.reacted}/{s.moved})'


SUCCESSES = Measure('Success, with 95 % Wilson interval', SUCCESS, _success)
REACTIONS = Measure('Reaction to a moved target, median ms (turned/moved)', REACTION, _reaction)
OTHERS = (
    Measure('Mean time of the successful episodes, s', SUCCESS, _number('{:.1f}', 'time')),
    Measure('Jerk of the commanded tool, rms, m/s^3', SUCCESS, _number('{:.0f}', 'jerk')),
    Measure('Boundary jump, m/s', SUCCESS, _number('{:.3f}', 'boundary_jump')),
    Measure('Ticks changed by the gate, share', SUCCESS, _number('{:.4f}', 'clipped')),
)


@dataclass(frozen=True)
class Table:
    """Words, ready to be laid out.

    Attributes:
        task: It is about.
        title: What is told.
        head: (C,) first `strategy`, then latencies.
        rows: (strategy, C - 1 words).
    """

    task: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(found: Summaries) -> Iterator[Table]:
    """Return all tables, the ambiguous task first."""
    for task in (LATE, *TASKS):
        measures = [SUCCESSES, *OTHERS] + ([REACTIONS] if task in REACTS else [])
        for measure in measures:
            for jitter in (False, True):
                if jitter and measure in OTHERS:
                    continue  # they are in bench.json
                yield table(found, task, measure, jitter)


def table(found: Summaries, task: str, measure: Measure, jitter: bool) -> Table:
    """Return one table."""
    columns = [ms for ms in LATENCIES_MS if ms or not jitter]
    rows = []
    for strategy in strategies(task):
        cells = [Cell(measure.kind, task, strategy, ms, jitter) for ms in columns]
        rows.append((strategy, *(_word(found.get(cell), measure) for cell in cells)))
    title = measure.title + (', latency drawn anew for every chunk' if jitter else '')
    return Table(task, title, ('strategy', *(f'{ms} ms' for ms in columns)), tuple(rows))


def _word(summary: Summary | None, measure: Measure) -> str:
    return NOT_RUN if summary is None else measure.word(summary) or NOTHING
