"""Two runs compared by success rate, episode by episode where seeds are common."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from vla_eval.core.statistics import mean_interval, wilson

PAIRED = 'paired on common seeds: Newcombe interval (1998, method 10), exact McNemar test'
UNPAIRED = 'no common seeds: Newcombe interval of independent rates (1998, method 10)'
MEAN = 'mean over tasks: intervals of the tasks joined by MOVER (Zou, Donner 2008)'


@dataclass(frozen=True)
class Difference:
    """A rate, new minus old.

    Attributes:
        old: Rate of the older run, over the episodes compared.
        new: Of the newer.
        ci95: Interval of `new - old`.
        pairs: Episodes that both runs played; 0 where they are not paired.
        lost: Pairs in which only the older run succeeded.
        gained: Pairs in which only the newer did.
        p: Of the exact McNemar test that losses and gains are as likely, None where not paired.
        method: What the interval and p are.
    """

    old: float
    new: float
    ci95: tuple[float, float]
    pairs: int
    lost: int
    gained: int
    p: float | None
    method: str

    @property
    def value(self) -> float:
        """New minus old."""
        return self.new - self.old


Outcomes = Mapping[int, bool]  # seed of an episode -> success


def compare(old: Outcomes, new: Outcomes) -> Difference:
    """Return the difference of two runs of one task.

    On the common seeds where there are any, else of all episodes of both.
    """
    common = [seed for seed in new if seed in old]
    if not common:
        return _unpaired(list(old.values()), list(new.values()))
    both, lost, gained, neither = _table([(old[s], new[s]) for s in common])
    n = len(common)
    first, second = (both + lost) / n, (both + gained) / n
    phi = _correlation(both, lost, gained, neither)
    ci95 = _newcombe(second, wilson(both + gained, n), first, wilson(both + lost, n), phi)
    return Difference(first, second, ci95, n, lost, gained, _mcnemar(lost, gained), PAIRED)


def mean(tasks: Sequence[Difference]) -> Difference:
    """Return the difference of the mean over tasks; the test is over all pairs."""
    k = len(tasks)
    lost, gained = sum(t.lost for t in tasks), sum(t.gained for t in tasks)
    return Difference(
        old=sum(task.old for task in tasks) / k,
        new=sum(task.new for task in tasks) / k,
        ci95=mean_interval([task.value for task in tasks], [task.ci95 for task in tasks]),
        pairs=sum(task.pairs for task in tasks),
        lost=lost,
        gained=gained,
        p=_mcnemar(lost, gained) if all(task.pairs for task in tasks) else None,
        method=MEAN,
    )


def steps(pairs: Sequence[tuple[int, int]]) -> tuple[float, tuple[float, float] | None]:
    """Return the mean of new minus old length, with its 95 % paired bootstrap interval (BCa).

    Args:
        pairs: (old, new) steps of episodes in which both runs succeeded, at least one.

    Returns:
        The mean, and the interval; None where the pairs are too few or all alike.
    """
    apart = np.array([new - old for old, new in pairs], float)
    if len(apart) < 3 or np.ptp(apart) == 0:
        return float(apart.mean()), None
    found = stats.bootstrap((apart,), np.mean, rng=np.random.default_rng(0), n_resamples=2000)
    low, high = found.confidence_interval
    return float(apart.mean()), (float(low), float(high))


def _unpaired(old: Sequence[bool], new: Sequence[bool]) -> Difference:
    first, second = sum(old) / len(old), sum(new) / len(new)
    bounds = wilson(sum(old), len(old)), wilson(sum(new), len(new))
    ci95 = _newcombe(second, bounds[1], first, bounds[0], 0.0)
    return Difference(first, second, ci95, 0, 0, 0, None, UNPAIRED)


def _table(pairs: Sequence[tuple[bool, bool]]) -> tuple[int, int, int, int]:
    """Return how many pairs (old, new) are both, only old, only new, neither."""
    kinds = ((True, True), (True, False), (False, True), (False, False))
    both, lost, gained, neither = (sum(pair == kind for pair in pairs) for kind in kinds)
    return both, lost, gained, neither


def _mcnemar(lost: int, gained: int) -> float:
    """Return p of the exact test: a pair that differs is a fair coin (McNemar 1947)."""
    apart = lost + gained
    return float(stats.binomtest(gained, apart, 0.5).pvalue) if apart else 1.0


def _correlation(both: int, lost: int, gained: int, neither: int) -> float:
    """Return phi of the 2 x 2 table, corrected for continuity (Newcombe 1998, method 10)."""
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    if margins == 0:
        return 0.0
    n, product = both + lost + gained + neither, both * neither - lost * gained
    corrected = product if product < 0 else max(product - n / 2, 0.0)
    return corrected / math.sqrt(margins)


def _newcombe(
    p: float, p_ci: tuple[float, float], q: float, q_ci: tuple[float, float], phi: float
) -> tuple[float, float]:
    """Return the interval of p - q from those of p and q, Wilson's, and their correlation.

    Newcombe 1998, Statistics in Medicine 17:2635 (paired) and 17:873 (phi = 0). Unlike a bootstrap
    of the differences it does not shrink to nothing where no pair differs.
    """
    down, up = p - p_ci[0], p_ci[1] - p
    q_down, q_up = q - q_ci[0], q_ci[1] - q
    below = math.sqrt(max(0.0, down**2 - 2 * phi * down * q_up + q_up**2))
    above = math.sqrt(max(0.0, up**2 - 2 * phi * up * q_down + q_down**2))
    return p - q - below, p - q + above
