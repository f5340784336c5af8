"""Where joints may go next: against brute force over next positions and the stops from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.motion import Motion
from vla_control.core.reach import Reach
from vla_control.core.reasons import Reason
from vla_control.core.stop import table

TICKS = [2, 5, 13, 23]


def draw(limits, rng):
    """Return a state somewhere in the limits; not every one can still be stopped."""
    n = len(limits.lower)
    sign = rng.choice([-1.0, 1.0], n)
    v = sign * rng.uniform(0, 1, n) ** 2 * limits.velocity
    a = rng.uniform(-1, 1, n) * rng.uniform(0, 1, n) * limits.acceleration
    edge = np.where(rng.random(n) < 0.5, limits.lower, limits.upper)
    q = np.where(rng.random(n) < 0.5, edge - sign * rng.uniform(0, 0.2, n), rng.uniform(-1, 1, n))
    q = np.clip(np.nan_to_num(q), limits.lower, limits.upper)
    return Motion(q, v, a, np.empty((0, n)))


def possible(limits, motion, request, ticks):
    """Return (J,) whether a request and the stop from there keep the limits: by differences."""
    v = request - motion.positions
    a = v - motion.velocity
    before = motion.positions - motion.velocity
    earlier = before - (motion.velocity - motion.acceleration)
    way = request + table(ticks).travel @ np.stack([v, a])
    p = np.concatenate([[earlier, before, motion.positions, request], way])
    fits = (p[3:] >= limits.lower - 1e-9).all(0) & (p[3:] <= limits.upper + 1e-9).all(0)
    for n, m in ((1, limits.velocity), (2, limits.acceleration), (3, limits.jerk)):
        fits &= (np.abs(np.diff(p, n, axis=0)[3 - n :]) <= m * (1 + 1e-6)).all(0)
    return fits


@pytest.mark.parametrize('robot', ['tabletop', 'endless'])
@pytest.mark.parametrize('ticks', TICKS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_interval_is_that_of_brute_force(contracts, robot, ticks, seed):
    limits = JointLimitArrays(contracts[robot])
    reach, motion = Reach(limits, [ticks], frozenset()), draw(limits, np.random.default_rng(seed))
    (low,), (high,) = reach.intervals(motion)
    span = 1.2 * limits.velocity
    margin = 1e-5 * span
    for share in np.linspace(-1.0, 1.0, 81):
        request = motion.positions + share * span
        real = possible(limits, motion, request, ticks)
        sure = (request > low + margin) & (request < high - margin)
        never = (request < low - margin) | (request > high + margin) | (low > high + margin)
        assert (real | ~sure).all()
        assert not (real & never).any()
        allowed = reach.allows(request, motion) & np.ones(len(low), bool)
        assert (allowed | ~sure).all()
        assert not (allowed & never).any()
        found = reach.findings(request, motion, ~allowed)
        assert bool(found) == (not allowed.all())
        told = np.zeros(len(low), bool)
        for joints in found.values():
            told |= joints
        np.testing.assert_array_equal(told, ~allowed)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_rest_of_a_stop_is_allowed(contracts, seed):
    limits = JointLimitArrays(contracts['tabletop'])
    rng, ticks = np.random.default_rng(seed), 20
    motion = draw(limits, rng)
    (low,), (high,) = Reach(limits, [ticks], frozenset()).intervals(motion)
    joints = low <= high
    request = np.where(joints, low + rng.uniform(0, 1, 8) * (high - low), motion.positions)
    v = request - motion.positions
    way = request + table(ticks).travel @ np.stack([v, v - motion.velocity])
    after = Motion(request, v, v - motion.velocity, way)
    allowed = Reach(limits, [ticks - 1], frozenset()).allows(way[0], after)
    assert (allowed | ~joints | (high - low < 1e-9)).all()


@pytest.mark.parametrize('check', ['position', 'velocity', 'acceleration', 'jerk'])
def test_a_check_that_is_off_finds_nothing_and_the_others_go_on(contracts, check):
    limits = JointLimitArrays(contracts['tabletop'])
    every = np.ones(8, bool)
    motion = Motion.at_rest(np.clip(np.full(8, 2.0), limits.lower, limits.upper))
    request = motion.positions + 0.5
    usual = Reach(limits, [20], frozenset()).findings(request, motion, every)
    assert set(usual) == {'position', 'velocity', 'acceleration', 'jerk'}
    off = Reach(limits, [20], frozenset({Reason(check)})).findings(request, motion, every)
    assert set(off) == set(usual) - {check}


def test_several_lengths_are_each_as_if_alone(contracts):
    limits = JointLimitArrays(contracts['jointed'])
    motion = draw(limits, np.random.default_rng(3))
    together = Reach(limits, TICKS, frozenset())
    low, high = together.intervals(motion)
    requests = motion.positions + np.linspace(-1, 1, 4)[:, None] * limits.velocity
    each = together.allows_each(requests, motion)
    for k, ticks in enumerate(TICKS):
        alone = Reach(limits, [ticks], frozenset())
        np.testing.assert_array_equal(alone.intervals(motion), ([low[k]], [high[k]]))
        np.testing.assert_array_equal(alone.allows(requests[k], motion) | np.zeros(7, bool),
                                      each[k])  # fmt: skip


def test_what_is_wrong_with_the_tick_itself_is_told_before_what_its_stop_would_do(contracts):
    limits = JointLimitArrays(contracts['tabletop'])
    reach, joint = Reach(limits, [30], frozenset()), np.arange(8) == 0

    def told(by, velocity=0.0, at=0.0):
        q = np.clip(np.zeros(8), limits.lower, limits.upper)
        q[0] = at
        v = np.zeros(8)
        v[0] = velocity
        motion = Motion(q, v, np.zeros(8), np.empty((0, 8)))
        return [*reach.findings(q + by * joint, motion, joint)]

    assert told(0.0015) == ['jerk']
    assert told(0.01) == ['acceleration', 'jerk']
    assert told(0.1) == ['velocity', 'acceleration', 'jerk']
    assert told(4.0) == ['position', 'velocity', 'acceleration', 'jerk']
    assert told(0.02, velocity=0.02, at=2.85) == ['position']  # it could not stop in time
    assert told(0.0198, velocity=0.019) == ['velocity']  # it would go on beyond
