"""From episodes to figures: one summary per cell, and the rows of bench.json."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vla_control.core.strategies import STRATEGIES
from vla_eval.bench import Row
from vla_eval.core.comparison import LATE, REACTION, SUCCESS, VARIANTS, Cell
from vla_eval.core.statistics import wilson

STEP_S = 0.1  # of the simulator's checks, in which episodes are counted
KEPT = 'late_decision_kept'
KEPT_LEAST = 0.9
KEPT_AT_MS = 400  # four chunk steps
STOPS_TO_THINK = 'sync'
UNITS = {'jerk': 'm/s^3', 'boundary_jump': 'm/s', 'clipped': '', 'time': 's'}

Summaries = Mapping[Cell, 'Summary']


@dataclass(frozen=True)
class Summary:
    """What the episodes of a cell gave.

    Attributes:
        episodes: How many.
        successes: How many of them.
        ci95: Wilson interval of the success rate.
        time: Mean length of the successful ones, s; None where there is none.
        jerk: Mean over episodes, m/s^3.
        boundary_jump: Mean over episodes, m/s.
        clipped: Share of ticks that the gate changed.
        refused: Ticks in which the gate refused a row.
        stops: Latched stops.
        moved: Episodes in which the target moved.
        reacted: Of these, those in which the command turned to it.
        reaction: Median time until it turned, ms.
    """

    episodes: int
    successes: int
    ci95: tuple[float, float]
    time: float | None
    jerk: float | None
    boundary_jump: float | None
    clipped: float
    refused: int
    stops: int
    moved: int
    reacted: int
    reaction: float | None

    @property
    def rate(self) -> float:
        """Share of successful episodes."""
        return self.successes / self.episodes

    @classmethod
    def of(cls, played: Sequence[Mapping[str, Any]]) -> 'Summary':
        """Sum episodes up; at least one."""
        wins = [e for e in played if e['success']]
        ticks = sum(e['ticks'] for e in played)
        times = [e['reaction_ms'] for e in played if e['reaction_ms'] is not None]
        return cls(
            episodes=len(played),
            successes=len(wins),
            ci95=wilson(len(wins), len(played)),
            time=_mean(e['steps'] * STEP_S for e in wins),
            jerk=_mean(e['jerk'] for e in played),
            boundary_jump=_mean(e['boundary_jump'] for e in played),
            clipped=sum(e['clipped'] for e in played) / max(1, ticks),
            refused=sum(e['refused'] for e in played),
            stops=sum(e['stops'] for e in played),
            moved=sum(e['moved'] for e in played),
            reacted=len(times),
            reaction=statistics.median(times) if times else None,
        )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def summaries(
    cells: Sequence[Cell], played: Mapping[tuple[str, int], Mapping[str, Any]]
) -> dict[Cell, Summary]:
    """Return the summaries of the cells that have episodes."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for (name, _), figures in sorted(played.items()):
        by_name.setdefault(name, []).append(figures)
    return {cell: Summary.of(by_name[cell.name]) for cell in cells if cell.name in by_name}


def rows(cells: Sequence[Cell], found: Summaries, judged: bool) -> list[Row]:
    """Return the rows of bench.json.

    Args:
        cells: All of them; those without episodes are told as not run.
        found: Their summaries.
        judged: Whether this is the full run, on which the target is judged.
    """
    listed: list[Row] = [_kept_row(found, judged)]
    for cell in cells:
        listed += _cell_rows(cell, found.get(cell))
    return listed


def kept(found: Summaries) -> tuple[float, str, str] | None:
    """Return (share of success kept, best strategy at the delay, best at none); None if not run.

    Of the strategies that overlap inference and motion, the highest success on the ambiguous task
    at a delay of four chunk steps, divided by the highest success of any strategy at none. The
    variants of strategies do not count.
    """
    late = {
        (cell.strategy, cell.latency_ms): summary.rate
        for cell, summary in found.items()
        if (cell.kind, cell.task, cell.jitter) == (SUCCESS, LATE, False)
        and cell.strategy in STRATEGIES
    }
    at_none = {s: r for (s, ms), r in late.items() if ms == 0}
    delayed = {s: r for (s, ms), r in late.items() if ms == KEPT_AT_MS and s != STOPS_TO_THINK}
    if not delayed or not at_none or max(at_none.values()) == 0.0:
        return None
    best, first = max(delayed, key=delayed.__getitem__), max(at_none, key=at_none.__getitem__)
    return delayed[best] / at_none[first], best, first


def _kept_row(found: Summaries, judged: bool) -> Row:
    share = kept(found)
    if share is None or not judged:
        return Row.not_run(KEPT, '', better='higher')
    return Row.judged(
        KEPT,
        share[0],
        '',
        least=KEPT_LEAST,
        better='higher',
        more={'strategy': share[1], 'strategy_at_none': share[2]},
    )


def _cell_rows(cell: Cell, summary: Summary | None) -> list[Row]:
    shown = cell.task == LATE and cell.strategy not in VARIANTS and not cell.jitter
    if cell.kind == REACTION:
        if summary is None or summary.reaction is None:
            return [Row.not_run(cell.name, 'ms', quiet=True)]
        more = {'moved': summary.moved, 'reacted': summary.reacted}
        return [Row(cell.name, summary.reaction, 'ms', quiet=True, more=more)]
    if summary is None:
        quiet = not shown
        return [Row.not_run(cell.name, '', better='higher', quiet=quiet)]
    ci95 = [round(bound, 4) for bound in summary.ci95]
    figures: dict[str, Any] = {
        'ci95': ci95,
        'episodes': summary.episodes,
        'successes': summary.successes,
        'refused': summary.refused,
        'stops': summary.stops,
    }
    listed = [Row(cell.name, summary.rate, '', better='higher', quiet=not shown, more=figures)]
    for name, unit in UNITS.items():
        value = getattr(summary, name)
        if value is not None:
            listed.append(
                Row(cell.name.replace(SUCCESS, name, 1), round(value, 6), unit, quiet=True)
            )
    return listed
