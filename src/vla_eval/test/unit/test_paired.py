"""Differences of success rates: published examples, exact tests, coverage."""

import math

import numpy as np
import pytest

from vla_eval.core import paired


def outcomes(both: int, lost: int, gained: int, neither: int) -> tuple[dict, dict]:
    """Return two runs on the same seeds with that 2 x 2 table."""
    n = both + lost + gained + neither
    old = {seed: seed < both + lost for seed in range(n)}
    new = {seed: seed < both or both + lost <= seed < both + lost + gained for seed in range(n)}
    return old, new


@pytest.mark.parametrize(
    ('table', 'low', 'high'),
    [
        # Newcombe 1998 (Statistics in Medicine 17:2635), tables of the method's first examples
        ((36, 2, 12, 0), 0.0569, 0.3404),
        # Altman et al. 2000 (Statistics with Confidence), table 6.2
        ((14, 0, 5, 22), 0.011, 0.226),
    ],
)
def test_paired_intervals_are_the_published_ones(table, low, high):
    found = paired.compare(*outcomes(*table))
    assert found.ci95 == pytest.approx((low, high), abs=5e-4)
    assert (found.pairs, found.lost, found.gained) == (sum(table), table[1], table[2])
    assert found.value == pytest.approx((table[2] - table[1]) / sum(table))


@pytest.mark.parametrize(
    ('new', 'old', 'low', 'high'),
    [
        # Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_without_common_seeds_the_intervals_are_those_of_independent_rates(new, old, low, high):
    one = {seed: seed < old[0] for seed in range(old[1])}
    two = {1000 + seed: seed < new[0] for seed in range(new[1])}
    found = paired.compare(one, two)
    assert found.ci95 == pytest.approx((low, high), abs=5e-5)
    assert (found.pairs, found.p) == (0, None)
    assert 'no common seeds' in found.method


@pytest.mark.parametrize(('lost', 'gained'), [(0, 0), (0, 5), (1, 7), (6, 6), (10, 3)])
def test_mcnemar_is_a_fair_coin_over_the_pairs_that_differ(lost, gained):
    n = lost + gained
    ways = [math.comb(n, k) / 2**n for k in range(n + 1)]
    as_odd = sum(way for way in ways if way <= ways[gained] * (1 + 1e-9))
    assert paired.compare(*outcomes(4, lost, gained, 3)).p == pytest.approx(min(1.0, as_odd))


def test_only_common_seeds_are_compared():
    old, new = outcomes(5, 1, 2, 2)
    found = paired.compare(old | {99: False}, new | {77: True})
    assert found == paired.compare(old, new)


def test_swapping_the_runs_mirrors_the_interval():
    old, new = outcomes(20, 3, 8, 9)
    there, back = paired.compare(old, new), paired.compare(new, old)
    assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]))
    assert there.p == back.p


def test_no_pair_that_differs_is_no_certainty():
    found = paired.compare(*outcomes(5, 0, 0, 0))
    assert found.value == 0
    assert found.ci95[0] < -0.3
    assert found.ci95[1] > 0.3


def test_the_mean_counts_each_task_alike_and_is_narrower_than_its_parts():
    parts = [paired.compare(*outcomes(*t)) for t in ((30, 2, 5, 3), (10, 0, 10, 0), (5, 5, 0, 30))]
    found = paired.mean(parts)
    assert found.value == pytest.approx(sum(p.value for p in parts) / 3)
    assert found.ci95[0] < found.value < found.ci95[1]
    widths = [p.ci95[1] - p.ci95[0] for p in parts]
    assert found.ci95[1] - found.ci95[0] < max(widths)
    assert (found.pairs, found.lost, found.gained) == (100, 7, 15)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = {'task': 0, 'mean': 0}
    rounds, truth = 600, 0.85 - 0.9
    for _ in range(rounds):
        parts = []
        for _ in range(3):
            shared = rng.random(60)  # common scenes make the two runs alike
            old = {k: bool(x < 0.9) for k, x in enumerate(shared)}
            noise = rng.random(60) < 0.3
            other = rng.random(60)
            new = {k: bool((other[k] if noise[k] else shared[k]) < 0.85) for k in range(60)}
            parts.append(paired.compare(old, new))
        held['task'] += parts[0].ci95[0] <= truth <= parts[0].ci95[1]
        mean = paired.mean(parts)
        held['mean'] += mean.ci95[0] <= truth <= mean.ci95[1]
    # three standard errors of 95 % over 600 rounds are 2.7 %; it may be wider than it need be
    assert all(count / rounds > 0.923 for count in held.values()), held


def test_lengths_are_compared_pair_by_pair():
    rng = np.random.default_rng(0)
    old = rng.integers(20, 60, 80)
    mean, ci95 = paired.steps([(int(o), int(o) + 4 + int(d)) for o, d in
                               zip(old, rng.integers(-2, 3, 80), strict=True)])  # fmt: skip
    assert ci95[0] < mean < ci95[1]
    assert mean == pytest.approx(4, abs=0.6)
    assert ci95[1] - ci95[0] < 1.5  # of single lengths it would be 6
    assert paired.steps([(10, 12), (20, 22), (30, 32)]) == (2.0, None)
