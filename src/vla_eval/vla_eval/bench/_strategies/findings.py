"""What theory expects of the strategies, beside what was measured: agreement is computed."""

from collections.abc import Callable
from dataclasses import dataclass

from vla_eval.bench._strategies.cells import TASKS
from vla_eval.bench._strategies.summary import Summaries, Summary
from vla_eval.core.comparison import LATE, SUCCESS, Cell

NOT_RUN = 'not run'


@dataclass(frozen=True)
class Finding:
    """One expectation.

    Attributes:
        theory: What is expected, and why.
        result: What was measured, `not run` where cells are missing.
        agrees: Whether they agree; None where it was not run.
    """

    theory: str
    result: str
    agrees: bool | None


def findings(found: Summaries) -> list[Finding]:
    """Return every expectation with its result."""
    return [
        _naive_falls(found),
        _rtc_holds(found),
        _averaging_hurts(found),
        _sync_does_not_care(found),
        _prefix_in_training(found),
        _clear_tasks_tie(found),
        _jitter_is_free(found),
        _ensembling_smooths(found),
    ]


class _MissingError(Exception):
    """A cell has no episodes."""


def _at(found: Summaries, task: str, strategy: str, ms: int, jitter: bool = False) -> Summary:
    summary = found.get(Cell(SUCCESS, task, strategy, ms, jitter))
    if summary is None:
        raise _MissingError
    return summary


def _finding(theory: str, measure: Callable[[], tuple[str, bool]]) -> Finding:
    try:
        result, agrees = measure()
    except _MissingError:
        return Finding(theory, NOT_RUN, None)
    return Finding(theory, result, agrees)


def _apart(a: Summary, b: Summary) -> bool:
    """Whether a's rate is above b's by more than chance: their intervals do not overlap."""
    return a.ci95[0] > b.ci95[1]


def _overlap(a: Summary, b: Summary) -> bool:
    return not _apart(a, b) and not _apart(b, a)


def _naive_falls(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        first, late = (_at(found, LATE, 'async', ms) for ms in (0, 400))
        return f'async {first.rate:.2f} at 0 ms, {late.rate:.2f} at 400 ms', _apart(first, late)

    return _finding(
        'Where the policy may choose anew at every chunk, changing to the newest chunk loses '
        'success with delay (Black et al. 2025, figure 4).',
        measure,
    )


def _rtc_holds(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        guided, naive = (_at(found, LATE, name, 400) for name in ('rtc', 'async'))
        return f'at 400 ms rtc {guided.rate:.2f}, async {naive.rate:.2f}', _apart(guided, naive)

    return _finding(
        'Guided to agree with what is executed anyway, the same policy keeps its side: real-time '
        'chunking is above changing to the newest chunk at a long delay.',
        measure,
    )


def _averaging_hurts(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        mean, one = (_at(found, LATE, name, 0) for name in ('temporal_ensemble', 'rtc'))
        return f'at 0 ms temporal_ensemble {mean.rate:.2f}, rtc {one.rate:.2f}', _apart(one, mean)

    return _finding(
        'The mean of two ways round is a way through the middle: temporal ensembling fails on the '
        'ambiguous task even without delay.',
        measure,
    )


def _sync_does_not_care(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        first, late = (_at(found, LATE, 'sync', ms) for ms in (0, 400))
        words = f'sync {first.rate:.2f} at 0 ms, {late.rate:.2f} at 400 ms'
        if first.time is not None and late.time is not None:
            words += f'; it takes {first.time:.1f} s and {late.time:.1f} s'
        return words, _overlap(first, late)

    return _finding(
        'A robot that stands still while it thinks loses time and no success to delay.', measure
    )


def _prefix_in_training(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        trained, guided = (_at(found, LATE, name, 400) for name in ('rtc_trained', 'rtc'))
        agrees = trained.rate >= guided.rate or _overlap(trained, guided)
        return f'at 400 ms rtc_trained {trained.rate:.2f}, rtc {guided.rate:.2f}', agrees

    return _finding(
        'A policy that learned to continue a prefix does at least as well as one that is guided '
        'to it (Black et al. 2025, training-time action conditioning).',
        measure,
    )


def _clear_tasks_tie(found: Summaries) -> Finding:
    names = ('receding_horizon', 'temporal_ensemble', 'async', 'rtc')

    def measure() -> tuple[str, bool]:
        rates, ties = [], True
        for task in TASKS:
            of_task = [_at(found, task, name, 0) for name in names]
            best = max(of_task, key=lambda s: s.rate)
            worst = min(of_task, key=lambda s: s.rate)
            ties &= _overlap(best, worst)
            rates.append(f'{task} {worst.rate:.2f} to {best.rate:.2f}')
        return ', '.join(rates), ties

    return _finding(
        'Where the words say which way, there is nothing to disagree about: without delay the '
        'strategies tie on the tabletop tasks.',
        measure,
    )


def _jitter_is_free(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        fixed, drawn = (_at(found, LATE, 'rtc', 200, jitter) for jitter in (False, True))
        words = f'rtc at 200 ms: fixed {fixed.rate:.2f}, jittered {drawn.rate:.2f}'
        return words, _overlap(fixed, drawn)

    return _finding(
        'Rows are meant for times, so a delay that varies costs no more than its mean.', measure
    )


def _ensembling_smooths(found: Summaries) -> Finding:
    def measure() -> tuple[str, bool]:
        mean, newest = (_at(found, 'reach', name, 0) for name in ('temporal_ensemble', 'async'))
        if mean.jerk is None or newest.jerk is None:
            raise _MissingError
        words = f'jerk on reach: temporal_ensemble {mean.jerk:.0f}, async {newest.jerk:.0f} m/s^3'
        return words, mean.jerk < newest.jerk

    return _finding(
        'Averaging makes motion smoother than changing to the newest chunk (Zhao et al. 2023).',
        measure,
    )
