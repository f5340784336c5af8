"""The bounded stop: brake along the path of motion, within acceleration limits, then hold."""

import numpy as np

from vla_control.core.motion import braking_speed

_AT_REST = 1e-9  # rad/s or m/s; below it a joint counts as standing


class BoundedStop:
    """Brings commanded joints to rest.

    All joints lose speed in the same proportion, so that the robot stays on the straight line (in
    joint space) that it was moving along; the joint that needs longest sets the pace. A joint
    that would reach its position limit on the way brakes harder, within its own acceleration.
    """

    def __init__(self, lower: np.ndarray, upper: np.ndarray, acceleration: np.ndarray):
        self._lower, self._upper, self._acceleration = lower, upper, acceleration

    def step(
        self, positions: np.ndarray, velocities: np.ndarray, dt_s: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and velocities (J,) one tick later; the same positions once at rest.

        Args:
            positions: (J,) commanded positions, rad or m.
            velocities: (J,) commanded velocities, rad/s or m/s.
            dt_s: Length of the tick, s.
        """
        speeds = np.abs(velocities)
        slowest = float((speeds / self._acceleration).max())  # s until the last joint rests
        if slowest <= dt_s or speeds.max() < _AT_REST:
            return positions, np.zeros_like(velocities)
        room = np.where(velocities > 0.0, self._upper - positions, positions - self._lower)
        allowed = braking_speed(room, self._acceleration, dt_s)
        slowed = np.minimum(speeds * (1.0 - dt_s / slowest), allowed)
        new = np.copysign(slowed, velocities)
        return positions + new * dt_s, new


def at_rest(velocities: np.ndarray) -> bool:
    """Whether commanded velocities (J,) are a standstill."""
    return bool(np.abs(velocities).max() < _AT_REST)
