"""Travel of a joint: within its limits by finite differences, never past its target, and there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.travel import Travel

LIMITS = [(0.0012, 3.2e-4, 1.6e-4), (0.02, 2e-3, 1e-3), (0.03, 0.05, 0.5), (1e-3, 1e-6, 1e-7)]


@pytest.mark.parametrize('limits', LIMITS)
@settings(max_examples=30, deadline=None)
@given(
    targets=st.lists(
        st.tuples(st.sampled_from([-1.0, 0.0, 1.0, 0.013]), st.integers(1, 12) | st.just(200)),
        min_size=1,
        max_size=12,
    )
)
def test_travel_keeps_its_limits_also_where_it_is_turned_round(limits, targets):
    v, a, j = limits
    travel, rows = Travel(-1.0, 1.0, v, a, j), [0.0, 0.0, 0.0]
    travel.place(0.0, 0.0)
    for target, each in targets:
        for _ in range(each):
            rows.append(travel.step(target))
    for order, limit in enumerate((v, a, j), 1):
        assert np.abs(np.diff(rows, order)).max() <= limit * (1 + 1e-9) + 1e-15


@given(st.floats(-0.03, 0.03), st.sampled_from(LIMITS[:3]))
@settings(max_examples=50, deadline=None)
def test_it_arrives_exactly_and_never_passes_its_target(target, limits):
    travel = Travel(-1.0, 1.0, *limits)
    travel.place(0.0, 0.0)
    rows = [travel.step(target) for _ in range(400)]
    low, high = min(0.0, target), max(0.0, target)
    assert rows[-1] == target
    assert min(rows) >= low - 1e-15
    assert max(rows) <= high + 1e-15
    assert (np.diff(rows) * target >= -1e-15).all()


def test_it_is_about_as_quick_as_its_limits_allow():
    v, a, j = 0.02, 2e-3, 1e-3
    travel = Travel(-9.0, 9.0, v, a, j)
    travel.place(0.0, 0.0)
    ticks = next(k for k in range(1, 1000) if travel.step(2.0) > 2.0 - 1e-9)
    best = 2.0 / v + v / a + a / j  # of a jerk-limited move
    assert ticks < 1.2 * best


@pytest.mark.parametrize('velocity', [-0.01, 0.0, 0.015])
def test_it_goes_on_from_a_motion_without_a_jump(velocity):
    v, a, j = 0.02, 2e-3, 1e-3
    travel, rows = Travel(-9.0, 9.0, v, a, j), [0.5 - 2 * velocity, 0.5 - velocity, 0.5]
    travel.place(0.5, velocity)
    rows += [travel.step(1.0) for _ in range(300)]
    for order, limit in enumerate((v, a, j), 1):
        assert np.abs(np.diff(rows, order)).max() <= limit * (1 + 1e-9)
    assert rows[-1] == 1.0


def test_coasting_comes_to_rest():
    travel, rows = Travel(-9.0, 9.0, 0.02, 2e-3, 1e-3), [0.48, 0.49, 0.5]
    travel.place(0.5, 0.01)
    rows += [travel.coast() for _ in range(60)]
    assert np.abs(np.diff(rows, 2)).max() <= 2e-3 * (1 + 1e-9)
    assert rows[-1] == rows[-5]
