"""Taking a route up: from the state commanded, gently, in time, and never as a jump."""

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from vla_control.core.motion import Motion
from vla_control.core.route import Route
from vla_control.core.takeup import TakeUp
from vla_control.core.track import Track

DRAWN = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def build(rig):
    """Return the take-up of a rig's robot."""
    rig = rig()
    pursued = TakeUp(rig.contract, rig.layout, rig.kinematics, lambda q: pose(rig, q))
    return rig, pursued


def pose(rig, q):
    T = rig.tool(q) if rig.layout.tool else None
    return rig.layout.waypoint(T, q, np.ones(len(rig.layout.grippers)))


def moving(q, velocity, acceleration):
    return Motion(q, velocity, acceleration, np.zeros((9, len(q))))


def route(rig, rows):
    chunk = rig.chunk(rows)
    return Route.of(Track(chunk, rig.layout.waypoints(chunk)))


@DRAWN
@given(seed=st.integers(0, 2**32 - 1))
def test_the_way_goes_on_from_the_state_commanded(any_rig, seed):
    rig, take_up = build(any_rig)
    rng, dt = np.random.default_rng(seed), rig.tick_ns / 1e9
    q = rig.joints
    v, a = 0.3 * rng.normal(size=len(q)) * dt, rng.normal(size=len(q)) * dt**2
    motion = moving(q, v, a)
    path, first = take_up.spline(route(rig, rig.glide()), motion, rig.now_ns + rig.tick_ns)
    assert path.times_ns[0] == rig.now_ns
    # a tick before the way begins, the commanded state was there too
    for back in (1, 2):
        was = [q, q - v, q - v - (v - a)][back]
        before = pose(rig, was)
        d = back * dt
        h = 1e-4
        x = [path.at(1, rig.now_ns + k * 10**5).linear for k in range(3)]
        velocity = (4 * x[1] - 3 * x[0] - x[2]) / (2 * h)
        acceleration = (x[2] - 2 * x[1] + x[0]) / h**2
        back_there = x[0] - d * velocity + 0.5 * d * d * acceleration
        np.testing.assert_allclose(back_there, before.linear, atol=3e-5 * back**2)
    assert first >= 0


def test_a_row_nearer_than_half_a_step_is_not_headed_for(jointed):
    rig, take_up = build(jointed)
    way = route(rig, rig.glide(speed=(0.0, 0.0, 0.0)))
    motion = Motion.at_rest(rig.joints)
    row0 = way.points.times_ns[0]
    half = rig.step_ns // 2
    assert take_up.spline(way, motion, row0 - half)[1] == 0
    assert take_up.spline(way, motion, row0 - half + 1)[1] == 1


@DRAWN
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.0, 1.2))
def test_the_way_in_asks_for_no_more_than_the_limits_where_some_row_allows_it(jointed, seed, size):
    rig, take_up = build(jointed)
    rng, dt = np.random.default_rng(seed), rig.tick_ns / 1e9
    joints = [rig.contract.limits.joints[n] for n in rig.contract.output.joints[:6]]
    rows = rig.glide(speed=(0.0, 0.0, 0.0))
    rows[:, 1:] += size * rng.uniform(-1, 1, 6)
    path, first = take_up.spline(route(rig, rows), Motion.at_rest(rig.joints), rig.now_ns + 1)
    assume(first < 5)  # else none of the rows tried is far enough
    times = np.arange(path.times_ns[0], path.times_ns[1], rig.tick_ns)
    x = path.sample(times).linear
    for order, name in enumerate(('velocity', 'acceleration', 'jerk'), 1):
        limit = np.array([getattr(j, name) for j in joints])
        assert (np.abs(np.diff(x, order, axis=0)) <= limit * dt**order * 1.05).all()


def test_a_row_far_away_is_reached_later_not_rushed_to(jointed):
    rig, take_up = build(jointed)
    near, far = rig.glide(speed=(0.0, 0.0, 0.0)), rig.glide(speed=(0.0, 0.0, 0.0))
    far[:, 1] += 0.8
    motion = Motion.at_rest(rig.joints)
    firsts = [take_up.spline(route(rig, r), motion, rig.now_ns + 1)[1] for r in (near, far)]
    assert firsts[0] == 0
    assert 3 <= firsts[1] <= 6
