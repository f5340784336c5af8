"""A bag as a robot's sensors: what the contract names, in the order of its own clock."""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vla_core.contract import RobotContract
from vla_eval.core.bags.clock import ClockCheck
from vla_eval.core.bags.controller import KINDS, Setpoints
from vla_eval.core.bags.decoder import Decoder
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.survey import BACK_NS, Survey, survey
from vla_eval.core.bags.survey import check as check_topics
from vla_eval.core.bags.values import Message
from vla_eval.core.errors import BagError

PICTURES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO, JOINTS = 'sensor_msgs/msg/CameraInfo', 'sensor_msgs/msg/JointState'
TRANSFORMS = 'tf2_msgs/msg/TFMessage'
TF, TF_STATIC = '/tf', '/tf_static'
WORDS, COMMAND = 'vla/instruction', 'vla/command'
CONTROLLER = 'controller'  # where a bag of another system says what was commanded
OURS = {  # what the suite adds; of use, and needed by nobody
    WORDS: 'std_msgs/msg/String',
    'vla/plan': 'vla_msgs/msg/ActionChunk',
    'vla/action_chunk': 'vla_msgs/msg/ActionChunk',
    COMMAND: 'vla_msgs/msg/Command',
    'vla/status': 'vla_msgs/msg/ExecutorStatus',
}
RUN = (*OURS, CONTROLLER)  # what the recorded run did; every other role is a sensor's
KEPT_BYTES = 128 << 20  # a bag up to this size is read once and kept


@dataclass(frozen=True)
class Timed:
    """A message at its time on the sensors' clock.

    Attributes:
        now_ns: When it came.
        role: What it is: `camera/<key>`, `info/<key>`, `joints`, `tf`, `tf_static`, or one of
            `RUN`.
        message: As it lies in the bag.
    """

    now_ns: int
    role: str
    message: Message


class Tape:
    """A checked bag.

    Attributes:
        path: As it was given.
        found: What the bag holds.
        topics: Role -> topic, of those that are there.
        offset_ns: What is added to log times: not 0 where the sensors were stamped on a clock
            other than the recorder's, a simulator's for instance.
        decoder: Of its messages.
        left_out: Topic of the suite -> why its messages cannot be read.
    """

    def __init__(self, path: Path, contract: RobotContract):
        """Read it once.

        Args:
            path: Folder or file.
            contract: Names the sensors' topics.

        Raises:
            BagError: it is not a bag, is cut, lacks a sensor, or its clocks do not fit together.
        """
        self.path = path
        self._contract = contract
        self._bag = Bag(path)
        clock = ClockCheck()
        self._kept: list[Message] | None = []
        room = KEPT_BYTES

        def look(message: Message) -> None:
            nonlocal room
            clock.look(message)
            room -= len(message.data)  # as it is in memory: files may be compressed
            if self._kept is not None and room >= 0:
                self._kept.append(message)
            else:
                self._kept = None

        self.found: Survey = survey(self._bag, look)
        if self.found.reading.damage:
            raise BagError(
                f'{path}: {self.found.reading.damage}; `./vla bag repair` keeps what is whole'
            )
        self.decoder = Decoder(self._bag)
        self.left_out: dict[str, str] = {}
        self.topics = self._resolve(contract)
        stamped = [t for r, t in self.topics.items() if r.startswith('camera/') or r == 'joints']
        stamped += [self.topics[r] for r in ('tf',) if r in self.topics]
        self.offset_ns = clock.offset_ns(path, stamped)
        if self.found.back_ns > BACK_NS:
            raise BagError(
                f'{path}: time goes back by {self.found.back_ns / 1e9:.1f} s; a bag of one clock '
                'that runs forward expected'
            )

    @property
    def about(self) -> dict[str, str]:
        """What its recorder noted."""
        return self.found.reading.about

    @property
    def begin_ns(self) -> int:
        """When it begins, on the sensors' clock."""
        return self.found.first_ns + self.offset_ns

    @property
    def end_ns(self) -> int:
        """When it ends, on the same clock."""
        return self.found.last_ns + self.offset_ns

    def setpoints(self) -> Setpoints | None:
        """Return what reads the controller's topic; None where the bag needs none, or has none."""
        if CONTROLLER not in self.topics:
            return None
        return Setpoints(self.path, self.topics[CONTROLLER], self._contract)

    def messages(self, roles: Collection[str] | None = None) -> Iterator[Timed]:
        """Yield the messages of some roles, or of all, in order of time.

        Raises:
            BagError: the bag has changed meanwhile.
        """
        by_topic = {t: r for r, t in self.topics.items() if roles is None or r in roles}
        for message in _in_order(self._read(by_topic)):
            now_ns = message.log_ns + self.offset_ns
            yield Timed(now_ns, by_topic[message.topic], message)

    def _read(self, topics: Collection[str]) -> Iterator[Message]:
        if self._kept is None:
            return self._bag.messages(topics)
        return (message for message in self._kept if message.topic in topics)

    def _resolve(self, contract: RobotContract) -> dict[str, str]:
        topics: dict[str, str] = {}
        for key, camera in contract.cameras.items():
            topics[f'camera/{key}'] = self._picture_topic(camera.topic)
            topics[f'info/{key}'] = self._needed(camera.camera_info, INFO)
        topics['joints'] = self._needed(contract.state.topic, JOINTS)
        for role, topic in (('tf', TF), ('tf_static', TF_STATIC)):
            if self._named(topic) is not None:
                topics[role] = self._needed(topic, TRANSFORMS)
        if 'tf' not in topics and 'tf_static' not in topics:
            self._needed(TF, TRANSFORMS)  # says that it is missing
        for name, kind in OURS.items():
            found = self._named(name)
            if found is None or self.found.topics[found].kind != kind:
                continue
            try:
                self.decoder.check(kind)
            except BagError as error:
                self.left_out[name] = str(error).removeprefix(f'{self.path}: ')
            else:
                topics[name] = found
        told, asked = self._named(contract.output.topic), KINDS.get(contract.output.interface)
        if COMMAND not in topics and told and self.found.topics[told].kind == asked:
            topics[CONTROLLER] = told
        return topics

    def _needed(self, name: str, kind: str) -> str:
        topic = self._named(name) or f'/{name.lstrip("/")}'
        held = self.found.topics.get(topic)
        if held is None or held.kind != kind:
            check_topics(self._bag, self.found, {topic: kind})
        return topic

    def _picture_topic(self, name: str) -> str:
        """Return the topic of a camera; where it is not there, that of its packed pictures."""
        for candidate in (name, f'{name}/compressed'):
            topic = self._named(candidate)
            if topic is not None and self.found.topics[topic].kind in PICTURES:
                return topic
        return self._needed(name, PICTURES[0])

    def _named(self, name: str) -> str | None:
        """Return the topic of that name; under a namespace where only one such is there."""
        plain = f'/{name.lstrip("/")}'
        if plain in self.found.topics:
            return plain
        under = [topic for topic in self.found.topics if topic.endswith(plain)]
        return under[0] if len(under) == 1 else None


def _in_order(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield messages by log time; those that lie out of order do so by less than `BACK_NS`."""
    waiting: list[tuple[int, int, Message]] = []
    for count, message in enumerate(messages):
        heapq.heappush(waiting, (message.log_ns, count, message))
        while waiting[0][0] < message.log_ns - BACK_NS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
