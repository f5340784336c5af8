"""The contract's joint limits as arrays, with the control tick as the unit of time."""

import math

import numpy as np

from vla_core.contract import RobotContract
from vla_core.timing import SECOND


class JointLimitArrays:
    """Limits (J,) in the contract's output order.

    One command is sent per control tick. With the tick as the unit of time, a velocity is the
    difference of two consecutive commands, an acceleration that of two velocities, a jerk that of
    two accelerations, and what the limits hold is exactly what an observer of the commands sees.

    Attributes:
        names: Of the joints.
        dt_s: Length of a control tick, s.
        lower: Lowest positions, rad or m; -inf for continuous joints.
        upper: Highest positions, rad or m; inf for continuous joints.
        velocity: Largest |velocity|, rad or m per tick.
        acceleration: Largest |acceleration|, rad or m per tick^2.
        jerk: Largest |jerk|, rad or m per tick^3.
        first_step: Largest distance between measured and commanded where motion begins.
        disagreement: Largest distance between measured and commanded in motion.
        continuous: Which joints turn without end.
    """

    def __init__(self, contract: RobotContract):
        limits = [contract.limits.joints[name] for name in contract.output.joints]
        self.names = contract.output.joints
        self.dt_s = contract.rates.control_ns / SECOND
        self.continuous = np.array([j.continuous for j in limits])
        self._endless = bool(self.continuous.any())
        self.lower = np.array([-math.inf if j.continuous else j.lower for j in limits])
        self.upper = np.array([math.inf if j.continuous else j.upper for j in limits])
        self.velocity = np.array([j.velocity for j in limits]) * self.dt_s
        self.acceleration = np.array([j.acceleration for j in limits]) * self.dt_s**2
        self.jerk = np.array([j.jerk for j in limits]) * self.dt_s**3
        self.first_step = np.array([j.first_step for j in limits])
        self.disagreement = np.array([j.disagreement for j in limits])

    def nearest_turn(self, positions: np.ndarray, to: np.ndarray) -> np.ndarray:
        """Return positions (J,), those of continuous joints by whole turns as near `to` (J,)."""
        if not self._endless:
            return positions
        turns = np.round((to - positions) / math.tau)
        return np.where(self.continuous, positions + math.tau * turns, positions)
