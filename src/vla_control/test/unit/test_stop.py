"""The bounded stop: straight, within acceleration and position limits, then exactly still."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vla_control.core.latch import StopLatch
from vla_control.core.motion import braking_speed
from vla_control.core.stop import BoundedStop, at_rest

LOWER, UPPER = np.array([-1.0, -2.0, 0.0]), np.array([1.0, 2.0, 0.04])
ACCELERATION = np.array([5.0, 20.0, 4.0])
DT = 0.01


def run(q, v):
    stop, trail = BoundedStop(LOWER, UPPER, ACCELERATION), [(q, v)]
    for _ in range(200):
        q, v = stop.step(q, v, DT)
        trail.append((q, v))
    return np.array([t[0] for t in trail]), np.array([t[1] for t in trail])


@given(
    st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
    st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=3),
)
def test_braking_keeps_all_limits_from_any_allowed_motion(where, speed):
    q = LOWER + np.array(where) * (UPPER - LOWER)
    speed = np.array(speed)
    room = np.where(speed > 0, UPPER - q, q - LOWER)
    # The gate lets a tick at speed v pass only if a rest is possible after it.
    allowed = np.minimum([2.0, 2.0, 0.12], braking_speed(room, ACCELERATION, DT))
    v = speed * allowed
    Q, V = run(q + v * DT, v)
    assert (Q >= LOWER - 1e-9).all()
    assert (Q <= UPPER + 1e-9).all()
    assert (np.abs(np.diff(V, axis=0)) <= ACCELERATION * DT + 1e-9).all()
    assert at_rest(V[-1])
    assert (np.sign(V[1:]) * np.sign(v) >= 0).all()


def test_path_is_a_straight_line_in_joint_space():
    Q, _ = run(np.zeros(3), np.array([0.4, -1.0, 0.01]))
    moved = Q[1:-100] - Q[0]
    direction = np.array([0.4, -1.0, 0.01]) / np.linalg.norm([0.4, -1.0, 0.01])
    across = moved - np.outer(moved @ direction, direction)
    assert np.abs(moved).max() > 0.02
    assert np.abs(across).max() < 1e-12


def test_hold_is_exact():
    Q, V = run(np.array([0.1, 0.2, 0.03]), np.array([1.0, 0.5, 0.0]))
    assert (Q[-100:] == Q[-1]).all()
    assert (V[-100:] == 0.0).all()


def test_first_reason_wins():
    latch = StopLatch()
    latch.request('one')
    latch.request('two')
    assert (latch.reason, latch.count) == ('one', 1)
    latch.release()
    latch.request('two')
    assert (latch.reason, latch.count) == ('two', 2)
