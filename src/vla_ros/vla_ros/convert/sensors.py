"""What drivers publish: joint states and camera calibration."""

import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sensor_msgs.msg import CameraInfo as CameraInfoMsg
from sensor_msgs.msg import JointState

from vla_ros.convert import numbers
from vla_ros.convert.times import ns, stamp
from vla_ros.errors import MessageError


@dataclass(frozen=True, eq=False)
class JointReading:
    """Joint states as a driver sent them, in its own order.

    Attributes:
        stamp_ns: ROS time.
        names: Joint names.
        positions: (J,) rad or m.
        velocities: (J,) rad/s or m/s; None where the driver sends none.
    """

    stamp_ns: int
    names: tuple[str, ...]
    positions: np.ndarray
    velocities: np.ndarray | None


@dataclass(frozen=True, eq=False)
class CameraInfo:
    """Calibration of a camera as its driver sent it.

    Attributes:
        stamp_ns: ROS time, 0 where the driver sets none.
        frame: Optical frame.
        width: Of the full picture, pixels.
        height: Of the full picture, pixels.
        K: (3, 3) intrinsics, pixels.
        model: Distortion model, '' without distortion.
        distortion: (N,) coefficients of the model.
    """

    stamp_ns: int
    frame: str
    width: int
    height: int
    K: np.ndarray
    model: str
    distortion: np.ndarray


def joint_state_from_msg(msg: JointState) -> JointReading:
    """Return the joint states.

    Raises:
        MessageError: a field is malformed.
    """
    joints = numbers.names(msg.name, 'name')
    if not joints:
        raise MessageError('name', 'at least one joint name expected, got none')
    return JointReading(
        stamp_ns=ns(msg.header.stamp, 'header.stamp'),
        names=joints,
        positions=numbers.vector(msg.position, 'position', len(joints)),
        velocities=numbers.vector(msg.velocity, 'velocity', len(joints)) if msg.velocity else None,
    )


def joint_state_to_msg(
    stamp_ns: int, names: Sequence[str], positions: np.ndarray, velocities: np.ndarray
) -> JointState:
    """Return a message of joint positions (J,) and velocities (J,)."""
    msg = JointState(
        name=list(names),
        position=array.array('d', positions),
        velocity=array.array('d', velocities),
    )
    msg.header.stamp = stamp(stamp_ns)
    return msg


def camera_info_from_msg(msg: CameraInfoMsg) -> CameraInfo:
    """Return the calibration.

    Raises:
        MessageError: a field is malformed; an uncalibrated camera (k all 0) is.
    """
    K = numbers.vector(msg.k, 'k', 9).reshape(3, 3)
    if K[0, 0] <= 0 or K[1, 1] <= 0:
        raise MessageError('k', f'fx, fy > 0 expected, got {K[0, 0]:g}, {K[1, 1]:g}')
    for name in ('height', 'width'):
        if getattr(msg, name) == 0:
            raise MessageError(name, 'a size > 0 expected, got 0')
    return CameraInfo(
        stamp_ns=ns(msg.header.stamp, 'header.stamp', zero=True),
        frame=msg.header.frame_id,
        width=msg.width,
        height=msg.height,
        K=K,
        model=msg.distortion_model,
        distortion=numbers.vector(msg.d, 'd'),
    )


def camera_info_to_msg(
    stamp_ns: int, frame: str, width: int, height: int, K: np.ndarray
) -> CameraInfoMsg:
    """Return the calibration of a camera without distortion; K (3, 3) in pixels."""
    K = np.asarray(K, np.float64)
    msg = CameraInfoMsg(
        width=width,
        height=height,
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=K.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([K, np.zeros((3, 1))]).ravel(),
    )
    msg.header.stamp, msg.header.frame_id = stamp(stamp_ns), frame
    return msg
