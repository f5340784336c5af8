"""Bounded stops by their finite differences: exactly at rest in the end, straight if they can."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.latch import StopLatch
from vla_control.core.stop import SHORTEST, Stops, table

LENGTHS = [2, 3, 4, 7, 23, 100, 700]
state = st.floats(-1.0, 1.0)


def trail(ticks, v, a):
    """Return positions from three ticks before now to the end: those before give v and a now."""
    before = [2.0 * -v + a, -v, 0.0]  # p(-2), p(-1), p(0): differences are v, and a between them
    return np.concatenate([before, table(ticks).travel @ np.array([v, a])])


@pytest.mark.parametrize('ticks', LENGTHS)
@given(v=state, a=state)
def test_a_stop_takes_velocity_and_acceleration_to_zero_with_a_jerk_linear_in_time(ticks, v, a):
    p = trail(ticks, v, a)
    velocity, acceleration, jerk = np.diff(p), np.diff(p, 2), np.diff(p, 3)
    assert velocity[1] == pytest.approx(v, abs=1e-12)
    assert acceleration[0] == pytest.approx(a, abs=1e-12)
    assert velocity[-1] == 0.0
    assert abs(acceleration[-1]) < 1e-12
    scale = 1e-12 * ticks**2
    np.testing.assert_allclose(np.diff(jerk, 2), 0.0, atol=scale)
    # what the table says of the way is what the positions do
    now = np.array([v, a])
    np.testing.assert_allclose(table(ticks).velocity @ now, velocity[2:], atol=scale)
    np.testing.assert_allclose(table(ticks).acceleration @ now, acceleration[1:], atol=scale)
    np.testing.assert_allclose(table(ticks).jerk @ now, jerk[[0, -1]], atol=scale)


@pytest.mark.parametrize('ticks', LENGTHS[1:])
def test_the_rest_of_a_stop_is_the_shorter_stop_from_there(ticks):
    stop, shorter = table(ticks), table(ticks - 1)
    then = np.stack([stop.velocity[0], stop.acceleration[0]])  # after a tick, per state now
    rest = stop.travel[0] + shorter.travel @ then
    np.testing.assert_allclose(rest, stop.travel[1:], atol=1e-11 * ticks)


@given(st.floats(-2.0, 2.0), st.floats(-0.5, 0.1))
def test_joints_that_accelerate_along_their_velocity_brake_along_their_path(size, share):
    direction = np.array([0.4, -1.0, 0.01])
    way = table(30).travel @ np.stack([size * direction, share * size * direction])
    along = way @ direction / (direction @ direction)
    np.testing.assert_allclose(way, np.outer(along, direction), atol=1e-12)


@pytest.fixture(params=['tabletop', 'jointed', 'endless'])
def stops(request, contracts):
    limits = JointLimitArrays(contracts[request.param])
    return Stops(limits), limits


def within(limits, way, v, a):
    """Whether positions (N, J) after a state keep the limits, by finite differences."""
    p = np.concatenate([[2.0 * -v + a, -v, 0.0 * v], way])
    checks = zip((1, 2, 3), (limits.velocity, limits.acceleration, limits.jerk), strict=True)
    return all((np.abs(np.diff(p, n, axis=0)[3 - n :]) <= m * (1 + 1e-6)).all() for n, m in checks)


def test_the_stop_in_hand_is_long_enough_from_full_speed(stops):
    stops, limits = stops
    v, zero = limits.velocity, np.zeros_like(limits.velocity)
    middle = np.zeros_like(v)
    for sign in (-1.0, 1.0):
        assert within(limits, stops.path(middle, sign * v, zero, stops.longest), sign * v, zero)
    shorter = stops.path(middle, v, zero, max(SHORTEST, int(stops.longest / 1.6)))
    assert not within(limits, shorter, v, zero)  # and not much longer than that


@given(seed=st.integers(0, 2**32 - 1))
def test_the_quickest_stop_keeps_the_limits_and_one_much_shorter_does_not(contracts, seed):
    limits = JointLimitArrays(contracts['jointed'])
    stops, rng = Stops(limits), np.random.default_rng(seed)
    n = len(limits.lower)
    v = rng.uniform(-1, 1) * rng.uniform(0, 1, n) * limits.velocity
    a = rng.uniform(-1, 1) * rng.uniform(0, 1, n) * limits.acceleration
    q = rng.uniform(limits.lower, limits.upper)
    way = stops.quickest(q, v, a, 200)
    assume(way is not None)
    assert within(limits, way - q, v, a)
    assert (way >= limits.lower).all()
    assert (way <= limits.upper).all()
    assert (way[-1] == way[-2]).all()
    for ticks in range(SHORTEST, int(len(way) / 1.3)):
        shorter = stops.path(q, v, a, ticks)
        inside = (shorter >= limits.lower).all() and (shorter <= limits.upper).all()
        assert not (inside and within(limits, shorter - q, v, a))


def test_a_long_stop_is_found_with_few_tries(contracts):
    limits = JointLimitArrays(contracts['tabletop'])
    stops, fast = Stops(limits), limits.velocity  # with no room for it: no length fits
    table.cache_clear()
    assert stops.quickest(limits.upper, fast, np.zeros(8), 4000) is None
    assert table.cache_info().currsize < 120


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8), st.lists(state, min_size=8, max_size=8))
def test_a_speed_taken_over_can_be_stopped_before_the_end_of_the_joint(contracts, at, speed):
    limits = JointLimitArrays(contracts['tabletop'])
    stops = Stops(limits)
    q = limits.lower + np.array(at) * (limits.upper - limits.lower)
    asked = 3.0 * np.array(speed) * limits.velocity
    v = stops.from_speed(q, asked)
    way = stops.path(q, v, np.zeros(8), stops.longest)
    assert within(limits, way - q, v, np.zeros(8))
    assert (way >= limits.lower - 1e-12).all()
    assert (way <= limits.upper + 1e-12).all()
    assert (v * asked >= 0.0).all()
    assert (np.abs(v) <= np.abs(asked)).all()


def test_first_reason_wins():
    latch = StopLatch()
    latch.request('one')
    latch.request('two')
    assert (latch.reason, latch.count) == ('one', 1)
    latch.release()
    latch.request('two')
    assert (latch.reason, latch.count) == ('two', 2)
