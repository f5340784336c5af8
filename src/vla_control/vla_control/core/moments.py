"""What of a row is averaged, and back: numbers whose mean is linear, also for what turns.

An angle becomes its cosine and sine, a gripper its vote, a rotation q q^T, whose mean has the mean
rotation as its largest eigenvector (Markley et al. 2007), so that q and -q are the same rotation.
All else is averaged as it is. One running mean over such moments serves every kind of column.
"""

import math
from dataclasses import dataclass

import numpy as np

from vla_core import rotations
from vla_core.rotations import RotationError

_VOTES_OPEN = 0.5  # a gripper column above it votes for open
_UPPER = [(i, j) for i in range(4) for j in range(i, 4)]  # of the symmetric q q^T
_SHORTEST = 1e-6  # a mean direction shorter than this is none: what was averaged opposes itself
_ROWS = 256  # room at first


@dataclass(frozen=True)
class Columns:
    """How the columns of a row are averaged; those not named are plain numbers.

    Attributes:
        width: Number of columns.
        rotations: First columns of unit quaternions (w, x, y, z).
        angles: Columns of angles that turn without end, rad.
        votes: Columns of grippers, 0 closed .. 1 open: their mean is the share that is for open.
    """

    width: int
    rotations: tuple[int, ...] = ()
    angles: tuple[int, ...] = ()
    votes: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Means:
    """Means at consecutive times.

    Attributes:
        rows: (N, width).
        opposed: Indices of rows in which a rotation or an angle has no mean, because what was
            averaged opposes itself: such a row must not be used.
    """

    rows: np.ndarray
    opposed: frozenset[int] = frozenset()


class Moments:
    """The moments of rows with given columns.

    Attributes:
        width: How many numbers a row becomes, M.
    """

    def __init__(self, columns: Columns, geometry: bool = True):
        """Prepare.

        Args:
            columns: Of a row.
            geometry: Whether rotations, angles and grippers are averaged as such; otherwise all
                columns are plain numbers, and mean quaternions are only made unit length again.
        """
        self._width, self._starts = columns.width, columns.rotations
        self._turning = columns.rotations if geometry else ()
        self._angles = list(columns.angles) if geometry else []
        self._votes = columns.votes if geometry else ()
        self._plain = not (self._turning or self._angles or self._votes)
        left = [s + i for s in self._turning for i, _ in _UPPER]
        self._left = np.array([*range(columns.width), *left], np.intp)
        self._right = np.array([s + j for s in self._turning for _, j in _UPPER], np.intp)
        self._products = slice(columns.width, columns.width + len(left))
        self._cosines = slice(self._products.stop, self._products.stop + len(self._angles))
        self._sines = slice(self._cosines.stop, self._cosines.stop + len(self._angles))
        self.width = self._sines.stop
        place = {pair: k for k, pair in enumerate(_UPPER)}
        square = np.array([[place[min(i, j), max(i, j)] for j in range(4)] for i in range(4)])
        self._squares = [
            columns.width + k * len(_UPPER) + square for k in range(len(self._turning))
        ]
        self._room(_ROWS)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """Return the moments (N, M) of rows (N, width); they hold until the next call."""
        if self._plain:
            return rows
        n = len(rows)
        if n > len(self._buffer):
            self._room(2 * n)
        moments = self._buffer[:n, : self._products.stop]
        rows.take(self._left, 1, moments, 'clip')  # clip: nothing to clip, but no detour
        if self._turning:
            factors = self._factors[:n]  # 1 where a column is taken as it is
            factors[:, self._width :] = rows.take(self._right, 1)
            np.multiply(moments, factors, moments)
        for column in self._votes:
            moments[:, column] = rows[:, column] > _VOTES_OPEN
        moments = self._buffer[:n]
        if self._angles:
            angles = rows[:, self._angles]
            np.cos(angles, out=moments[:, self._cosines])
            np.sin(angles, out=moments[:, self._sines])
        return moments

    def row(self, mean: np.ndarray) -> np.ndarray:
        """Return the row (width,) of one mean (M,).

        Raises:
            RotationError: rotations or angles oppose each other, so that there is no mean.
        """
        if self._angles:
            means = self.rows(mean[None])
            if means.opposed:
                raise RotationError('rotations or angles oppose each other: they have no mean')
            return means.rows[0]
        row = mean[: self._width].copy()
        first = self._width
        for start in self._turning:
            upper = mean[first : first + len(_UPPER)].tolist()
            row[start : start + 4] = rotations.principal_quaternion(upper)
            first += len(_UPPER)
        for start in () if self._turning else self._starts:
            q = row[start : start + 4]
            norm = math.sqrt(q @ q)
            if norm < _SHORTEST:
                raise RotationError('quaternions oppose each other: they have no mean')
            q /= norm
        return row

    def rows(self, mean: np.ndarray) -> Means:
        """Return the rows of means (N, M)."""
        rows = mean[:, : self._width].copy()
        bad = np.zeros(len(rows), bool)
        for k, start in enumerate(self._starts):
            columns = slice(start, start + 4)
            if self._turning:
                squares = mean.take(self._squares[k], 1)
                rows[:, columns], opposed = rotations.principal_quaternions(squares)
            else:
                norms = np.sqrt((rows[:, columns] ** 2).sum(1, keepdims=True))
                rows[:, columns] /= np.maximum(norms, _SHORTEST)
                opposed = norms[:, 0] < _SHORTEST
            bad |= opposed
        if self._angles:
            cosines, sines = mean[:, self._cosines], mean[:, self._sines]
            rows[:, self._angles] = np.arctan2(sines, cosines)
            bad |= (np.hypot(cosines, sines) < _SHORTEST).any(1)
        return Means(rows, frozenset(np.flatnonzero(bad).tolist()))

    def between(self, rows: np.ndarray, after: np.ndarray, fraction: float) -> np.ndarray:
        """Return rows (N, width) a fraction of the way to those after, the shortest way round."""
        ahead = after - rows
        if self._angles:
            turns = ahead[:, self._angles] / math.tau
            ahead[:, self._angles] -= math.tau * np.round(turns)
        values = rows + fraction * ahead
        for start in self._turning:
            columns = slice(start, start + 4)
            values[:, columns] = rotations.slerp_quaternions(
                rows[:, columns], after[:, columns], np.full(len(rows), fraction)
            )
        return values

    def _room(self, rows: int) -> None:
        self._buffer = np.empty((rows, self.width))
        self._factors = np.ones((rows, self._products.stop))
