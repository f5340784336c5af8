"""The delay that is reckoned with follows what is measured, and no single hiccup."""

import numpy as np
import pytest

from vla_policy.core.delay import WINDOW, DelayWindow

MS = 1_000_000


def window(*delays_ms: float) -> DelayWindow:
    found = DelayWindow()
    for delay in delays_ms:
        found.add(round(delay * MS))
    return found


def test_before_anything_is_measured_there_is_no_estimate():
    assert DelayWindow().estimate_ns() is None
    assert window(-5).estimate_ns() is None
    assert window(80).estimate_ns() == 80 * MS


def test_it_is_the_largest_of_the_last_ten():
    assert window(300, 290, *[100, 110] * 5).estimate_ns() == 110 * MS
    assert window(*range(100, 200, 7)).estimate_ns() == 198 * MS


@pytest.mark.parametrize('place', range(1, 10))
def test_one_spike_in_the_window_never_counts(place):
    delays = [100.0] * 10
    delays[place] = 900.0
    found = DelayWindow()
    for k, delay in enumerate(delays + [100.0] * 100):
        found.add(round(delay * MS))
        if k:
            assert found.estimate_ns() == 100 * MS


def test_two_late_chunks_among_ten_are_no_hiccup_and_pass_with_the_window():
    found = window(*[100] * 8, 400, 100, 400)
    assert found.estimate_ns() == 400 * MS
    for _ in range(WINDOW - 1):  # one of the two has left by then
        found.add(100 * MS)
    assert found.estimate_ns() == 100 * MS


def test_a_lasting_rise_counts_from_its_second_chunk():
    found = window(*[50] * 10)
    found.add(200 * MS)
    assert found.estimate_ns() == 50 * MS
    found.add(210 * MS)
    assert found.estimate_ns() == 210 * MS


def test_ordinary_jitter_is_covered():
    rng = np.random.default_rng(0)
    found, covered = DelayWindow(), []
    for delay in rng.normal(200.0, 30.0, 2000):
        if found.estimate_ns() is not None:
            covered.append(found.estimate_ns() >= delay * MS)
        found.add(round(delay * MS))
    assert np.mean(covered) > 0.88  # the largest of ten is passed once in eleven


def test_a_few_milliseconds_are_no_spike():
    assert window(1, 1, 12).estimate_ns() == 12 * MS


def test_cleared_it_knows_nothing():
    found = window(100, 100)
    found.clear()
    assert found.estimate_ns() is None
