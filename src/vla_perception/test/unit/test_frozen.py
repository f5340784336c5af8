"""The frozen-picture rule, both ways."""

import numpy as np
import pytest

from vla_core.contract import State
from vla_core.timing import MS, SECOND
from vla_perception.core.frozen import FrozenWatch, same_bytes
from vla_perception.core.joint_stream import JointStream

STATE = State('joint_states', ('arm', 'finger'), ('rad', 'm'), 0.2, 0.05, 0.5, 0.05)
T0 = 3 * SECOND


def picture(seed):
    return np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)


class Scene:
    """A camera at 10 Hz and joints at 100 Hz, whose angle is a function of time in ms."""

    def __init__(self, angle):
        self.joints = JointStream(STATE, fastest={'arm': 4.0})
        self.watch = FrozenWatch(self.joints)
        self.angle = angle
        self.ms = 0

    def run(self, until_ms, seed_of):
        """Go on; `seed_of` gives the picture of a time."""
        while self.ms < until_ms:
            self.ms += 10
            q = np.array([self.angle(self.ms), 0.02])
            self.joints.add(T0 + self.ms * MS, STATE.names, q, None)
            if self.ms % 100 == 0:
                self.watch.see(T0 + self.ms * MS, picture(seed_of(self.ms)))
                self.watch.measure()
        return self.watch.repeated_ns / MS, self.watch.motion


def test_a_picture_that_repeats_while_the_robot_moves_is_measured():
    repeated, motion = Scene(lambda ms: ms / 1000).run(700, lambda ms: 1)
    assert repeated == 600
    assert motion == pytest.approx(0.6)


def test_a_robot_at_rest_sees_the_same_picture_as_long_as_it_likes():
    repeated, motion = Scene(lambda ms: 1.0).run(5000, lambda ms: 1)
    assert repeated == 4900
    assert motion == 0.0


def test_slow_motion_adds_up_over_the_whole_repetition():
    _, motion = Scene(lambda ms: 1e-5 * ms).run(10_000, lambda ms: 1)
    assert motion == pytest.approx(0.099)


def test_there_and_back_is_motion_too():
    _, motion = Scene(lambda ms: 0.2 * np.sin(ms / 100)).run(1000, lambda ms: 1)
    assert motion > 0.3


@pytest.mark.parametrize('begin_ms', [50, 1000])
def test_joint_states_that_jump_and_come_back_are_no_motion(begin_ms):
    jumps = Scene(lambda ms: 0.6 if begin_ms <= ms < 2000 else 0.0)
    assert jumps.run(5000, lambda ms: 1)[1] == 0.0
    moves = Scene(lambda ms: (0.6 if begin_ms <= ms < 2000 else 0.0) + 1e-4 * ms)
    assert moves.run(5000, lambda ms: 1)[1] == pytest.approx(0.49, abs=0.005)


def test_motion_after_the_capture_does_not_count():
    scene = Scene(lambda ms: 0.0 if ms <= 1000 else 1.0)
    scene.run(1090, lambda ms: 1)
    scene.watch.measure()
    assert scene.watch.motion == 0.0


def test_another_picture_clears_it():
    scene = Scene(lambda ms: ms / 1000)
    scene.run(1000, lambda ms: 1)
    repeated, motion = scene.run(1100, lambda ms: 2)
    assert (repeated, motion) == (0, 0.0)
    repeated, motion = scene.run(1200, lambda ms: 2)
    assert (repeated, motion) == (100, pytest.approx(0.1))


def test_an_angle_that_flickers_about_pi_has_not_moved():
    _, motion = Scene(lambda ms: np.pi * (1 if ms % 20 else -1)).run(900, lambda ms: 1)
    assert motion < 1e-9


@pytest.mark.parametrize('shape', [(12, 16, 3), (7, 5, 3)])
def test_one_byte_makes_another_picture(shape):
    a = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    b = a.copy()
    assert same_bytes(a, b)
    b[-1, -1, -1] ^= 1
    assert not same_bytes(a, b)
    assert not same_bytes(a, a[:-1])
    wide = np.zeros((shape[0], 40, 3), np.uint8)
    wide[:, : shape[1]] = a
    assert same_bytes(a, wide[:, : shape[1]])
