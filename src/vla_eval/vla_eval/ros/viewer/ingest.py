"""Serialised messages into a story, the same for a running graph and for a bag.

Of most streams only the newest message counts: it is decoded when a page is drawn, not when it
comes in. A command at 100 Hz costs the viewer what one at 10 Hz does.
"""

import importlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rclpy.serialization import deserialize_message

from vla_core.contract import RobotContract
from vla_core.errors import VlaError
from vla_eval.core.viewer.sights import Optics, Sights
from vla_eval.core.viewer.story import Story
from vla_perception.core.sighting import Lens
from vla_ros import convert
from vla_ros.tf import transforms_from_msg

MOST = 200  # messages between two looks, of streams of which each one counts


@dataclass(frozen=True)
class Stream:
    """One topic that a story is told from.

    Attributes:
        topic: Its name, relative.
        package: Of its type.
        kind: Its type.
        profile: Quality of service, as in qos.py.
        all: Whether every message counts, not just the newest.
        aside: Whether it only says where other streams' content belongs.
    """

    topic: str
    package: str
    kind: str
    profile: str
    all: bool = False
    aside: bool = False

    @property
    def type(self) -> Any:
        """The message class."""
        return getattr(importlib.import_module(f'{self.package}.msg'), self.kind)


class Ingest:
    """Takes serialised messages in at any rate, and tells the story of them when asked.

    Attributes:
        story: What it tells.
        sights: Where pictures show places.

    Args:
        contract: Names the topics.
        story: What is told.
        sights: Where pictures show places, for a story that asks for it.
        every: Whether of every stream each message counts.
    """

    def __init__(
        self,
        contract: RobotContract,
        story: Story,
        sights: Sights | None = None,
        every: bool = False,
    ):
        self.story = story
        self.sights = sights or Sights(contract)
        self._every = every
        self._waiting: dict[str, deque[bytes]] = {}
        self._streams: dict[str, tuple[Stream, Callable[[Any], None]]] = {}
        self._types: dict[str, Any] = {}
        self._add(Stream('vla/status', 'vla_msgs', 'ExecutorStatus', 'status', True), self._status)
        self._add(Stream('vla/command', 'vla_msgs', 'Command', 'command'), self._command)
        self._add(Stream('vla/action_chunk', 'vla_msgs', 'ActionChunk', 'chunk'), self._chunk)
        self._add(Stream('sim/state', 'vla_msgs', 'SimState', 'reliable'), self._things)
        joints = Stream(contract.state.topic, 'sensor_msgs', 'JointState', 'sensor')
        self._add(joints, self._joints)
        tf, tf_static = (
            Stream(name, 'tf2_msgs', 'TFMessage', profile, all=True, aside=True)
            for name, profile in (('tf', 'tf'), ('tf_static', 'tf_static_all'))
        )
        self._add(tf_static, lambda msg: self._transforms(msg, static=True))
        self._add(tf, lambda msg: self._transforms(msg, static=False))
        for key, camera in contract.cameras.items():
            info = Stream(camera.camera_info, 'sensor_msgs', 'CameraInfo', 'sensor', aside=True)
            self._add(info, lambda msg, key=key: self._optics(key, msg))
            stream = Stream(camera.topic, 'sensor_msgs', camera.message, 'sensor')
            self._add(stream, lambda msg, key=key: self._picture(key, msg))

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What it wants to be given."""
        return tuple(stream for stream, _ in self._streams.values())

    def take(self, topic: str, data: bytes) -> None:
        """Take a serialised message of a stream in, by the stream's relative name."""
        self._waiting[topic].append(data)

    def tell(self) -> None:
        """Decode what waits and tell the story; what is malformed is as if it had not come."""
        for topic, (_, tell) in self._streams.items():
            waiting = self._waiting[topic]
            while waiting:
                try:
                    tell(deserialize_message(waiting.popleft(), self._types[topic]))
                except (VlaError, ValueError, RuntimeError):
                    continue

    def forget(self) -> None:
        """Forget what waits, and the story."""
        for waiting in self._waiting.values():
            waiting.clear()
        self.story.forget()
        self.sights.forget()

    def _add(self, stream: Stream, tell: Callable[[Any], None]) -> None:
        stream = replace(stream, all=stream.all or self._every)
        self._streams[stream.topic] = stream, tell
        self._waiting[stream.topic] = deque(maxlen=MOST if stream.all else 1)
        self._types[stream.topic] = stream.type

    def _status(self, msg: Any) -> None:
        self.story.see_status(convert.status_from_msg(msg))

    def _command(self, msg: Any) -> None:
        self.story.see_clips(tuple(msg.clipped_by))

    def _chunk(self, msg: Any) -> None:
        self.story.see_chunk(convert.chunk_from_msg(msg))

    def _joints(self, msg: Any) -> None:
        reading = convert.joint_state_from_msg(msg)
        positions = dict(zip(reading.names, reading.positions.tolist(), strict=True))
        self.story.see_joints(reading.stamp_ns, positions)

    def _things(self, msg: Any) -> None:
        poses = zip(msg.object_names, msg.object_poses, strict=True)
        self.story.see_things({name: convert.pose_from_msg(pose) for name, pose in poses})

    def _transforms(self, msg: Any, static: bool) -> None:
        for t in transforms_from_msg(msg, static):
            self.sights.see_transform(t.parent, t.child, t.stamp_ns, t.T_parent_child, static)

    def _optics(self, key: str, msg: Any) -> None:
        info = convert.camera_info_from_msg(msg)
        lens = Lens(info.K, info.model, info.distortion)
        self.sights.see_optics(key, Optics(lens, (info.width, info.height), info.frame))

    def _picture(self, key: str, msg: Any) -> None:
        stamp_ns = convert.ns(msg.header.stamp, zero=True)
        self.story.see_picture(key, stamp_ns, convert.image_from_msg(msg))
