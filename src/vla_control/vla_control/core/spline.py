"""A smooth path through way-points: quintic pieces, continuous up to the acceleration.

At each way-point position, velocity and acceleration are given (Hermite data), so neighbouring
pieces meet in all three. Rotations are interpolated in the chart q = q_start * exp(w) about the
rotation at the start: w runs continuously through the way-points, also beyond half a turn.
"""

import math

import numpy as np

from vla_control.core.waypoints import Waypoint, Waypoints

_POWERS = np.arange(6)
# Coefficients of 1, u, .. u^5 on u in [0, 1] from x0, h v0, h^2 a0, x1, h v1, h^2 a1
_HERMITE = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.5, 0.0, 0.0, 0.0],
        [-10.0, -6.0, -1.5, 10.0, -4.0, 0.5],
        [15.0, 8.0, 1.5, -15.0, 7.0, -1.0],
        [-6.0, -3.0, -0.5, 6.0, -3.0, 0.5],
    ]
)
_LOOKS = 9  # places per piece at which peaks are looked for


def pieces(
    x0: np.ndarray,
    v0: np.ndarray,
    a0: np.ndarray,
    x1: np.ndarray,
    v1: np.ndarray,
    a1: np.ndarray,
    h: np.ndarray | float,
) -> np.ndarray:
    """Return coefficients (..., 6, D) of quintic pieces of duration h (...), s, in u = t / h.

    Args:
        x0, v0, a0: (..., D) position, velocity, acceleration at the start; units and s.
        x1, v1, a1: (..., D) at the end.
        h: Durations.
    """
    h = np.asarray(h, float)[..., None]
    data = np.stack([x0, h * v0, h * h * a0, x1, h * v1, h * h * a1], axis=-2)
    return _HERMITE @ data


def peaks(coefficients: np.ndarray, h: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the largest |velocity|, |acceleration| and |jerk| (D,) of one piece, sampled."""
    u = np.linspace(0.0, 1.0, _LOOKS)[:, None]
    derivative, found = coefficients, []
    for order in range(1, 4):
        derivative = derivative[1:] * np.arange(1, len(derivative))[:, None]
        values = u ** np.arange(len(derivative)) @ derivative
        found.append(np.abs(values).max(0) / h**order)
    return found[0], found[1], found[2]


class Chart:
    """Coordinates of way-points: their linear parts, then a rotation vector about a rotation.

    Args:
        quaternion: (4,) wxyz, the rotation whose coordinates are zero; None: no rotations.
    """

    def __init__(self, quaternion: np.ndarray | None):
        self._about = quaternion

    def coordinates(self, points: Waypoints, short: int = 0) -> np.ndarray:
        """Return (N, L) or (N, L + 3) coordinates, continuous along the points.

        Args:
            points: Way-points.
            short: Index of the one whose rotation vector is at most half a turn long.
        """
        if self._about is None:
            return points.linear
        w, x, y, z = self._about
        inverse = np.array(  # of q -> conjugate(about) * q
            [[w, x, y, z], [-x, w, z, -y], [-y, -z, w, x], [-z, y, -x, w]]
        )
        Q = points.quaternion @ inverse.T
        flips = np.where((Q[1:] * Q[:-1]).sum(1) < 0.0, -1.0, 1.0)
        Q = Q * np.concatenate([[1.0], flips]).cumprod()[:, None]
        if Q[short, 0] < 0.0:
            Q = -Q
        norm = np.sqrt((Q[:, 1:] ** 2).sum(1))
        angle = 2.0 * np.arctan2(norm, Q[:, 0])
        scale = np.where(norm > 1e-9, angle / np.maximum(norm, 1e-9), 2.0)
        vectors = Q[:, 1:] * scale[:, None]
        if (np.abs(np.diff(vectors, axis=0)).max(1, initial=0.0) > math.pi).any():
            vectors = _without_jumps(vectors, short)
        return np.concatenate([points.linear, vectors], axis=1)

    def quaternion(self, w: np.ndarray) -> np.ndarray:
        """Return the rotation (4,) wxyz of a rotation vector (3,)."""
        assert self._about is not None
        x, y, z = w.tolist()
        angle = math.sqrt(x * x + y * y + z * z)
        s = 0.5 if angle < 1e-9 else math.sin(0.5 * angle) / angle
        b0, b1, b2, b3 = math.cos(0.5 * angle), s * x, s * y, s * z
        a0, a1, a2, a3 = self._about.tolist()
        return np.array(
            [
                a0 * b0 - a1 * b1 - a2 * b2 - a3 * b3,
                a0 * b1 + a1 * b0 + a2 * b3 - a3 * b2,
                a0 * b2 - a1 * b3 + a2 * b0 + a3 * b1,
                a0 * b3 + a1 * b2 - a2 * b1 + a3 * b0,
            ]
        )


def _without_jumps(vectors: np.ndarray, kept: int) -> np.ndarray:
    """Return rotation vectors (N, 3) by whole turns as near as can be to their neighbours.

    A quaternion tells turns only modulo two; beyond them its rotation vector starts again.
    """
    found = vectors.copy()
    rows = [(k, k - 1) for k in range(kept + 1, len(found))]
    for k, neighbour in rows + [(k, k + 1) for k in range(kept - 1, -1, -1)]:
        angle = float(np.linalg.norm(found[k]))
        if angle > 1e-9:
            axis = found[k] / angle
            turns = np.round((found[neighbour] - found[k]) @ axis / math.tau)
            found[k] += math.tau * turns * axis
    return found


class Spline:
    """The path from a state through the way-points of a route, from one of them on."""

    def __init__(
        self,
        start_ns: int,
        start: Waypoint,
        velocity: np.ndarray,
        acceleration: np.ndarray,
        route: Waypoints,
        first: int,
        rotates: bool,
    ):
        """Lay the path.

        Args:
            start_ns: ROS time of the start.
            start: Where it starts.
            velocity: (D,) coordinates of `Chart` per s, at the start.
            acceleration: (D,) per s^2.
            route: Way-points, their end included.
            first: Index of the first that is passed; later than the start.
            rotates: Whether rotations are interpolated.
        """
        self._chart = Chart(start.quaternion if rotates else None)
        self._rotates, self._L = rotates, route.linear.shape[1]
        before = max(first - 1, 0)  # one more, to know how fast the first is passed
        X = self._chart.coordinates(route.from_index(before), first - before)
        V, A = _rates(X, route.times_ns[before:])
        if before < first:
            X, V, A = X[1:], V[1:], A[1:]
        X0 = self._chart.coordinates(Waypoints.single(start_ns, start))
        self.times_ns = [start_ns, *route.times_ns[first:].tolist()]
        self._gripper = np.concatenate([start.gripper[None], route.gripper[first:]])
        self._h = np.diff(self.times_ns) / 1e9
        X, V = np.concatenate([X0, X]), np.concatenate([velocity[None], V])
        A = np.concatenate([acceleration[None], A])
        self._pieces = pieces(X[:-1], V[:-1], A[:-1], X[1:], V[1:], A[1:], self._h)
        self._times = np.array(self.times_ns)

    def at(self, k: int, now_ns: int) -> Waypoint:
        """Return the point of piece k (from way-point k - 1 to k) at a time within it."""
        before, after = self.times_ns[k - 1], self.times_ns[k]
        u = min(max((now_ns - before) / (after - before), 0.0), 1.0)
        u2 = u * u
        x = np.array([1.0, u, u2, u2 * u, u2 * u2, u2 * u2 * u]) @ self._pieces[k - 1]
        g = self._gripper[k - 1]
        return self._point(x, g + u * (self._gripper[k] - g))

    def sample(self, times_ns: np.ndarray) -> Waypoints:
        """Return the way-points (M) at times within the path."""
        k = np.clip(np.searchsorted(self._times, times_ns, side='right'), 1, len(self._times) - 1)
        u = np.clip((times_ns - self._times[k - 1]) / (1e9 * self._h[k - 1]), 0.0, 1.0)[:, None]
        X = ((u**_POWERS)[:, None, :] @ self._pieces[k - 1])[:, 0]
        identity = np.array([1.0, 0.0, 0.0, 0.0])
        Q = [self._chart.quaternion(x[self._L :]) for x in X] if self._rotates else [identity]
        g = self._gripper[k - 1]
        return Waypoints(
            times_ns,
            X[:, : self._L],
            np.array(Q).reshape(-1, 4) * np.ones((len(X), 1)),
            g + u * (self._gripper[k] - g),
        )

    def _point(self, x: np.ndarray, gripper: np.ndarray) -> Waypoint:
        if not self._rotates:
            return Waypoint(x, np.array([1.0, 0.0, 0.0, 0.0]), gripper)
        return Waypoint(x[: self._L], self._chart.quaternion(x[self._L :]), gripper)


def _rates(X: np.ndarray, times_ns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return velocities and accelerations (N, D) at way-points: central differences, 0 at the end.

    The last way-point of a route is its end, where the last row is held.
    """
    V, A = np.zeros_like(X), np.zeros_like(X)
    if len(X) > 1:
        h = np.diff(times_ns)[:, None] / 1e9
        slope = np.diff(X, axis=0) / h
        V[0] = slope[0]
        V[1:-1] = 0.5 * (slope[1:] + slope[:-1])
        A[1:-1] = 2.0 * np.diff(slope, axis=0) / (h[1:] + h[:-1])
    return V, A
