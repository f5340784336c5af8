"""Values to messages, over the wire's bytes, and back: nothing changes."""

import dataclasses

import numpy as np
import pytest
import vla_ros_samples as samples
from rclpy.serialization import deserialize_message, serialize_message

from vla_core.se3 import SE3
from vla_ros import convert

pytestmark = pytest.mark.ros


def over_the_wire(msg):
    return deserialize_message(serialize_message(msg), type(msg))


def assert_same(a, b):
    """Compare values field by field; arrays exactly, poses to rounding of their quaternion."""
    assert type(a) is type(b)
    if isinstance(a, SE3):
        np.testing.assert_allclose(a.matrix, b.matrix, atol=1e-12)
    elif dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_same(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, np.ndarray):
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    else:
        assert a == b


def test_observation():
    before = samples.observation()
    msg = convert.observation_to_msg(before, {'scene': 'scene_optical_frame'})
    assert msg.views[0].image.header.frame_id == 'scene_optical_frame'
    assert_same(before, convert.observation_from_msg(over_the_wire(msg)))


def test_chunk():
    before = samples.chunk()
    assert_same(before, convert.chunk_from_msg(over_the_wire(convert.chunk_to_msg(before))))


def test_chunk_rows_lie_row_major():
    msg = convert.chunk_to_msg(
        samples.chunk(actions=np.asfortranarray(np.arange(6.0).reshape(3, 2)))
    )
    assert list(msg.data) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert msg.horizon == 3


@pytest.mark.parametrize('changes', [{}, {'sources': (), 'weights': (), 'hold_reason': 'silence'}])
def test_command(changes):
    before = samples.command(**changes)
    assert_same(before, convert.command_from_msg(over_the_wire(convert.command_to_msg(before))))


def test_status():
    before = samples.status()
    assert_same(before, convert.status_from_msg(over_the_wire(convert.status_to_msg(before))))


@pytest.mark.parametrize('seed', range(20))
def test_poses_keep_the_order_of_quaternions(seed):
    T = samples.pose(seed)
    for there, back in (
        (convert.pose_to_msg, convert.pose_from_msg),
        (convert.transform_to_msg, convert.transform_from_msg),
    ):
        np.testing.assert_allclose(back(over_the_wire(there(T))).matrix, T.matrix, atol=1e-12)


def test_a_quarter_turn_about_z_has_z_and_w():
    T = SE3(np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([1.0, 2, 3]))
    msg = convert.pose_to_msg(T)
    q, p = msg.orientation, msg.position
    np.testing.assert_allclose([q.x, q.y, q.z, q.w], [0, 0, 0.5**0.5, 0.5**0.5], atol=1e-12)
    assert (p.x, p.y, p.z) == (1.0, 2.0, 3.0)


def test_joint_state():
    msg = convert.joint_state_to_msg(samples.S, ['a', 'b'], np.array([1.0, 2]), np.array([3.0, 4]))
    got = convert.joint_state_from_msg(over_the_wire(msg))
    assert (got.stamp_ns, got.names) == (samples.S, ('a', 'b'))
    np.testing.assert_array_equal(got.positions, [1, 2])
    np.testing.assert_array_equal(got.velocities, [3, 4])


def test_velocities_that_a_driver_does_not_send_are_none():
    msg = convert.joint_state_to_msg(samples.S, ['a'], np.array([1.0]), np.array([3.0]))
    msg.velocity = []
    assert convert.joint_state_from_msg(msg).velocities is None


def test_camera_info():
    msg = convert.camera_info_to_msg(samples.S, 'optical', 96, 64, samples.K)
    got = convert.camera_info_from_msg(over_the_wire(msg))
    assert (got.stamp_ns, got.frame, got.width, got.height) == (samples.S, 'optical', 96, 64)
    np.testing.assert_array_equal(got.K, samples.K)
    assert not got.distortion.any()
    np.testing.assert_array_equal(msg.p.reshape(3, 4)[:, :3], samples.K)


@pytest.mark.parametrize('value', [0, 1, 999_999_999, 10**9, 1_795_000_000_123_456_789])
def test_times_are_exact(value):
    assert convert.ns(convert.stamp(value), zero=True) == value
    assert convert.ns(convert.duration(value), zero=True) == value
