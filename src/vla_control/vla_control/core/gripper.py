"""Grippers: a column becomes open or closed with hysteresis, and a finger travels there."""

import numpy as np

from vla_control.core.motion import ramp
from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_core.contract import RobotContract

_SHARE = 0.8  # of the acceleration limit, so that the finger's own braking stays off the gate's


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
        self._speed = [settings.gripper_speed * j.velocity for j in limits]
        self._acceleration = [_SHARE * j.acceleration for j in limits]
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

    def step(self, fingers: np.ndarray, velocities: np.ndarray, dt_s: float) -> list[float]:
        """Return finger targets (K,) one tick later, from those commanded last."""
        return [
            ramp(
                float(fingers[k]),
                float(velocities[k]),
                self._open[k] if bit else self._closed[k],
                self._speed[k],
                self._acceleration[k],
                dt_s,
            )
            for k, bit in enumerate(self.bits)
        ]
