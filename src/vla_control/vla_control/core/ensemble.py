"""Running means over chunks that overlap: a prediction is added once, where it counts.

Zhao et al. 2023, Algorithm 2: the action for a time is the mean of all predictions for that time,
with weights exp(-m i), i = 0 for the *oldest* chunk that has one.
"""

from bisect import insort
from typing import NamedTuple

import numpy as np

from vla_control.core.moments import Columns, Means, Moments
from vla_core.errors import VlaError

_SLOTS = 512  # at first; some horizons, so that making room is rare
_MOST_SLOTS = 1 << 20
_SWEEP_AT = 64
_NEVER = -(1 << 62)


class EnsembleError(VlaError):
    """A chunk that does not fit, or times without a mean."""


class _Chunk(NamedTuple):  # made at every tick: a dataclass takes four times as long
    order: tuple[int, ...]
    rows: np.ndarray
    t0_ns: int
    last_ns: int


class Ensembler:
    """Means of chunks whose rows are one step apart, at the times of a grid with that step.

    Chunks are aligned by the times that their rows are meant for, whenever they come. The grid is
    that of the first chunk, or where `rebase` puts it; a chunk beside it counts by interpolation.
    Adding the newest chunk touches each of its rows once. One that is older than another changes
    the ranks, so the means are then made again from the chunks that are kept.

    Call `forget` as time goes on: what is still needed is all that is kept.
    """

    def __init__(self, columns: Columns, step_ns: int, m: float = 0.01, geometry: bool = True):
        """Prepare.

        Args:
            columns: How the columns of a row are averaged.
            step_ns: Spacing of the rows of every chunk.
            m: Decay of the weights per chunk, counted from the oldest that has a prediction:
                above 0 old predictions weigh more, 0 is the plain mean.
            geometry: See `Moments`.
        """
        self._width, self._step_ns, self._m = columns.width, step_ns, m
        self._moments = Moments(columns, geometry)
        self._share = _shares(m, _SWEEP_AT)
        self._low, self._high, self._sweep_at = 0, 0, _SWEEP_AT
        self._grow(_SLOTS)
        self.reset()

    def __len__(self) -> int:
        """Return how many chunks are kept."""
        return len(self._chunks)

    def reset(self) -> None:
        """Forget all chunks."""
        self._chunks: list[_Chunk] = []
        self._origin_ns: int | None = None  # time of slot 0 of the grid
        self._floor = _NEVER  # slot before which nothing is needed
        self._clear()

    def add(self, rows: np.ndarray, t0_ns: int, order: tuple[int, ...] = ()) -> None:
        """Add a chunk.

        Args:
            rows: (H, width) finite numbers, row k meant for `t0_ns + k * step_ns`; kept as they
                are, so not to be changed afterwards.
            t0_ns: ROS time of row 0.
            order: What chunks are ranked by, larger is newer; without it, when they begin.

        Raises:
            EnsembleError: another width, or too far in time from the other chunks.
        """
        if rows.ndim != 2 or rows.shape[1] != self._width or not len(rows):
            raise EnsembleError(f'rows (H, {self._width}) expected, got {rows.shape}')
        if self._origin_ns is None:
            self._origin_ns = t0_ns
        chunks = self._chunks
        if len(chunks) >= self._sweep_at:
            chunks = self._sweep()
        last_ns = t0_ns + (len(rows) - 1) * self._step_ns
        chunk = _Chunk(order or (t0_ns,), rows, t0_ns, last_ns)
        if chunks and chunk.order < chunks[-1].order:
            self._check_room(chunk)
            insort(chunks, chunk, key=_order)
            self._stale = True
            return
        if not self._stale:
            self._average(chunk)
        chunks.append(chunk)

    def rebase(self, time_ns: int) -> None:
        """Put the grid where one of its times is `time_ns`."""
        if self._origin_ns is None:
            self._origin_ns = time_ns
        if (time_ns - self._origin_ns) % self._step_ns == 0:
            return
        if self._floor > _NEVER:
            self._floor += (self._origin_ns - time_ns) // self._step_ns
        self._origin_ns, self._stale = time_ns, True

    def forget(self, before_ns: int) -> None:
        """Let go of what is meant for times before `before_ns`: nobody asks for it any more."""
        if self._origin_ns is not None:
            self._floor = max(self._floor, (before_ns - self._origin_ns) // self._step_ns)

    def forgot(self, time_ns: int) -> bool:
        """Tell whether a time lies before what is still needed."""
        floor = self._floor
        return (
            self._origin_ns is not None
            and floor > _NEVER
            and (time_ns - self._origin_ns) // self._step_ns < floor
        )

    def at(self, time_ns: int) -> np.ndarray | None:
        """Return the mean row (width,) for a time, None where no chunk has a prediction for it.

        Between times of the grid it is interpolated from the two means.

        Raises:
            RotationError: rotations or angles oppose each other, so that there is no mean.
        """
        if self._origin_ns is None:
            return None
        if self._stale:
            self._rebuild()
        slot, rest = divmod(time_ns - self._origin_ns, self._step_ns)
        i = slot - self._low
        if not (0 <= i < len(self._count) and self._count[i]) or slot < self._floor:
            return None
        row = self._moments.row(self._mean[i])
        if not rest:
            return row
        if i + 1 == len(self._count) or not self._count[i + 1]:
            return None
        after = self._moments.row(self._mean[i + 1])
        return self._moments.between(row[None], after[None], rest / self._step_ns)[0]

    def means(self, first_ns: int, count: int) -> Means:
        """Return the means at `first_ns`, one step later, ..., `count` times of the grid.

        Raises:
            EnsembleError: times beside the grid, or without a prediction.
        """
        if self._stale:
            self._rebuild()
        slot, rest = divmod(first_ns - (self._origin_ns or 0), self._step_ns)
        i = slot - self._low
        covered = i >= 0 and i + count <= len(self._count) and self._count[i : i + count].all()
        if rest or not covered or slot < self._floor:
            raise EnsembleError(f'{count} times from {first_ns} on do not all have a mean')
        return self._moments.rows(self._mean[i : i + count])

    def _average(self, chunk: _Chunk) -> None:
        """Add the newest chunk to the means of the slots it covers."""
        first, rest = divmod(chunk.t0_ns - (self._origin_ns or 0), self._step_ns)
        rows = chunk.rows
        if rest:  # beside the grid: from the first time of the grid that it covers
            fraction = (self._step_ns - rest) / self._step_ns
            first, rows = first + 1, self._moments.between(rows[:-1], rows[1:], fraction)
        if first < self._floor:
            rows, first = rows[self._floor - first :], self._floor
        n = len(rows)
        i = first - self._low
        if i < 0 or i + n > len(self._count):
            if not n:
                return
            self._make_room(first, first + n)
            i = first - self._low
        if first + n > self._high:
            self._high = first + n
        values, change = self._moments.of(rows), self._change[:n]
        mean, count = self._mean[i : i + n], self._count[i : i + n]
        # the newest has the share w_c / (w_0 + ... + w_c) in the mean of c + 1 predictions: it
        # moves the mean of the c before by that share of the way (sums might overflow)
        self._share.take(count, None, self._shares[:n], 'clip')
        np.subtract(values, mean, change)
        np.multiply(change, self._shares_column[:n], change)
        np.add(mean, change, mean)
        np.add(count, 1, count)

    def _rebuild(self) -> None:
        """Average all chunks anew."""
        self._clear()
        for chunk in self._sweep():
            self._average(chunk)

    def _clear(self) -> None:
        self._low = self._high = max(self._floor, 0)  # slots that hold something: low <= . < high
        self._stale, self._sweep_at = False, _SWEEP_AT
        self._mean[:] = 0.0
        self._count[:] = 0

    def _sweep(self) -> list[_Chunk]:
        """Forget the chunks that have nothing to say about what is still needed."""
        floor_ns = (self._origin_ns or 0) + self._floor * self._step_ns
        self._chunks = [c for c in self._chunks if c.last_ns >= floor_ns]
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._chunks))
        if self._sweep_at > len(self._share):
            self._share = _shares(self._m, self._sweep_at)
        return self._chunks

    def _make_room(self, first: int, end: int) -> None:
        """Move the slots that are needed so that those from `first` to before `end` fit too."""
        begin, kept_from = max(self._floor, min(self._low, first)), max(self._floor, self._low)
        if self._low == self._high or kept_from >= self._high:
            begin = kept_from = first
            self._high = first
        needed = max(end, self._high) - begin
        if needed > _MOST_SLOTS:
            raise EnsembleError(f'chunks within {_MOST_SLOTS} steps expected, got {needed}')
        old = slice(kept_from - self._low, self._high - self._low)
        new = slice(kept_from - begin, self._high - begin)
        mean, count = self._mean[old].copy(), self._count[old].copy()
        if 2 * needed > len(self._count):
            self._grow(4 * needed)
        self._mean[:], self._count[:] = 0.0, 0
        self._mean[new], self._count[new] = mean, count
        self._low = begin

    def _check_room(self, chunk: _Chunk) -> None:
        """Refuse, before it is kept, a chunk with which the means could not be made."""
        first_ns = min(chunk.t0_ns, *(c.t0_ns for c in self._chunks))
        last_ns = max(chunk.last_ns, *(c.last_ns for c in self._chunks))
        needed = (last_ns - first_ns) // self._step_ns + 1
        if needed > _MOST_SLOTS:
            raise EnsembleError(f'chunks within {_MOST_SLOTS} steps expected, got {needed}')

    def _grow(self, slots: int) -> None:
        self._mean = np.zeros((slots, self._moments.width))
        self._count = np.zeros(slots, np.intp)
        self._change = np.empty((slots, self._moments.width))
        self._shares = np.empty(slots)
        self._shares_column = self._shares[:, None]


def _order(chunk: _Chunk) -> tuple[int, ...]:
    return chunk.order


def _shares(m: float, count: int) -> np.ndarray:
    """Return for c = 0, 1, ... the share of the newest in the weights of c + 1 chunks."""
    with np.errstate(over='ignore'):
        return 1.0 / np.cumsum(np.exp(m * np.arange(count)))
