"""Transforms in and out of /tf and /tf_static, which stay global under a namespace."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geometry_msgs.msg import TransformStamped
from tf2_msgs.msg import TFMessage

from vla_core.se3 import SE3
from vla_ros import convert
from vla_ros.errors import MessageError

if TYPE_CHECKING:
    from vla_ros.lifecycle import SuiteNode

TF, TF_STATIC = '/tf', '/tf_static'


def prefixed(prefix: str, frame: str) -> str:
    """Return the frame's name under a prefix: `left` (or `left/`) + `tool` is `left/tool`."""
    prefix = prefix.strip('/')
    return f'{prefix}/{frame}' if prefix else frame


@dataclass(frozen=True)
class Transform:
    """One edge of the tree.

    Attributes:
        parent: Frame that the pose is given in.
        child: Frame whose pose it is.
        T_parent_child: The pose.
        stamp_ns: ROS time; 0 is allowed for static ones only.
    """

    parent: str
    child: str
    T_parent_child: SE3
    stamp_ns: int


def transforms_from_msg(msg: TFMessage, static: bool = False) -> list[Transform]:
    """Read a message of /tf or /tf_static.

    Raises:
        MessageError: one of its transforms is malformed.
    """
    found = []
    for i, one in enumerate(msg.transforms):
        path = f'transforms[{i}]'
        parent, child = one.header.frame_id.lstrip('/'), one.child_frame_id.lstrip('/')
        if not parent:
            raise MessageError(f'{path}.header.frame_id', 'a frame name expected, got none')
        if not child or child == parent:
            problem = f'a frame name other than {parent} expected, got {child!r}'
            raise MessageError(f'{path}.child_frame_id', problem)
        stamp_ns = convert.ns(one.header.stamp, f'{path}.header.stamp', zero=static)
        T = convert.transform_from_msg(one.transform, f'{path}.transform')
        found.append(Transform(parent, child, T, stamp_ns))
    return found


def transforms_to_msg(transforms: Iterable[Transform]) -> TFMessage:
    """Return one message that holds all the transforms."""
    stamped = []
    for one in transforms:
        msg = TransformStamped()
        msg.header.stamp = convert.stamp(one.stamp_ns)
        msg.header.frame_id, msg.child_frame_id = one.parent, one.child
        msg.transform = convert.transform_to_msg(one.T_parent_child)
        stamped.append(msg)
    return TFMessage(transforms=stamped)


class Broadcaster:
    """Publishes a node's transforms; frame names get the node's `frame_prefix`.

    Make it in `on_setup`. Static transforms are latched and kept: each message holds all.
    """

    def __init__(self, node: 'SuiteNode') -> None:
        self._node = node
        self._moving = node.advertise(TFMessage, TF, 'tf')
        self._fixed = node.advertise(TFMessage, TF_STATIC, 'tf_static')
        self._static: dict[str, Transform] = {}

    def send(self, transforms: Iterable[Transform]) -> None:
        """Publish moving transforms in one message."""
        self._moving.publish(transforms_to_msg(map(self._named, transforms)))

    def send_static(self, transforms: Iterable[Transform]) -> None:
        """Add fixed transforms to those of this node and publish them all; once active."""
        self._static.update({t.child: self._named(t) for t in transforms})
        self._fixed.publish(transforms_to_msg(self._static.values()))

    def _named(self, t: Transform) -> Transform:
        frame = self._node.frame
        return Transform(frame(t.parent), frame(t.child), t.T_parent_child, t.stamp_ns)
