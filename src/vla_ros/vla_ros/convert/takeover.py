"""A person's hand on the robot."""

import array

import numpy as np
from geometry_msgs.msg import Twist, Vector3
from vla_msgs.msg import Takeover as TakeoverMsg

from vla_core.takeover import Takeover
from vla_ros.convert import numbers
from vla_ros.convert.times import ns, stamp
from vla_ros.errors import message_field


def takeover_to_msg(takeover: Takeover) -> TakeoverMsg:
    """Return the takeover as a message."""
    v, w = takeover.twist[:3].tolist(), takeover.twist[3:].tolist()
    msg = TakeoverMsg(
        authority=takeover.authority.value,
        names=list(takeover.names),
        positions=array.array('d', takeover.positions),
        twist=Twist(
            linear=Vector3(x=v[0], y=v[1], z=v[2]), angular=Vector3(x=w[0], y=w[1], z=w[2])
        ),
        gripper=array.array('d', takeover.gripper),
    )
    msg.header.stamp = stamp(takeover.stamp_ns)
    return msg


def takeover_from_msg(msg: TakeoverMsg) -> Takeover:
    """Return the takeover.

    Raises:
        MessageError: a field is malformed.
    """
    v, w = msg.twist.linear, msg.twist.angular
    names = numbers.names(msg.names, 'names')
    with message_field():
        return Takeover(
            stamp_ns=ns(msg.header.stamp, 'header.stamp'),
            authority=msg.authority,
            names=names,
            positions=numbers.vector(msg.positions, 'positions', len(names)),
            twist=np.array([v.x, v.y, v.z, w.x, w.y, w.z]),
            gripper=numbers.vector(msg.gripper, 'gripper'),
        )
