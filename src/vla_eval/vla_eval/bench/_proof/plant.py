"""A robot that is commanded: perfect, one that lags behind, and one that stalls now and then."""

import numpy as np

KINDS = ('perfect', 'laggy', 'stalling')
_LAG_S = (0.02, 0.08)  # time constants of the lag
_STALL_EVERY, _STALL_TICKS = 0.003, 60  # chance per tick, and how long at most


class Plant:
    """Where the joints really are.

    Attributes:
        positions: (J,) rad or m, in the contract's output order.
        velocities: (J,) rad/s or m/s.
    """

    def __init__(self, kind: str, positions: np.ndarray, dt_s: float, rng: np.random.Generator):
        """Stand at positions.

        Args:
            kind: One of `KINDS`.
            positions: (J,) rad or m.
            dt_s: Length of a control tick.
            rng: Decides when it stalls.
        """
        self._stalls, self._dt_s, self._rng = kind == 'stalling', dt_s, rng
        lag_s = 0.0 if kind == 'perfect' else float(rng.uniform(*_LAG_S))
        self._share = 1.0 if kind == 'perfect' else 1.0 - np.exp(-dt_s / lag_s)
        self._stalled = 0
        self._target = self.positions = positions.copy()
        self.velocities = np.zeros_like(positions)

    def put(self, positions: np.ndarray) -> None:
        """Put the robot elsewhere, at rest."""
        self._target = self.positions = positions.copy()
        self.velocities = np.zeros_like(positions)

    def step(self, commanded: np.ndarray | None) -> None:
        """Go on for a tick, towards what was commanded last."""
        if commanded is not None:
            self._target = commanded
        if self._stalls and not self._stalled and self._rng.random() < _STALL_EVERY:
            self._stalled = int(self._rng.integers(1, _STALL_TICKS))
        before = self.positions
        if self._stalled:
            self._stalled -= 1
        else:
            self.positions = before + self._share * (self._target - before)
        self.velocities = (self.positions - before) / self._dt_s
