"""When each message of a bag is due: at the bag's own pace, at another, or paused."""

from collections.abc import Callable, Iterable, Iterator

from vla_core.timing import SECOND
from vla_eval.core.bags.values import Message


class Playback:
    """Gives out messages as their time comes.

    Attributes:
        paused: Whether the bag's time stands still.
        speed: Of the bag's time, 1 for its own pace.
        begin_ns: Of the bag.
        end_ns: Of the bag.
        over: Whether the last message was given out.

    Args:
        read: Returns the messages from the beginning, in order of recording.
        begin_ns: When the first was recorded.
        end_ns: When the last was.
    """

    def __init__(self, read: Callable[[], Iterable[Message]], begin_ns: int, end_ns: int):
        self.paused = False
        self.speed = 1.0
        self.begin_ns, self.end_ns = begin_ns, end_ns
        self._read = read
        self._wall_ns: int | None = None
        self.back()

    def back(self) -> None:
        """Go to the beginning."""
        self.at_ns = self.begin_ns
        self.over = False
        self._messages: Iterator[Message] = iter(self._read())
        self._next: Message | None = next(self._messages, None)

    @property
    def position(self) -> float:
        """Seconds since the beginning."""
        return (self.at_ns - self.begin_ns) / SECOND

    def go_to(self, seconds: float) -> bool:
        """Go to a time; return whether that was back, so that what was seen is to be forgotten."""
        wanted_ns = self.begin_ns + int(seconds * SECOND)
        went_back = wanted_ns < self.at_ns
        if went_back:
            self.back()
        self.at_ns = wanted_ns
        return went_back

    def due(self, wall_ns: int) -> Iterator[Message]:
        """Yield the messages that are due now, by a clock that only goes on."""
        if self._wall_ns is not None and not self.paused and not self.over:
            self.at_ns += int((wall_ns - self._wall_ns) * self.speed)
        self._wall_ns = wall_ns
        while self._next is not None and self._next.log_ns <= self.at_ns:
            message, self._next = self._next, next(self._messages, None)
            yield message
        self.over = self._next is None
        self.at_ns = min(self.at_ns, self.end_ns)
