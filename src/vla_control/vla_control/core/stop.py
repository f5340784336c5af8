"""Bounded stops: how joints come to rest in a given number of ticks, and whether they may.

With the tick as the unit of time, a stop of N ticks has a jerk that is linear in the tick: two
numbers per joint, and two conditions, that velocity and acceleration are zero after N ticks. So
positions, velocities and accelerations on the way are fixed linear functions of velocity and
acceleration now, the tail of a stop is the stop of N - 1 ticks from there, and joints whose
acceleration is along their velocity stay on a straight line: they brake along their path.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from vla_control.core.joint_limits import JointLimitArrays

SHORTEST = 2  # ticks; one leaves no choice
_SLACK = 1.15  # longer than from full speed, so that a joint that still accelerates fits
_TOO_LONG = 4000  # ticks


@dataclass(frozen=True, eq=False, slots=True)
class StopTable:
    """What a stop of N ticks does, per unit of velocity and of acceleration now.

    Attributes:
        jerk: (2, 2) at the first and at the last tick; columns: per velocity, per acceleration.
        acceleration: (N, 2) after tick 1 .. N.
        velocity: (N, 2) after tick 1 .. N.
        travel: (N, 2) positions after tick 1 .. N, relative to now.
    """

    jerk: np.ndarray
    acceleration: np.ndarray
    velocity: np.ndarray
    travel: np.ndarray


@cache
def table(ticks: int) -> StopTable:
    """Return the table of a stop of `ticks` >= 2 ticks."""
    n, k = float(ticks), np.arange(1, ticks + 1, dtype=float)
    # jerk at tick i is alpha + beta i; its sums decide acceleration and velocity after N ticks
    sums = np.array([[n, n * (n + 1) / 2], [n * (n + 1) / 2, n * (n + 1) * (n + 2) / 6]])
    now = np.array([[0.0, 1.0], [1.0, n]])  # acceleration, velocity after N ticks without jerk
    alpha, beta = np.linalg.solve(sums, -now)
    jerk = alpha + k[:, None] * beta
    acceleration = np.array([0.0, 1.0]) + jerk.cumsum(0)
    velocity = np.array([1.0, 0.0]) + acceleration.cumsum(0)
    acceleration[-1] = velocity[-1] = velocity[-2] = 0.0  # exactly, not but for rounding
    return StopTable(jerk[[0, -1]], acceleration, velocity, velocity.cumsum(0))


class Stops:
    """Stops within the limits of a robot.

    Attributes:
        longest: Ticks of the stop that is kept in hand: enough from full speed.
    """

    def __init__(self, limits: JointLimitArrays):
        self._limits = limits
        fastest = np.stack([limits.velocity, np.zeros_like(limits.velocity)])
        ticks = SHORTEST
        while not self._bounded(table(ticks), fastest):
            ticks += 1 + ticks // 64
            if ticks > _TOO_LONG:
                break
        self.longest = int(np.ceil(_SLACK * ticks)) + 1

    def from_speed(self, positions: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        """Return velocity (J,), reduced to what a stop of `longest` ticks within limits allows.

        Args:
            positions: (J,) within the limits.
            velocity: (J,) per tick; the acceleration counts as zero.
        """
        limits, stop = self._limits, table(self.longest)
        room = np.where(velocity > 0.0, limits.upper - positions, positions - limits.lower)
        largest = np.minimum(limits.velocity, np.maximum(room, 0.0) / stop.travel[-1, 0])
        # only where the stop had to be cut off at the longest there is
        largest = np.minimum(largest, limits.acceleration / np.abs(stop.acceleration[:, 0]).max())
        largest = np.minimum(largest, limits.jerk / np.abs(stop.jerk[:, 0]).max())
        return np.clip(velocity, -largest, largest)

    def path(
        self, positions: np.ndarray, velocity: np.ndarray, acceleration: np.ndarray, ticks: int
    ) -> np.ndarray:
        """Return the positions (ticks, J) of a stop, whether or not it lies within the limits."""
        return positions + table(ticks).travel @ np.stack([velocity, acceleration])

    def quickest(
        self,
        positions: np.ndarray,
        velocity: np.ndarray,
        acceleration: np.ndarray,
        shorter_than: int,
    ) -> np.ndarray | None:
        """Return the positions (N, J) of a stop within the limits, about the shortest there is.

        Args:
            positions: (J,) rad or m.
            velocity: (J,) per tick.
            acceleration: (J,) per tick^2.
            shorter_than: The first N that is not tried any more; None is returned if none fits.
        """
        limits, now = self._limits, np.stack([velocity, acceleration])
        low, high = limits.lower - positions, limits.upper - positions
        ticks = SHORTEST
        while ticks < shorter_than:
            stop = table(ticks)
            if self._bounded(stop, now):
                travel = stop.travel @ now
                if (travel >= low).all() and (travel <= high).all():
                    return positions + travel
            ticks += 1 + ticks // 16  # so that long ones cost little, in time and in tables
        return None

    def _bounded(self, stop: StopTable, now: np.ndarray) -> bool:
        """Whether jerk, acceleration and velocity stay within the limits."""
        limits = self._limits
        return bool(
            (np.abs(stop.jerk @ now) <= limits.jerk).all()
            and (np.abs(stop.acceleration @ now) <= limits.acceleration).all()
            and (np.abs(stop.velocity @ now) <= limits.velocity).all()
        )
