"""What the robot is commanded to: taken over from measured joints once, then carried on."""

from dataclasses import dataclass

import numpy as np

from vla_control.core.gate import Gate
from vla_control.core.motion import Motion


@dataclass(frozen=True, eq=False, slots=True)
class Measured:
    """Measured joints (J,) in the contract's output order, rad or m, with their ROS time."""

    stamp_ns: int
    positions: np.ndarray
    velocities: np.ndarray


class Commanded:
    """Joint targets sent last.

    Attributes:
        known: Whether there are any; otherwise they must be taken over from measured joints.
        motion: Where they are and how they move.
        stamp_ns: ROS time that they were meant for.
        resting_since_ns: ROS time since which they stand still; None while they move.
    """

    def __init__(self, gate: Gate, fingers: np.ndarray):
        """Know nothing yet.

        Args:
            gate: Whose limits hold.
            fingers: (K,) indices of the joints that keep their target when motion is taken over:
                a finger that rests on an object is measured elsewhere than it is commanded.
        """
        self._gate, self._fingers = gate, fingers
        self._finger_targets: np.ndarray | None = None
        self.known = False
        self.motion = Motion.at_rest(np.zeros(len(gate.limits.names)))
        self.stamp_ns = 0
        self.resting_since_ns: int | None = None

    @property
    def positions(self) -> np.ndarray:
        """Targets (J,), rad or m."""
        return self.motion.positions

    @property
    def velocities(self) -> np.ndarray:
        """Velocities (J,) of the commanded motion, rad/s or m/s."""
        return self.motion.velocity / self._gate.limits.dt_s

    @property
    def at_rest(self) -> bool:
        """Whether nothing is commanded to move."""
        return not self.known or self.motion.resting

    @property
    def keeps_fingers(self) -> bool:
        """Whether finger targets are remembered from before."""
        return self._finger_targets is not None

    def take_over(self, measured: Measured, stamp_ns: int) -> bool:
        """Start from measured joints; return False where they are too far outside the limits.

        Args:
            measured: Newest joints.
            stamp_ns: ROS time of the tick before the first command.
        """
        q, v = np.array(measured.positions), np.array(measured.velocities)
        if self._finger_targets is not None:
            q[self._fingers], v[self._fingers] = self._finger_targets, 0.0
        motion = self._gate.take_over(q, v)
        if motion is None:
            return False
        self.known, self.resting_since_ns = True, None
        self._become(motion, stamp_ns)
        return True

    def let_go(self, keep_fingers: bool) -> None:
        """Forget the arm's targets, and the fingers' unless they are kept."""
        if not keep_fingers:
            self._finger_targets = None
        elif self.known:
            self._finger_targets = self.positions[self._fingers]
        self.known = False

    def far_from(self, measured: Measured) -> bool:
        """Whether some joint is measured further away than a first step may be."""
        first_step = self._gate.limits.first_step
        near = self._gate.limits.nearest_turn(measured.positions, self.positions)
        return bool((np.abs(self.positions - near) > first_step).any())

    def brake(self, now_ns: int) -> None:
        """Go one tick towards rest; at rest, stay exactly."""
        self._become(self._gate.brake(self.motion), now_ns)

    def move_to(self, motion: Motion, now_ns: int) -> None:
        """Go on to a state that the gate has passed."""
        self._become(motion, now_ns)

    def _become(self, motion: Motion, now_ns: int) -> None:
        self.motion, self.stamp_ns = motion, now_ns
        if not motion.resting:
            self.resting_since_ns = None
        elif self.resting_since_ns is None:
            self.resting_since_ns = now_ns
