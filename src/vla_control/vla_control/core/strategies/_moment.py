"""What a strategy is told of the moment beside the chunks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """The moment at which a strategy chooses.

    Attributes:
        now_ns: ROS time.
        resting_since_ns: ROS time since which the commanded joints stand still; None while they
            move.
    """

    now_ns: int
    resting_since_ns: int | None = None
