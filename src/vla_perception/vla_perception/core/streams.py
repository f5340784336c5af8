"""Bounded histories of stamped samples: what came when, and what is nearest to a moment."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, Literal, NamedTuple, TypeVar

Value = TypeVar('Value')
Added = Literal['new', 'late', 'repeated', 'dropped', 'back']

BACK_AFTER = 3  # too old samples in a row: one is a straggler, three are a clock that went back


class Sample(NamedTuple, Generic[Value]):
    """A value and the time it is of.

    Attributes:
        stamp_ns: ROS time of capture.
        value: The reading.
    """

    stamp_ns: int
    value: Value


class History(Generic[Value]):
    """The samples of one stream, by stamp, whatever order they came in.

    Kept are at most `limit` samples that are at most `span_ns` older than the newest. When a
    stream's clock goes back (or one bogus stamp had run ahead of it), the old samples would shut
    the new ones out: after `BACK_AFTER` of them in a row the history begins anew.
    """

    def __init__(self, span_ns: int, limit: int):
        self._span_ns = span_ns
        self._limit = limit
        self._samples: list[Sample[Value]] = []
        self._stamps: list[int] = []  # of the samples: bisect is fastest on plain numbers
        self._too_old = 0

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, stamp_ns: int, value: Value) -> Added:
        """Take a sample in.

        Returns:
            `new`: the newest by stamp. `late`: older than the newest, put in its place.
            `repeated`: a sample of this stamp is there; it stays, this one is not kept.
            `dropped`: older than everything that is kept. `back`: time went back; the history
            was cleared and begins with this sample.
        """
        stamps = self._stamps
        if not stamps or stamp_ns > stamps[-1]:
            self._too_old = 0
            stamps.append(stamp_ns)
            self._samples.append(Sample(stamp_ns, value))
            self._trim()
            return 'new'
        if stamp_ns < stamps[-1] - self._span_ns:
            self._too_old += 1
            if self._too_old < BACK_AFTER:
                return 'dropped'
            self.clear()
            stamps.append(stamp_ns)
            self._samples.append(Sample(stamp_ns, value))
            return 'back'
        self._too_old = 0
        at = bisect_left(stamps, stamp_ns)
        if stamps[at] == stamp_ns:
            return 'repeated'
        if at == 0 and len(stamps) >= self._limit:
            return 'dropped'
        stamps.insert(at, stamp_ns)
        self._samples.insert(at, Sample(stamp_ns, value))
        self._trim()
        return 'late'

    def _trim(self) -> None:
        stamps = self._stamps
        first = max(len(stamps) - self._limit, bisect_left(stamps, stamps[-1] - self._span_ns))
        if first > 0:
            del stamps[:first]
            del self._samples[:first]

    def clear(self) -> None:
        """Forget everything."""
        self._stamps.clear()
        self._samples.clear()
        self._too_old = 0

    @property
    def newest(self) -> Sample[Value] | None:
        """The sample with the newest stamp."""
        return self._samples[-1] if self._samples else None

    def newest_first(self) -> Iterator[Sample[Value]]:
        """Go through the samples, the newest stamp first."""
        return reversed(self._samples)

    def nearest(self, stamp_ns: int) -> Sample[Value] | None:
        """Return the sample nearest in time; of two equally near ones the older."""
        before, after = self.around(stamp_ns)
        if before is None or after is None:
            return before or after
        return before if stamp_ns - before.stamp_ns <= after.stamp_ns - stamp_ns else after

    def around(self, stamp_ns: int) -> tuple[Sample[Value] | None, Sample[Value] | None]:
        """Return the last sample at or before a time and the first one at or after it."""
        at = bisect_left(self._stamps, stamp_ns)
        after = self._samples[at] if at < len(self._samples) else None
        if after is not None and after.stamp_ns == stamp_ns:
            return after, after
        return (self._samples[at - 1] if at else None), after

    def between(self, after_ns: int, to_ns: int) -> list[Sample[Value]]:
        """Return the samples with `after_ns` < stamp <= `to_ns`, in order."""
        stamps = self._stamps
        return self._samples[bisect_right(stamps, after_ns) : bisect_right(stamps, to_ns)]
