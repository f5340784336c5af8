"""The simulator's own messages: what goes in comes out, what is malformed is refused by field."""

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Pose
from vla_msgs.srv import SimInject

from vla_core.errors import FieldError
from vla_core.timing import SECOND
from vla_ros import convert
from vla_sim.core.errors import SimError
from vla_sim.core.injection import Faults
from vla_sim.ros import messages


def test_the_experts_world_survives_the_message(simulator):
    simulator.reset('place', 3)
    before = simulator.snapshot()
    after = messages.state_from_msg(messages.state_to_msg(simulator, 'base_link'))
    assert after.time_ns == before.time_ns
    assert after.finger == before.finger
    np.testing.assert_allclose(after.tool, before.tool, atol=1e-9)
    np.testing.assert_allclose(after.plate, before.plate, atol=1e-9)
    assert list(after.objects) == list(before.objects)
    for name, pose in after.objects.items():
        np.testing.assert_allclose(pose.position, before.objects[name].position, atol=1e-9)
        np.testing.assert_allclose(
            np.abs(np.dot(pose.quaternion, before.objects[name].quaternion)), 1.0, atol=1e-9
        )


def test_the_time_of_an_episode_is_told_as_its_limit_counts_it(simulator):
    """A graph that took its time to send the first command has not used up the episode's."""
    simulator.reset('pick', 1)
    simulator.advance(simulator.now_ns + 3 * SECOND)
    assert messages.outcome_to_msg(simulator).elapsed == Duration()
    simulator.command(simulator.contract.state.names, simulator.joint_state()[0])
    simulator.advance(simulator.now_ns + SECOND // 2)
    elapsed = convert.ns(messages.outcome_to_msg(simulator).elapsed)
    assert abs(elapsed - SECOND // 2) <= SECOND // 10


@pytest.mark.parametrize(
    ('spoil', 'field'),
    [
        (lambda m: m.object_names.pop(), 'object_poses'),
        (lambda m: m.object_names.__setitem__(-1, 'bowl'), 'object_names'),
        (lambda m: m.joint_names.__setitem__(-1, 'thumb'), 'joint_names'),
        (lambda m: m.joint_positions.pop(), 'joint_positions'),
        (lambda m: m.joint_velocities.__setitem__(0, float('nan')), 'joint_velocities'),
        (lambda m: m.object_poses.__setitem__(0, _nowhere()), 'object_poses[0].position'),
        (lambda m: setattr(m.header.stamp, 'sec', 0), 'header.stamp'),
    ],
)
def test_a_malformed_state_is_refused_by_field(simulator, spoil, field):
    simulator.reset('place', 3)
    simulator.skip_to(10**9)
    msg = messages.state_to_msg(simulator, 'base_link')
    spoil(msg)
    with pytest.raises(FieldError) as refused:
        messages.state_from_msg(msg)
    assert refused.value.field == field


def _nowhere():
    pose = Pose()
    pose.position.x = float('nan')
    return pose


def test_faults_are_read_as_they_are_asked_for():
    request = SimInject.Request(
        camera='wrist',
        camera_delay=Duration(nanosec=200_000_000),
        drop_rate=0.1,
        freeze_picture=True,
        image_noise=3.0,
        state_noise=0.01,
        action_delay=Duration(sec=1),
    )
    assert messages.faults_from_msg(request) == Faults(
        camera='wrist',
        camera_delay_ns=200_000_000,
        drop_rate=0.1,
        freeze_picture=True,
        image_noise=3.0,
        state_noise=0.01,
        action_delay_ns=10**9,
    )
    assert messages.faults_from_msg(SimInject.Request()) == Faults()


@pytest.mark.parametrize(
    ('request_', 'named'),
    [
        (SimInject.Request(drop_rate=2.0), 'drop_rate'),
        (SimInject.Request(camera_delay=Duration(sec=-1)), 'camera_delay'),
        (SimInject.Request(action_delay=Duration(sec=60)), 'action_delay'),
    ],
)
def test_faults_out_of_range_are_refused(request_, named):
    with pytest.raises((FieldError, SimError), match=named):
        messages.faults_from_msg(request_)
