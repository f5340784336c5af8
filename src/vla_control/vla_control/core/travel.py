"""Travel of one joint to a target, within velocity, acceleration and jerk."""

import math

import numpy as np


class Travel:
    """Travels to a target at bounded velocity, acceleration and jerk, without passing it.

    A ramp of bounded velocity through two moving averages: the first bounds the acceleration, the
    second the jerk (Biagiotti and Melchiorri 2012, trajectories by cascaded FIR filters), also
    where the target is reversed on the way. The control tick is the unit of time.
    """

    def __init__(
        self, lower: float, upper: float, velocity: float, acceleration: float, jerk: float
    ):
        """Choose the averages.

        Args:
            lower: Lowest position, m or rad.
            upper: Highest position.
            velocity: Largest, m or rad per tick.
            acceleration: Largest, per tick^2.
            jerk: Largest, per tick^3.
        """
        self._lower, self._upper, self._velocity = lower, upper, velocity
        first = max(1, math.ceil(2.0 * velocity / acceleration))
        # turned round twice, a target turns the acceleration round, from one end to the other
        second = max(1, math.ceil(4.0 * velocity / (first * jerk)))
        self._weights = np.convolve(np.full(first, 1.0 / first), np.full(second, 1.0 / second))
        self._ramp = np.zeros(len(self._weights))  # newest first
        self.position = math.nan

    def place(self, position: float, velocity: float) -> None:
        """Go on from a position that moves steadily at `velocity` per tick."""
        ahead = 0.5 * (len(self._ramp) - 1) - np.arange(len(self._ramp))
        self._ramp[:] = position + velocity * ahead
        self.position = position

    def coast(self) -> float:
        """Return the position one tick later on the way to rest, as soon as the limits let it."""
        return self.step(float(self._ramp[0]))

    def step(self, target: float) -> float:
        """Return the position one tick later, on the way to `target`."""
        ramp = self._ramp
        newest = ramp[0] + min(max(target - ramp[0], -self._velocity), self._velocity)
        ramp[1:] = ramp[:-1]
        ramp[0] = newest
        arrived = newest == ramp[-1] and (ramp == newest).all()  # exactly, not but for rounding
        reached = newest if arrived else self._weights @ ramp
        self.position = float(min(max(reached, self._lower), self._upper))
        return self.position
