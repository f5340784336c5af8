"""The state of the commanded joints: differences of commands, and the stop in hand."""

import numpy as np

from vla_control.core.motion import Motion
from vla_control.core.stop import table

NO_STOP = np.empty((0, 2))


def test_velocity_and_acceleration_are_differences_of_the_commands():
    rows = np.array([[0.0, 1.0], [0.1, 1.0], [0.4, 0.5], [0.4, 0.5]])
    motion = Motion.at_rest(rows[0])
    assert motion.resting
    for k in range(1, len(rows)):
        motion = motion.onto(rows[k], NO_STOP)
        before = rows[[max(k - 2, 0), max(k - 1, 0), k]]
        np.testing.assert_allclose(motion.velocity, np.diff(before, axis=0)[-1])
        np.testing.assert_allclose(motion.acceleration, np.diff(before, 2, axis=0)[-1])
        assert not motion.stopping


def test_braking_goes_along_the_stop_in_hand_to_an_exact_rest():
    way = np.array([0.2, -0.1]) + table(12).travel @ np.array([[0.02, -0.04], [0.001, -0.002]])
    motion = Motion(np.array([0.2, -0.1]), np.array([0.02, -0.04]), np.array([0.001, -0.002]), way)
    for k in range(12):
        assert not motion.resting
        motion = motion.brake()
        np.testing.assert_array_equal(motion.positions, way[k])
    assert motion.resting
    assert not motion.velocity.any()
    assert not motion.acceleration.any()
    assert motion.brake() is motion


def test_at_rest_copies():
    q = np.array([1.0, 2.0])
    motion = Motion.at_rest(q)
    q[0] = 9.0
    assert motion.positions.tolist() == [1.0, 2.0]
