"""What a recorder does with what it hears: which bag a message goes into, what is noted of it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from vla_eval.core.bags import room
from vla_eval.core.bags.definitions import Definition
from vla_eval.core.bags.qos import Offered
from vla_eval.core.bags.writer import BagWriter

KEPT = 20  # latched messages of a topic with several publishers, at most


@dataclass(frozen=True)
class RecordedTopic:
    """A topic that is recorded.

    Attributes:
        name: As it is seen in the graph.
        definition: Of its messages.
        offered: How it is published.
    """

    name: str
    definition: Definition
    offered: Offered


@dataclass(frozen=True)
class Verdict:
    """What the simulator says of its episode."""

    task: str
    seed: int
    success: bool
    over: bool
    time_limit_s: float
    detail: str

    @property
    def episode(self) -> tuple[str, int]:
        """Which episode it speaks of."""
        return self.task, self.seed


class Recording:
    """Bags one after another.

    An episode begins when words are given where there were none: its bag begins then, and lasts
    until the next one begins. Each bag begins with the last messages of the latched topics, so
    that it can be read alone.

    Args:
        folder: Of the bag, or of the bags where each episode has its own.
        topics: What is recorded.
        about: What is noted in every bag.
        per_episode: Whether each episode has its own bag.
        open_bag: Begins a bag in a folder, with what is known of it.
        on_bag: Told the folder of each bag that begins.
    """

    def __init__(
        self,
        folder: Path,
        topics: Mapping[str, RecordedTopic],
        about: Mapping[str, str],
        per_episode: bool = False,
        open_bag: Callable[[Path, Mapping[str, str]], BagWriter] = BagWriter,
        on_bag: Callable[[Path], None] = lambda folder: None,
    ):
        self._folder = folder
        self._topics = topics
        self._about = about
        self._per_episode = per_episode
        self._open_bag = open_bag
        self._on_bag = on_bag
        self._latched: dict[str, list[bytes]] = {}
        self._bag: BagWriter | None = None
        self._words = ''
        self._verdict: Verdict | None = None
        self._episode: tuple[str, int] | None = None

    @property
    def folder(self) -> Path | None:
        """Of the bag under way, None while nothing is recorded."""
        return self._bag.folder if self._bag else None

    @property
    def count(self) -> int:
        """Messages in the bag under way."""
        return self._bag.count if self._bag else 0

    def start(self, now_ns: int) -> Path:
        """Begin a bag; the one under way ends.

        Raises:
            BagError: it cannot be written.
        """
        self.stop()
        folder = next(f for f in self._candidates() if not _holds_bag(f))
        bag = self._open_bag(folder, self._about)
        self._bag, self._episode = bag, None
        for topic in self._topics.values():
            bag.add_topic(topic.name, topic.definition, topic.offered)
        for name, kept in self._latched.items():
            for data in kept:
                bag.write(name, data, now_ns)
        self._note_words()
        bag.flush()
        self._on_bag(folder)
        return folder

    def stop(self) -> Path | None:
        """Make the bag under way whole; return its folder, None where there was none.

        Raises:
            BagError: it cannot be written; what was flushed stays.
        """
        bag, self._bag = self._bag, None
        if bag is None:
            return None
        try:
            bag.close()
        except BaseException:
            bag.abandon()
            raise
        return bag.folder

    def abandon(self) -> None:
        """Let go of a bag that cannot be written any more."""
        bag, self._bag = self._bag, None
        if bag is not None:
            bag.abandon()

    def take(self, topic: str, data: bytes, now_ns: int) -> None:
        """Record a message.

        Raises:
            BagError: the disk is full, or gone.
        """
        if self._topics[topic].offered.latched:
            kept = self._latched.setdefault(topic, [])
            kept.append(data)
            del kept[: -min(KEPT, self._topics[topic].offered.depth)]
        if self._bag is not None:
            self._bag.write(topic, data, now_ns)

    def hear(self, words: str, now_ns: int) -> None:
        """Note words that are in force from now on.

        Raises:
            BagError: the next bag cannot be written.
        """
        begins = bool(words) and not self._words
        self._words = words
        if self._bag is None:
            return
        if begins and self._per_episode and 'instruction' in self._bag.about:
            self.start(now_ns)
        else:
            self._note_words()

    def judge(self, verdict: Verdict) -> None:
        """Note what the simulator says.

        Raises:
            BagError: the disk is full, or gone.
        """
        self._verdict = verdict
        if self._words:
            self._note_episode()
        if self._bag is not None and verdict.over and verdict.episode == self._episode:
            outcome = 'success' if verdict.success else verdict.detail or 'failure'
            self._bag.note(outcome=outcome)

    def tell(self, **about: str) -> None:
        """Note what has become known of the graph, in the bag under way and in those to come.

        Raises:
            BagError: the disk is full, or gone.
        """
        self._about = {**self._about, **about}
        if self._bag is not None:
            self._bag.note(**about)

    def flush(self) -> None:
        """Hand over what was gathered.

        Raises:
            BagError: the disk is full, or gone.
        """
        if self._bag is not None:
            self._bag.flush()

    def _note_words(self) -> None:
        if self._bag is not None and self._words:
            self._bag.note(instruction=self._words)
            self._note_episode()

    def _note_episode(self) -> None:
        if self._bag is None or self._verdict is None or self._episode is not None:
            return
        verdict = self._verdict
        if not verdict.over:  # of the episode before, else
            self._episode = verdict.episode
            self._bag.note(
                task=verdict.task,
                seed=str(verdict.seed),
                time_limit_s=f'{verdict.time_limit_s:g}',
            )

    def _candidates(self) -> Iterator[Path]:
        if self._per_episode:
            yield from (self._folder / f'{k:03d}' for k in count())
        yield self._folder
        yield from (self._folder.with_name(f'{self._folder.name}_{k}') for k in count(2))


def _holds_bag(folder: Path) -> bool:
    return bool(room.held(folder))
