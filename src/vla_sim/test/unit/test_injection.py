"""Faults: each does what it says, and nothing else."""

import numpy as np
import pytest

from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_sim.core.errors import SimError
from vla_sim.core.injection import CameraLink, Faults, Frame

TENTH = SECOND // 10


def frame(k, key='scene'):
    image = np.full((4, 4, 3), k % 256, np.uint8)
    image.setflags(write=False)
    return Frame(key, SECOND + k * TENTH, image, np.eye(3), SE3())


def play(faults, count=20, key='scene', seed=1):
    """Send one picture every 0.1 s; return (arrival step, frame) of each that arrives."""
    link = CameraLink(seed)
    out = []
    for k in range(count):
        link.send(frame(k, key), faults)
        out += [(k, f) for f in link.arrived(SECOND + k * TENTH)]
    return out


def test_without_faults_every_picture_arrives_at_once():
    arrived = play(Faults())
    assert [k for k, _ in arrived] == list(range(20))
    assert all(f.stamp_ns == SECOND + k * TENTH and f.image[0, 0, 0] == k for k, f in arrived)


def test_a_delay_shifts_arrival_and_keeps_the_stamp():
    arrived = play(Faults(camera_delay_ns=3 * TENTH))
    assert [(k, f.stamp_ns) for k, f in arrived] == [
        (k, SECOND + (k - 3) * TENTH) for k in range(3, 20)
    ]


def test_the_named_share_is_lost_the_same_with_the_same_seed():
    kept = [len(play(Faults(drop_rate=0.25), count=400, seed=s)) for s in range(3)]
    assert all(260 < k < 340 for k in kept)
    once, again = ([f.stamp_ns for _, f in play(Faults(drop_rate=0.5), seed=9)] for _ in range(2))
    assert once == again
    assert not play(Faults(drop_rate=1.0))


def test_a_frozen_picture_repeats_under_new_stamps():
    link = CameraLink()
    link.send(frame(0), Faults())
    for k in (1, 2):
        link.send(frame(k), Faults(freeze_picture=True))
    arrived = link.arrived(2 * SECOND)
    assert [f.image[0, 0, 0] for f in arrived] == [0, 0, 0]
    assert [f.stamp_ns for f in arrived] == [SECOND, SECOND + TENTH, SECOND + 2 * TENTH]


def test_a_frozen_stamp_stands_still():
    link = CameraLink()
    for k, faults in enumerate((Faults(), Faults(freeze_stamp=True), Faults(freeze_stamp=True))):
        link.send(frame(k), faults)
    assert [f.stamp_ns for f in link.arrived(2 * SECOND)] == [SECOND] * 3


def test_a_fault_concerns_the_named_camera_only():
    faults = Faults(camera='wrist', drop_rate=1.0)
    assert len(play(faults, key='scene')) == 20
    assert not play(faults, key='wrist')


@pytest.mark.parametrize('fault', ['black_picture', 'wrong_size', 'wrong_encoding'])
def test_a_wrong_picture_is_right_again_after_the_fault(fault):
    link = CameraLink()
    for k, faults in enumerate((Faults(), Faults(**{fault: True}), Faults())):
        link.send(frame(k + 1), faults)
    before, wrong, after = link.arrived(2 * SECOND)
    assert [f.image[0, 0, 0] for f in (before, after)] == [1, 3]
    assert [f.stamp_ns for f in (wrong, after)] == [SECOND + 2 * TENTH, SECOND + 3 * TENTH]
    assert before.encoding == after.encoding == 'rgb8'
    assert wrong.image.any() == (fault != 'black_picture')
    assert (wrong.image.shape == before.image.shape) == (fault != 'wrong_size')
    assert (wrong.encoding == before.encoding) == (fault != 'wrong_encoding')


def test_a_jump_of_the_joints_is_of_the_measurement_only(simulator):
    simulator.reset('reach', 2)
    true, tool = simulator.joint_state()[0], simulator.snapshot().tool
    simulator.inject(Faults(joint_jump=-0.5))
    np.testing.assert_allclose(simulator.joint_state()[0] - true, [-0.5] * 7 + [-0.05])
    np.testing.assert_allclose(simulator.snapshot().tool, tool)
    simulator.inject(Faults())
    np.testing.assert_allclose(simulator.joint_state()[0], true)


def test_noise_on_pixels_has_the_named_deviation():
    link = CameraLink()
    grey = np.full((64, 64, 3), 128, np.uint8)
    link.send(Frame('scene', SECOND, grey, np.eye(3), SE3()), Faults(image_noise=5.0))
    noisy = link.arrived(SECOND)[0].image.astype(float) - 128
    assert abs(noisy.mean()) < 0.3
    assert noisy.std() == pytest.approx(5.0, rel=0.05)


def test_noise_on_joints_moves_the_measured_pose_but_not_the_robot(simulator):
    simulator.reset('reach', 2)
    true, tool = simulator.joint_state()[0], simulator.snapshot().tool
    simulator.inject(Faults(state_noise=0.01))
    drawn = []
    for _ in range(60):
        simulator.advance(simulator.now_ns + 10_000_000)
        drawn.append(simulator.joint_state()[0] - true)
        assert np.linalg.norm(simulator.T_base_tool().t - tool) < 0.1
    deviation = np.std(drawn, axis=0)
    assert deviation[:7] == pytest.approx(0.01, rel=0.5)
    assert deviation[7] == pytest.approx(0.001, rel=0.5)
    np.testing.assert_allclose(simulator.snapshot().tool, tool, atol=1e-4)


def test_an_action_delay_holds_commands_back(simulator):
    simulator.reset('reach', 2)
    start = simulator.joint_state()[0][0]
    simulator.inject(Faults(action_delay_ns=2 * TENTH))
    simulator.command(['joint1'], [start + 0.2])
    simulator.advance(simulator.now_ns + 2 * TENTH)
    assert abs(simulator.joint_state()[0][0] - start) < 1e-3
    simulator.advance(simulator.now_ns + 2 * TENTH)
    assert simulator.joint_state()[0][0] - start > 0.1


def test_a_delayed_camera_shows_the_past(simulator):
    simulator.reset('reach', 2)
    simulator.inject(Faults(camera_delay_ns=TENTH))
    assert simulator.look() == ()
    taken = simulator.now_ns
    simulator.advance(taken + TENTH)
    assert {f.stamp_ns for f in simulator.arrived()} == {taken}


@pytest.mark.parametrize(
    ('kwargs', 'named'),
    [
        ({'drop_rate': 1.5}, 'drop_rate'),
        ({'image_noise': -1.0}, 'image_noise'),
        ({'state_noise': float('nan')}, 'state_noise'),
        ({'joint_jump': 4.0}, 'joint_jump'),
        ({'joint_jump': float('nan')}, 'joint_jump'),
        ({'camera_delay_ns': -1}, 'camera_delay_ns'),
        ({'action_delay_ns': 60 * SECOND}, 'action_delay_ns'),
    ],
)
def test_settings_out_of_range_are_refused(kwargs, named):
    with pytest.raises(SimError, match=named):
        Faults(**kwargs)


def test_an_unknown_camera_is_refused(simulator):
    with pytest.raises(SimError, match='ceiling'):
        simulator.inject(Faults(camera='ceiling'))
