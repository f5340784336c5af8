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
    newest = tracks[-1].points
    times = newest.times_ns[:-1]  # the last one is the end, not a row
    first = np.array([t.chunk.t0_ns for t in tracks])[:, None]
    last = np.array([t.last_row_ns for t in tracks])[:, None]
    W = weights((first <= times) & (times <= last), m)
    linear, quaternion, gripper = _predictions(tracks, times, first)
    means, opposed = _mean_rotations(quaternion.swapaxes(0, 1), W.T)
    if len(times) - 1 in opposed:
        opposed |= {len(times)}
    points = Waypoints(
        newest.times_ns,
        _and_last((W[..., None] * linear).sum(0)),
        _and_last(means),
        _and_last((W[..., None] * (gripper > _VOTES_OPEN)).sum(0)),
    )
    return Route(points, tracks, _and_last(W.T).T, opposed)


def _predictions(
    tracks: tuple[Track, ...], times: np.ndarray, first: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return linear (n, N, L), quaternion (n, N, 4) and gripper (n, N, K) of n chunks at N times.

    All chunks at once: their rows, laid end to end, are looked up by index. `first` (n, 1) are
    their first rows' times; outside a chunk its nearest row stands in, to be given weight 0.
    """
    lengths = np.array([len(t.points) for t in tracks])[:, None]
    places = np.cumsum(lengths)[:, None] - lengths
    row, rest = np.divmod(times - first, tracks[0].chunk.step_ns)
    f = (rest / tracks[0].chunk.step_ns)[..., None]
    left = places + np.clip(row, 0, lengths - 1)
    right = places + np.clip(row + 1, 0, lengths - 1)
    linear = np.concatenate([t.points.linear for t in tracks])
    gripper = np.concatenate([t.points.gripper for t in tracks])
    quaternion = np.concatenate([t.points.quaternion for t in tracks])
    return (
        linear[left] + f * (linear[right] - linear[left]),
        rotations.slerp_quaternions(quaternion[left], quaternion[right], f[..., 0]),
        gripper[left] + f * (gripper[right] - gripper[left]),
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
