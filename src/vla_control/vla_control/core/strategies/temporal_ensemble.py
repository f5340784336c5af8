"""Temporal ensembling: the weighted mean of all predictions for one time (ACT, Algorithm 2)."""

import math
from typing import TYPE_CHECKING

import numpy as np

from vla_control.core.ensemble import Ensembler
from vla_control.core.moments import Columns
from vla_control.core.route import Route
from vla_control.core.strategies._moment import Moment
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoints

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings


class TemporalEnsemble:
    """Averages the chunks in force, at the row times of the newest one.

    The weights are exp(-m i) with i = 0 for the *oldest* chunk that has a prediction for the time
    (Zhao et al. 2023, Algorithm 2): m > 0 favours old predictions, m = 0 is the plain mean.
    Predictions are aligned by the time they are meant for, whenever they arrived. Positions are
    averaged linearly, angles that turn without end on the circle, rotations on SO(3), gripper
    columns by vote; without `geometry`, all as plain numbers.
    """

    def __init__(self, settings: 'ExecutorSettings', angles: tuple[int, ...] = ()):
        """Prepare.

        Args:
            settings: `ensemble_m` and `geometry` count.
            angles: Columns of `Waypoints.linear` that turn without end.
        """
        self.shortest = 1
        self._m, self._geometry, self._angles = settings.ensemble_m, settings.geometry, angles
        self.reset()

    def reset(self) -> None:
        """See `Strategy.reset`."""
        self._tracks: tuple[Track, ...] = ()
        self._averaged: tuple[Track, ...] = ()  # those that are in the ensembler
        self._route: Route | None = None
        self._ensembler: Ensembler | None = None

    def route(self, tracks: tuple[Track, ...], moment: Moment) -> Route | None:
        """See `Strategy.route`."""
        if tracks is self._tracks:
            return self._route
        if not tracks:
            self.reset()
            return None
        came = not set(self._tracks).issuperset(tracks)
        self._tracks = tracks
        if came or self._route is None or self._route.tracks[-1] is not tracks[-1]:
            self._take_in(tracks, moment.now_ns)
            self._route = self._mean(tracks)
        return self._route

    def _take_in(self, tracks: tuple[Track, ...], now_ns: int) -> None:
        """Bring the ensembler to these chunks; those that ended in the past may stay in it."""
        newest, before, now = tracks[-1].chunk, set(self._averaged), set(tracks)
        came: tuple[Track, ...] = tuple(t for t in tracks if t not in before)
        dropped = any(t.last_row_ns > now_ns for t in before - now)
        ensembler = self._ensembler
        if ensembler is None or dropped or ensembler.forgot(newest.t0_ns):
            columns = _columns(tracks[-1].points, self._angles)
            ensembler = Ensembler(columns, newest.step_ns, self._m, self._geometry)
            self._ensembler, came = ensembler, tracks
        self._averaged = tracks
        ensembler.rebase(newest.t0_ns)
        for track in came:
            ensembler.add(_rows(track.points), track.chunk.t0_ns, track.key)
        ensembler.forget(newest.t0_ns)

    def _mean(self, tracks: tuple[Track, ...]) -> Route:
        assert self._ensembler is not None
        newest = tracks[-1].points
        times = newest.times_ns[:-1]  # the last one is the end, not a row
        means = self._ensembler.means(tracks[-1].chunk.t0_ns, len(times))
        rows, L = means.rows, newest.linear.shape[1]
        linear, quaternion, gripper = rows[:, :L], rows[:, L : L + 4], rows[:, L + 4 :]
        angles = list(self._angles) if self._geometry else []
        if angles:  # of the turns that an angle may be on, that of the newest chunk
            behind = newest.linear[:-1, angles] - linear[:, angles]
            turned = linear[:, angles] + math.tau * np.round(behind / math.tau)
            linear[:, angles] = np.unwrap(turned, axis=0)
        opposed = means.opposed
        for k in opposed:  # of no use, but a rotation
            quaternion[k] = newest.quaternion[k]
        if len(times) - 1 in opposed:
            opposed |= {len(times)}
        points = Waypoints(
            newest.times_ns, _and_last(linear), _and_last(quaternion), _and_last(gripper)
        )
        first = np.array([t.chunk.t0_ns for t in tracks])[:, None]
        last = np.array([t.last_row_ns for t in tracks])[:, None]
        W = weights((first <= times) & (times <= last), self._m)
        return Route(points, tracks, _and_last(W.T).T, opposed)


def weights(covers: np.ndarray, m: float) -> np.ndarray:
    """Return the weights (n, N) of n chunks, oldest first, at N times; columns sum to 1.

    Args:
        covers: (n, N) whether a chunk has a prediction for a time; some chunk has, for each time.
        m: Decay per chunk, counted from the oldest that has one.
    """
    rank = np.cumsum(covers, axis=0) - 1
    exponent = np.where(covers, -m * rank, -np.inf)
    raw = np.exp(exponent - exponent.max(axis=0))  # the largest is 1: no overflow, never 0/0
    return raw / raw.sum(axis=0)


def _columns(points: Waypoints, angles: tuple[int, ...]) -> Columns:
    L, K = points.linear.shape[1], points.gripper.shape[1]
    return Columns(L + 4 + K, (L,), angles, tuple(range(L + 4, L + 4 + K)))


def _rows(points: Waypoints) -> np.ndarray:
    """Return the rows (H, L + 4 + K) of a chunk, without its end."""
    return np.concatenate([points.linear, points.quaternion, points.gripper], axis=1)[:-1]


def _and_last(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, rows[-1:]])
