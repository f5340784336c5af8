"""Grippers: a column becomes open or closed with hysteresis, and a finger travels there."""

import numpy as np

from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_control.core.travel import Travel
from vla_core.contract import RobotContract
from vla_core.timing import SECOND

_SHARE = 0.8  # of acceleration and jerk limits, so that the finger's own travel stays off the gate


class Grippers:
    """The grippers of a robot.

    Attributes:
        bits: (K,) what is commanded: 0 closed, 1 open.
    """

    def __init__(self, contract: RobotContract, layout: RowLayout, settings: ExecutorSettings):
        groups = layout.grippers
        limits = [contract.limits.joints[g.names[0]] for g in groups]
        self._closed = [
            float(np.clip(g.closed, j.lower, j.upper)) for g, j in zip(groups, limits, strict=True)
        ]
        self._open = [
            float(np.clip(g.open, j.lower, j.upper)) for g, j in zip(groups, limits, strict=True)
        ]
        dt_s = contract.rates.control_ns / SECOND
        self._fingers = [
            Travel(
                j.lower,
                j.upper,
                settings.gripper_speed * j.velocity * dt_s,
                _SHARE * j.acceleration * dt_s**2,
                _SHARE * j.jerk * dt_s**3,
            )
            for j in limits
        ]
        self._open_above, self._close_below = settings.open_above, settings.close_below
        self.bits = np.zeros(len(groups))

    def seen_at(self, fingers: np.ndarray) -> None:
        """Take the bits from fingers (K,), rad or m: whichever end is nearer."""
        nearer = [
            abs(f - o) < abs(f - c)
            for f, o, c in zip(fingers, self._open, self._closed, strict=True)
        ]
        self.bits = np.array(nearer, float)

    def decide(self, columns: np.ndarray) -> None:
        """Update the bits from gripper columns (K,)."""
        opened = (columns > self._open_above) | ((columns >= self._close_below) & (self.bits > 0))
        self.bits = opened.astype(float)

    def step(self, fingers: np.ndarray, velocities: np.ndarray) -> list[float]:
        """Return finger targets (K,) one tick later.

        Args:
            fingers: (K,) commanded last, rad or m.
            velocities: (K,) of them, per tick.
        """
        found = []
        for k, finger in enumerate(self._fingers):
            if finger.position != fingers[k]:  # the gate or a stop has led it elsewhere
                finger.place(float(fingers[k]), float(velocities[k]))
            found.append(finger.step(self._open[k] if self.bits[k] else self._closed[k]))
        return found
