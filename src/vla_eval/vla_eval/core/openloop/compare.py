"""Two policies, two strategies or two bags beside each other, with bootstrap intervals.

Chunks of one moment are much alike, so the units that are drawn are seconds of bags, not chunks.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from vla_core.timing import SECOND
from vla_eval.core.openloop.accuracy import Distance
from vla_eval.core.openloop.figures import per_chunk
from vla_eval.core.openloop.measured import Measured

RESAMPLES = 2000
LEAST = 3  # seconds
PAIRED = (
    'Second minus first, second by second of the same bags. Dot: the difference in % of the '
    'first; negative is less. Band: its 95 % interval, a paired bootstrap (BCa) over the seconds; '
    'where it crosses zero, these bags do not tell the two apart.'
)
UNPAIRED = (
    'Second minus first; the two bags have nothing in common but the policy, so their seconds are '
    'drawn apart. Dot: the difference in % of the first; negative is less. Band: its 95 % '
    'bootstrap interval; where it crosses zero, these bags are too short to tell them apart.'
)

Blocks = Mapping[tuple[int, int], float]  # (bag, second of it) -> mean


def policies(
    first: Sequence[Measured], second: Sequence[Measured], names: tuple[str, str], seed: int
) -> dict[str, Any]:
    """Return the comparison of two runs over the same bags, in the same order.

    Args:
        first: One a bag.
        second: Likewise.
        names: What they are called.
        seed: Of the bootstrap.
    """
    found = []
    for name, measure in _MEASURES.items():
        a, b = measure(first), measure(second)
        common = sorted(a.keys() & b.keys())
        if common:
            rng = np.random.default_rng(seed)
            left = np.array([a[key] for key in common])
            right = np.array([b[key] for key in common])
            found.append(_figure(name, left, right, _paired(left, right, rng)))
    return _comparison(names, True, found)


def bags(first: Measured, second: Measured, seed: int) -> dict[str, Any]:
    """Return the comparison of one policy on two bags."""
    found = []
    for name, measure in _MEASURES.items():
        a = np.array(list(measure([first]).values()))
        b = np.array(list(measure([second]).values()))
        if len(a) and len(b):
            found.append(_figure(name, a, b, _apart(a, b, np.random.default_rng(seed))))
    return _comparison((first.trace.name, second.trace.name), False, found)


def _comparison(
    names: tuple[str, str], paired: bool, found: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        'first': names[0],
        'second': names[1],
        'paired': paired,
        'meaning': PAIRED if paired else UNPAIRED,
        'figures': found,
    }


def _figure(
    name: str, a: np.ndarray, b: np.ndarray, ci95: tuple[float, float] | None
) -> dict[str, Any]:
    first, second = float(a.mean()), float(b.mean())
    scale = abs(first)
    return {
        'name': name,
        'first': round(first, 9),
        'second': round(second, 9),
        'difference': round(second - first, 9),
        'ci95': None if ci95 is None else [round(end, 9) for end in ci95],
        'relative': round((second - first) / scale, 9) if scale > 0 else None,
        'relative_ci95': (
            [round(end / scale, 9) for end in ci95] if ci95 is not None and scale > 0 else None
        ),
        'units': len(a) if len(a) == len(b) else f'{len(a)}, {len(b)}',
    }


def _paired(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> tuple[float, float] | None:
    apart = b - a
    if len(apart) < LEAST or np.ptp(apart) == 0.0:
        return None
    return _interval((apart,), _mean, rng)


def _apart(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> tuple[float, float] | None:
    if min(len(a), len(b)) < LEAST or np.ptp(a) + np.ptp(b) == 0.0:
        return None
    return _interval((a, b), _difference, rng)


def _interval(
    samples: tuple[np.ndarray, ...], statistic: Callable[..., Any], rng: np.random.Generator
) -> tuple[float, float] | None:
    with warnings.catch_warnings(), np.errstate(invalid='ignore', divide='ignore'):
        warnings.simplefilter('ignore', stats.DegenerateDataWarning)  # then the interval is None
        found = stats.bootstrap(samples, statistic, n_resamples=RESAMPLES, rng=rng)
    low, high = (float(end) for end in found.confidence_interval)
    return (low, high) if np.isfinite([low, high]).all() else None


def _mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(np.mean(values, axis=axis))


def _difference(a: np.ndarray, b: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.asarray(np.mean(b, axis=axis) - np.mean(a, axis=axis))


# -- by the second --------------------------------------------------------------------------------


def _chunks(pick: Callable[[Measured], np.ndarray]) -> Callable[[Sequence[Measured]], Blocks]:
    """Return the means by second of a number a chunk."""

    def measure(runs: Sequence[Measured]) -> Blocks:
        gathered: dict[tuple[int, int], list[float]] = {}
        for bag, run in enumerate(runs):
            seconds = (run.trace.starts_ns() - run.trace.begin_ns) // SECOND
            for second, value in zip(seconds.tolist(), pick(run).tolist(), strict=True):
                if np.isfinite(value):
                    gathered.setdefault((bag, second), []).append(value)
        return {key: float(np.mean(values)) for key, values in gathered.items()}

    return measure


def _part(which: str, name: str) -> Callable[[Measured], np.ndarray]:
    def pick(run: Measured) -> np.ndarray:
        distance: Distance = getattr(run, which)
        return per_chunk(getattr(distance, name))

    return pick


def _dry_jerk(runs: Sequence[Measured]) -> Blocks:
    """Return the means by second of the dry run's |jerk|."""
    found: dict[tuple[int, int], float] = {}
    for bag, run in enumerate(runs):
        dry = run.motions['dry_run']
        seconds = (dry.jerks_ns - run.trace.begin_ns) // SECOND
        for second in np.unique(seconds):
            found[bag, int(second)] = float(np.mean(dry.jerks[seconds == second]))
    return found


_MEASURES: dict[str, Callable[[Sequence[Measured]], Blocks]] = {
    'error, m': _chunks(_part('error', 'position')),
    'error, rad': _chunks(_part('error', 'angle')),
    'error of joints': _chunks(_part('error', 'joints')),
    'gripper wrong': _chunks(_part('error', 'gripper')),
    'chunk to chunk, m': _chunks(_part('consistency', 'position')),
    'chunk to chunk, joints': _chunks(_part('consistency', 'joints')),
    'dry run: mean jerk, m/s^3': _dry_jerk,
}
