"""A chunk that was let in, ready to be followed."""

from dataclasses import dataclass

from vla_control.core.waypoints import Waypoints
from vla_core.chunk import ActionChunk


@dataclass(frozen=True, eq=False)
class Track:
    """A chunk and its way-points.

    Attributes:
        chunk: As it came.
        points: Its H rows as way-points, and its end: the last row again, one step later.
    """

    chunk: ActionChunk
    points: Waypoints

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from others: observation stamp and t0, ns."""
        return self.chunk.observation_stamp_ns, self.chunk.t0_ns

    @property
    def last_row_ns(self) -> int:
        """ROS time of its last row."""
        return self.chunk.row_ns(self.chunk.horizon - 1)
