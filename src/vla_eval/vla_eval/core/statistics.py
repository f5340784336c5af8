"""What a report states of numbers: intervals of rates and of their mean, percentiles."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

Z95 = 1.959964  # two-sided 95 % point of the normal distribution


def wilson(successes: int, episodes: int, z: float = Z95) -> tuple[float, float]:
    """Return the score interval of a success rate (Wilson 1927, eq. 6), inside [0, 1].

    Unlike rate +- z * standard error it stays honest at 0 of n and n of n.

    Raises:
        ValueError: no episodes, or more successes than episodes.
    """
    if episodes <= 0 or not 0 <= successes <= episodes:
        raise ValueError(f'0 <= successes <= episodes > 0 expected, got {successes}, {episodes}')
    rate = successes / episodes
    shrink = 1.0 + z * z / episodes
    middle = rate + z * z / (2 * episodes)
    half = z * math.sqrt(rate * (1.0 - rate) / episodes + (z / (2 * episodes)) ** 2)
    low = (middle - half) / shrink if successes else 0.0  # exact at the ends, despite rounding
    high = (middle + half) / shrink if successes < episodes else 1.0
    return low, high


def mean_interval(
    values: Sequence[float], intervals: Sequence[tuple[float, float]]
) -> tuple[float, float]:
    """Return the interval of the mean of independent estimates whose own intervals are known.

    MOVER (Zou, Donner 2008, Statistics in Medicine 27:1693, eq. 9), with equal weights.
    """
    k, mean = len(values), sum(values) / len(values)
    pairs = list(zip(values, intervals, strict=True))
    below = math.sqrt(sum((value - low) ** 2 for value, (low, _) in pairs)) / k
    above = math.sqrt(sum((high - value) ** 2 for value, (_, high) in pairs)) / k
    return mean - below, mean + above


def percentiles(values: Iterable[float]) -> dict[str, float | int | None]:
    """Return p50, p95, p99 (linear between ranks) and the count; None where there is no value."""
    found = np.fromiter(values, float)
    if not len(found):
        return {'p50': None, 'p95': None, 'p99': None, 'count': 0}
    p50, p95, p99 = np.percentile(found, (50, 95, 99))
    return {
        'p50': round(float(p50), 6),
        'p95': round(float(p95), 6),
        'p99': round(float(p99), 6),
        'count': len(found),
    }
