"""What the robot is commanded to: taken over from measured joints once, then carried on."""

from dataclasses import dataclass

import numpy as np

from vla_control.core.gate import Gate
from vla_control.core.motion import braking_speed
from vla_control.core.stop import BoundedStop, at_rest


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
        positions: (J,) rad or m.
        velocities: (J,) rad/s or m/s, of the commanded motion.
        stamp_ns: ROS time that they were meant for.
    """

    def __init__(self, gate: Gate, fingers: np.ndarray):
        """Know nothing yet.

        Args:
            gate: Whose limits hold.
            fingers: (K,) indices of the joints that keep their target when motion is taken over:
                a finger that rests on an object is measured elsewhere than it is commanded.
        """
        self._gate, self._fingers = gate, fingers
        self._brake = BoundedStop(gate.lower, gate.upper, gate.acceleration)
        self._finger_targets: np.ndarray | None = None
        self.known = False
        self.positions = np.zeros(len(gate.lower))
        self.velocities = np.zeros(len(gate.lower))
        self.stamp_ns = 0

    @property
    def at_rest(self) -> bool:
        """Whether nothing is commanded to move."""
        return not self.known or at_rest(self.velocities)

    @property
    def keeps_fingers(self) -> bool:
        """Whether finger targets are remembered from before."""
        return self._finger_targets is not None

    def take_over(self, measured: Measured, stamp_ns: int, dt_s: float) -> bool:
        """Start from measured joints; return False where they are too far outside the limits.

        Velocities are taken over too, so that a robot that moves is braked, not halted.

        Args:
            measured: Newest joints.
            stamp_ns: ROS time of the tick before the first command.
            dt_s: Length of a tick, s.
        """
        gate = self._gate
        q = np.clip(measured.positions, gate.lower, gate.upper)
        if (np.abs(q - measured.positions) > gate.first_step).any():
            return False
        v = measured.velocities
        room = np.where(v > 0.0, gate.upper - q, q - gate.lower)
        largest = np.minimum(gate.velocity, braking_speed(room, gate.acceleration, dt_s))
        v = np.clip(v, -largest, largest)
        if self._finger_targets is not None:
            q[self._fingers], v[self._fingers] = self._finger_targets, 0.0
        self.known, self.positions, self.velocities, self.stamp_ns = True, q, v, stamp_ns
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
        return bool((np.abs(self.positions - measured.positions) > self._gate.first_step).any())

    def brake(self, now_ns: int, dt_s: float) -> None:
        """Go one tick towards rest; at rest, stay exactly."""
        self.positions, self.velocities = self._brake.step(self.positions, self.velocities, dt_s)
        self.stamp_ns = now_ns

    def move_to(self, positions: np.ndarray, now_ns: int, dt_s: float) -> None:
        """Go to positions (J,) that the gate has passed."""
        self.velocities = (positions - self.positions) / dt_s
        self.positions, self.stamp_ns = positions, now_ns
