"""Temporal ensembling: the weighted mean of all predictions for one time (ACT, Algorithm 2)."""

from typing import TYPE_CHECKING

import numpy as np

from vla_control.core.route import Route
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoints
from vla_core import rotations
from vla_core.rotations import RotationError

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings

_VOTES_OPEN = 0.5  # a gripper column above it votes for open


class TemporalEnsemble:
    """Averages the chunks in force, at the row times of the newest one.

    The weights are exp(-m i) with i = 0 for the *oldest* chunk that has a prediction for the time
    (Zhao et al. 2023, Algorithm 2): m > 0 favours old predictions, m = 0 is the plain mean.
    Predictions are aligned by the time they are meant for, whenever they arrived. Positions are
    averaged linearly, rotations on SO(3), gripper columns by vote.
    """

    def __init__(self, settings: 'ExecutorSettings'):
        self._m = settings.ensemble_m
        self._tracks: tuple[Track, ...] = ()
        self._route: Route | None = None

    def route(self, tracks: tuple[Track, ...]) -> Route | None:
        """See `Strategy.route`."""
        came = not set(tracks) <= set(self._tracks)
        self._tracks = tracks
        if not tracks:
            self._route = None
        elif came or self._route is None or self._route.tracks[-1] not in tracks:
            self._route = _average(tracks, self._m)
        return self._route

    def reset(self) -> None:
        """See `Strategy.reset`."""
        self._tracks, self._route = (), None


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


def _average(tracks: tuple[Track, ...], m: float) -> Route:
    newest = tracks[-1]
    times = newest.points.times_ns[:-1]
    covers = np.stack([(t.points.times_ns[0] <= times) & (times <= t.last_row_ns) for t in tracks])
    W = weights(covers, m)
    at = [t.points.sample(times) for t in tracks]
    linear = np.einsum('nt,ntl->tl', W, np.stack([p.linear for p in at]))
    votes = np.stack([p.gripper > _VOTES_OPEN for p in at]).astype(float)
    gripper = np.einsum('nt,ntk->tk', W, votes)
    quaternion, opposed = _mean_rotations(np.stack([p.quaternion for p in at], axis=1), W.T)
    return Route(
        Waypoints(
            newest.points.times_ns,
            _and_last(linear),
            _and_last(quaternion),
            _and_last(gripper),
        ),
        tracks,
        np.concatenate([W, W[:, -1:]], axis=1),
        opposed | {len(times)} if len(times) - 1 in opposed else opposed,
    )


def _mean_rotations(Q: np.ndarray, W: np.ndarray) -> tuple[np.ndarray, frozenset[int]]:
    """Return means (N, 4) of Q (N, n, 4) under weights (N, n), and where there is none."""
    try:
        return rotations.mean_quaternions(Q, W), frozenset()
    except RotationError:
        pass
    means, opposed = Q[:, -1].copy(), set()
    for k in range(len(Q)):
        try:
            means[k] = rotations.mean_quaternions(Q[k], W[k])
        except RotationError:
            opposed.add(k)
    return means, frozenset(opposed)


def _and_last(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows, rows[-1:]])
