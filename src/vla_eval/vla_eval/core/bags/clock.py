"""On which clock a bag's sensors were stamped, compared with the one it was recorded by."""

from dataclasses import dataclass, field
from pathlib import Path

from vla_eval.core.bags.survey import APART_NS, BACK_NS, SECOND
from vla_eval.core.bags.values import Message
from vla_eval.core.errors import BagError

NEAR_NS = SECOND  # stamps this near to log times are of the recorder's own clock
DRIFT_NS, DRIFT = SECOND, 0.05  # more of both, and the two clocks do not run alike
STAMP_AT = {  # byte of a serialised message at which the first header's stamp begins
    'sensor_msgs/msg/Image': 4,
    'sensor_msgs/msg/CompressedImage': 4,
    'sensor_msgs/msg/CameraInfo': 4,
    'sensor_msgs/msg/JointState': 4,
    'tf2_msgs/msg/TFMessage': 8,
}


def header_ns(message: Message) -> int | None:
    """Return the header's stamp of a sensor message, None where it has none."""
    at, data = STAMP_AT.get(message.kind), message.data
    if at is None or len(data) < at + 8:
        return None
    if at == 8 and not any(data[4:8]):
        return None  # a list of no transforms
    order = 'little' if data[1] & 1 else 'big'
    seconds = int.from_bytes(data[at : at + 4], order, signed=True)  # type: ignore[arg-type]
    rest = int.from_bytes(data[at + 4 : at + 8], order)  # type: ignore[arg-type]
    return max(0, seconds) * SECOND + rest or None


@dataclass
class Stamps:
    """Stamps of one topic beside the log times."""

    ahead_ns: dict[int, int] = field(default_factory=dict)  # log second -> most ahead in it
    newest_ns: int = 0
    back_ns: int = 0  # farthest that stamps go back

    def add(self, stamp_ns: int, log_ns: int) -> None:
        """Note a message."""
        second, ahead_ns = log_ns // SECOND, stamp_ns - log_ns
        self.ahead_ns[second] = max(self.ahead_ns.get(second, ahead_ns), ahead_ns)
        self.back_ns = max(self.back_ns, self.newest_ns - stamp_ns)
        self.newest_ns = max(self.newest_ns, stamp_ns)

    @property
    def most_ahead_ns(self) -> int:
        """Most that a stamp is ahead of its log time: the shortest way into the bag."""
        return max(self.ahead_ns.values())

    @property
    def span_ns(self) -> int:
        """From the middle of the first half of the bag to that of the second."""
        return (max(self.ahead_ns) - min(self.ahead_ns)) * SECOND // 2

    @property
    def drift_ns(self) -> int:
        """What the stamps gain on the log times over `span_ns`.

        The shortest way in each half counts: messages that were held up say nothing of clocks.
        """
        middle = (min(self.ahead_ns) + max(self.ahead_ns) + 1) / 2
        halves = [
            [a for s, a in self.ahead_ns.items() if (s < middle) == e] for e in (True, False)
        ]
        return max(halves[1]) - max(halves[0]) if all(halves) else 0


class ClockCheck:
    """Compares clocks while a bag is read."""

    def __init__(self) -> None:
        self._topics: dict[str, Stamps] = {}

    def look(self, message: Message) -> None:
        """Take note of a message."""
        stamp_ns = header_ns(message)
        if stamp_ns is not None:
            self._topics.setdefault(message.topic, Stamps()).add(stamp_ns, message.log_ns)

    def offset_ns(self, path: Path, topics: list[str]) -> int:
        """Return what to add to log times so that they are of the sensors' clock; mostly 0.

        Args:
            path: Of the bag, for refusals.
            topics: That follow one clock: cameras, joint states, moving transforms.

        Raises:
            BagError: their stamps go back, follow different clocks, or one that does not run as
                the recorder's did.
        """
        found = {t: self._topics[t] for t in topics if t in self._topics}
        if not found:
            return 0
        for topic, stamps in found.items():
            if stamps.back_ns > BACK_NS:
                raise BagError(
                    f'{path}: time goes back by {stamps.back_ns / SECOND:.1f} s in {topic}; a bag '
                    'of one clock that runs forward expected'
                )
            if abs(stamps.drift_ns) > max(DRIFT_NS, DRIFT * stamps.span_ns):
                raise BagError(
                    f'{path}: two clocks: the stamps of {topic} gain '
                    f'{stamps.drift_ns / SECOND:.1f} s on log times in '
                    f'{stamps.span_ns / SECOND:.0f} s; record with use_sim_time where the sensors '
                    'have it'
                )
        by_clock = sorted(found, key=lambda t: found[t].most_ahead_ns)
        early, late = by_clock[0], by_clock[-1]
        apart_ns = found[late].most_ahead_ns - found[early].most_ahead_ns
        if apart_ns > APART_NS:
            raise BagError(
                f'{path}: two clocks: {late} is stamped {apart_ns / SECOND:.0f} s ahead of '
                f'{early}; all streams on one clock expected'
            )
        offset_ns = found[late].most_ahead_ns
        return offset_ns if abs(offset_ns) > NEAR_NS else 0
