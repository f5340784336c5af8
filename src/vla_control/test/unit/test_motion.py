"""Speeds that still allow a rest: against step-by-step braking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_control.core.motion import braking_speed, ramp

positive = st.floats(0.01, 50.0)


def brake_distance(speed: float, deceleration: float, dt: float) -> float:
    """Distance covered by one tick at `speed` and full braking after it, tick by tick."""
    distance = speed * dt
    while speed > 0.0:
        speed = max(0.0, speed - deceleration * dt)
        distance += speed * dt
    return distance


@given(st.floats(0.0, 10.0), positive, st.sampled_from([0.001, 0.002, 0.01, 0.05]))
def test_a_rest_within_the_distance_is_possible_and_barely_more(distance, deceleration, dt):
    speed = float(braking_speed(np.array([distance]), np.array([deceleration]), dt)[0])
    assert brake_distance(speed, deceleration, dt) <= distance + 1e-9
    # Discrete braking needs less than v^2/2a by up to half a tick of the speed.
    assert distance - brake_distance(speed, deceleration, dt) <= speed * dt + 1e-9


def test_no_room_means_no_speed():
    np.testing.assert_array_equal(
        braking_speed(np.array([0.0, -1.0]), np.array([1.0, 5.0]), 0.01), [0.0, 0.0]
    )


@given(
    st.floats(-1.0, 1.0),
    st.floats(-1.0, 1.0),
    st.floats(0.02, 2.0),
    st.floats(0.1, 20.0),
    st.sampled_from([0.002, 0.01, 0.02]),
)
def test_ramp_arrives_within_speed_and_acceleration(start, target, speed, acceleration, dt):
    position, velocity, trail = start, 0.0, [start]
    for _ in range(int((abs(target - start) / speed + 3 * speed / acceleration + 2.0) / dt) + 10):
        new = ramp(position, velocity, target, speed, acceleration, dt)
        position, velocity = new, (new - position) / dt
        trail.append(position)
    assert position == target
    v = np.diff(trail) / dt
    assert np.abs(v).max() <= speed + 1e-9
    assert np.abs(np.diff(v, prepend=0.0)).max() <= acceleration * dt + 2e-9 / dt
    low, high = sorted((start, target))
    assert min(trail) >= low - 1e-9
    assert max(trail) <= high + 1e-9


@pytest.mark.parametrize('velocity', [-0.4, 0.4])
def test_ramp_turns_round_within_its_acceleration(velocity):
    position, v = 0.0, velocity
    for _ in range(400):
        new = ramp(position, v, 0.3, 0.5, 2.0, 0.01)
        assert abs((new - position) / 0.01 - v) <= 2.0 * 0.01 + 1e-6
        position, v = new, (new - position) / 0.01
    assert position == 0.3
