"""The seam between the simulator and a task."""

import math
from typing import Protocol

from vla_sim.core.values import Goal, Point, WorldState


class Task(Protocol):
    """One thing to do on the table, judged from the simulator's state alone.

    Attributes:
        limit: Steps of 0.1 s.
        checks: Consecutive checks, 0.1 s apart, that must find the goal reached.
    """

    limit: int
    checks: int

    def possible(self, world: WorldState, goal: Goal) -> bool:
        """Whether the goal can be reached from a layout without luck."""
        ...

    def reached(self, world: WorldState, start: WorldState, goal: Goal) -> bool:
        """Whether the goal is reached now.

        Args:
            world: The state now.
            start: The state after the reset.
            goal: What was asked for.
        """
        ...


def distance_xy(a: Point, b: Point) -> float:
    """Horizontal distance, m."""
    return math.hypot(a[0] - b[0], a[1] - b[1])


def distance(a: Point, b: Point) -> float:
    """Distance, m."""
    return math.dist(a, b)
