"""Poses: the only place where quaternions are turned from (w, x, y, z) to (x, y, z, w)."""

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Transform, Vector3

from vla_core import rotations
from vla_core.se3 import SE3
from vla_ros.errors import MessageError


def pose_to_msg(T: SE3) -> Pose:
    """Return a pose message."""
    msg = Pose(orientation=_quaternion(T))
    msg.position.x, msg.position.y, msg.position.z = map(float, T.t)
    return msg


def pose_from_msg(msg: Pose, field: str = 'pose') -> SE3:
    """Return the pose; MessageError where it holds NaN or no unit quaternion."""
    return _se3(msg.orientation, f'{field}.orientation', msg.position, f'{field}.position')


def transform_to_msg(T: SE3) -> Transform:
    """Return a transform message."""
    msg = Transform(rotation=_quaternion(T))
    msg.translation.x, msg.translation.y, msg.translation.z = map(float, T.t)
    return msg


def transform_from_msg(msg: Transform, field: str = 'transform') -> SE3:
    """Return the transform; MessageError where it holds NaN or no unit quaternion."""
    return _se3(msg.rotation, f'{field}.rotation', msg.translation, f'{field}.translation')


def _quaternion(T: SE3) -> Quaternion:
    w, x, y, z = map(float, T.quaternion)
    return Quaternion(x=x, y=y, z=z, w=w)


def _se3(q: Quaternion, q_field: str, point: Point | Vector3, t_field: str) -> SE3:
    t = np.array([point.x, point.y, point.z])
    if not np.isfinite(t).all():
        raise MessageError(t_field, f'three finite numbers expected, got {t.tolist()}')
    try:
        with np.errstate(over='ignore'):  # refused as not of norm 1
            return SE3.from_quaternion(np.array([q.w, q.x, q.y, q.z]), t)
    except rotations.RotationError as error:
        raise MessageError(q_field, str(error)) from None
