import numpy as np
import pytest

from vla_eval.core.statistics import percentiles, wilson


@pytest.mark.parametrize(
    ('successes', 'episodes', 'low', 'high'),
    [
        # Newcombe 1998 (Statistics in Medicine 17:857), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(successes, episodes, low, high):
    assert wilson(successes, episodes) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_stays_inside():
    for episodes in (1, 2, 10, 1000):
        for successes in {0, 1, episodes // 2, episodes}:
            low, high = wilson(successes, episodes)
            assert 0.0 <= low <= successes / episodes <= high <= 1.0
            mirrored = wilson(episodes - successes, episodes)
            assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


@pytest.mark.parametrize(('successes', 'episodes'), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_counts_that_cannot_be(successes, episodes):
    with pytest.raises(ValueError, match='successes'):
        wilson(successes, episodes)


def test_percentiles_by_ranks():
    values = np.random.default_rng(0).permutation(np.arange(101.0))
    assert percentiles(values) == {'p50': 50.0, 'p95': 95.0, 'p99': 99.0, 'count': 101}


def test_percentiles_of_nothing_are_none():
    assert percentiles([]) == {'p50': None, 'p95': None, 'p99': None, 'count': 0}
