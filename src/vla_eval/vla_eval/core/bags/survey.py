"""What a bag holds, found by reading it once, and what speaks against using it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.values import Message, Reading
from vla_eval.core.errors import BagError

SECOND = 1_000_000_000
BACK_NS = SECOND  # streams overlap by less; a clock that was set goes back by more
APART_NS = 60 * SECOND  # between two streams' clocks


@dataclass
class TopicSurvey:
    """One topic.

    Attributes:
        kind: Its type.
        count: Messages.
        first_ns: First log time.
        last_ns: Last log time.
        ahead_ns: Largest publish time minus log time: what its clock is ahead of the recorder's.
        back_ns: Farthest that publish times go back, 0 where they do not.
    """

    kind: str
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    ahead_ns: int = 0
    back_ns: int = 0
    newest_ns: int = 0

    def add(self, log_ns: int, publish_ns: int) -> None:
        """Count a message."""
        ahead = publish_ns - log_ns
        self.ahead_ns = ahead if not self.count else max(self.ahead_ns, ahead)
        self.first_ns = min(self.first_ns, log_ns) if self.count else log_ns
        self.last_ns = max(self.last_ns, log_ns)
        self.back_ns = max(self.back_ns, self.newest_ns - publish_ns)
        self.newest_ns = max(self.newest_ns, publish_ns)
        self.count += 1


@dataclass
class Survey:
    """A bag that was read once.

    Attributes:
        topics: By name.
        reading: What came along.
        back_ns: Farthest that log times go back.
    """

    topics: dict[str, TopicSurvey] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    back_ns: int = 0

    @property
    def count(self) -> int:
        """Messages."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def first_ns(self) -> int:
        """First log time, 0 for none."""
        return min((t.first_ns for t in self.topics.values()), default=0)

    @property
    def last_ns(self) -> int:
        """Last log time, 0 for none."""
        return max((t.last_ns for t in self.topics.values()), default=0)

    @property
    def seconds(self) -> float:
        """From the first message to the last."""
        return (self.last_ns - self.first_ns) / SECOND


def survey(bag: Bag, look: Callable[[Message], None] = lambda _: None) -> Survey:
    """Read a bag once.

    Args:
        bag: Which one.
        look: Told of each message on the way.

    Raises:
        BagError: it is not a bag, or holds no message.
    """
    found = Survey()
    newest_ns = 0
    for message in bag.messages():
        if message.topic not in found.topics:
            found.topics[message.topic] = TopicSurvey(message.kind)
        found.topics[message.topic].add(message.log_ns, message.publish_ns)
        found.back_ns = max(found.back_ns, newest_ns - message.log_ns)
        newest_ns = max(newest_ns, message.log_ns)
        look(message)
    found.reading = bag.reading
    if not found.topics:
        why = f' ({found.reading.damage})' if found.reading.damage else ''
        raise BagError(f'{bag.path}: holds no message{why}')
    return found


def check(bag: Bag, found: Survey, needed: Mapping[str, str]) -> None:
    """Refuse a bag that cannot be played.

    Args:
        bag: Which one.
        found: What it holds.
        needed: Topic -> type that it must hold.

    Raises:
        BagError: a topic is missing or of another type, definitions are missing, time goes back,
            or topics follow different clocks.
    """
    for topic, kind in needed.items():
        held = found.topics.get(topic)
        if held is None:
            raise BagError(
                f'{bag.path}: nothing of {topic} ({kind}); it holds {", ".join(found.topics)}'
            )
        if held.kind != kind:
            raise BagError(f'{bag.path}: {topic} is {held.kind or "untyped"}, {kind} expected')
    used = {topic: found.topics[topic] for topic in needed}
    back_ns = max([found.back_ns, *(topic.back_ns for topic in used.values())])
    if back_ns > BACK_NS:
        raise BagError(
            f'{bag.path}: time goes back by {back_ns / SECOND:.1f} s; a bag of one clock that '
            'runs forward expected'
        )
    by_clock = sorted(used, key=lambda topic: used[topic].ahead_ns)
    if by_clock:
        early, late = by_clock[0], by_clock[-1]
        apart_ns = used[late].ahead_ns - used[early].ahead_ns
        if apart_ns > APART_NS:
            raise BagError(
                f'{bag.path}: two clocks: {late} is stamped {apart_ns / SECOND:.0f} s ahead of '
                f'{early}; all streams on one clock expected'
            )
