"""Where the commanded joints are, how they move, and how they would come to rest from here."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vla_control.core.stop import table


@dataclass(frozen=True, eq=False, slots=True)
class Motion:
    """State of the commanded joints after a tick; the unit of time is the control tick.

    Attributes:
        positions: (J,) commanded positions, rad or m, in the contract's output order.
        velocity: (J,) difference to the positions of the tick before.
        acceleration: (J,) difference of that to the velocity before.
        way: The bounded stop from here: its positions (M, J), or the ticks that it takes where
            all joints take the same; M = 0 at rest.
        stopping: Whether this state was reached on a bounded stop.
    """

    positions: np.ndarray
    velocity: np.ndarray
    acceleration: np.ndarray
    way: np.ndarray | int
    stopping: bool = False

    @property
    def stop(self) -> np.ndarray:
        """Positions (M, J) of the coming ticks on the bounded stop from here.

        It lies within all limits; its last row is repeated for ever.
        """
        if isinstance(self.way, int):  # most are never braked by, so they are not worked out
            now = np.stack([self.velocity, self.acceleration])
            object.__setattr__(self, 'way', self.positions + table(self.way).travel @ now)
        assert not isinstance(self.way, int)
        return self.way

    @classmethod
    def at_rest(cls, positions: np.ndarray) -> 'Motion':
        """Return the state of joints that stand at positions (J,)."""
        zero = np.zeros(len(positions))
        return cls(np.array(positions, float), zero, zero, np.empty((0, len(positions))))

    @property
    def resting(self) -> bool:
        """Whether nothing moves and nothing is left of a stop."""
        return not isinstance(self.way, int) and not len(self.way)

    def onto(self, positions: np.ndarray, stop: np.ndarray, stopping: bool = False) -> 'Motion':
        """Return the state one tick later.

        Args:
            positions: (J,) next positions.
            stop: (M, J) the bounded stop from there.
            stopping: Whether it is a step of a bounded stop.
        """
        velocity = positions - self.positions
        return Motion(positions, velocity, velocity - self.velocity, stop, stopping)

    def brake(self, inside: Callable[[np.ndarray], np.ndarray] | None = None) -> 'Motion':
        """Return the state one tick further on the bounded stop; at rest, the same state.

        Args:
            inside: Cuts rounding off the positions.
        """
        if self.resting:
            return self
        positions, rest = self.stop[0], self.stop[1:]
        if inside is not None:
            positions = inside(positions)
        if len(rest):
            return self.onto(positions, rest, stopping=True)
        return Motion.at_rest(positions)
