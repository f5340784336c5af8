"""Way-points in time: where the robot is to be and when, and what lies between them."""

from dataclasses import dataclass

import numpy as np

from vla_core import rotations


@dataclass(frozen=True, eq=False, slots=True)
class Waypoint:
    """One row of a chunk, in the parts that interpolation and averaging treat differently.

    Attributes:
        linear: (L,) tool position in the base frame, m (where the robot is told tool poses), then
            joint positions, rad or m.
        quaternion: (4,) wxyz of R_base_tool; the identity where no tool pose is told.
        gripper: (K,) gripper columns, 0 closed .. 1 open.
    """

    linear: np.ndarray
    quaternion: np.ndarray
    gripper: np.ndarray


@dataclass(frozen=True, eq=False, slots=True)
class Waypoints:
    """Way-points in order of time.

    Attributes:
        times_ns: (N,) int64 ROS times, increasing.
        linear: (N, L), see `Waypoint`.
        quaternion: (N, 4), see `Waypoint`.
        gripper: (N, K), see `Waypoint`.
    """

    times_ns: np.ndarray
    linear: np.ndarray
    quaternion: np.ndarray
    gripper: np.ndarray

    def __len__(self) -> int:
        return len(self.times_ns)

    def __getitem__(self, k: int) -> Waypoint:
        return Waypoint(self.linear[k], self.quaternion[k], self.gripper[k])

    def from_index(self, k: int) -> 'Waypoints':
        """Return way-points k, k + 1, ..."""
        return Waypoints(self.times_ns[k:], self.linear[k:], self.quaternion[k:], self.gripper[k:])

    def select(self, rows: np.ndarray) -> 'Waypoints':
        """Return the way-points of given indices."""
        return Waypoints(
            self.times_ns[rows], self.linear[rows], self.quaternion[rows], self.gripper[rows]
        )

    @classmethod
    def single(cls, time_ns: int, point: Waypoint) -> 'Waypoints':
        """Return one way-point at a time."""
        return cls(
            np.array([time_ns], np.int64),
            point.linear[None],
            point.quaternion[None],
            point.gripper[None],
        )

    def followed_by(self, other: 'Waypoints | None') -> 'Waypoints':
        """Return these way-points and then others."""
        if other is None:
            return self
        return Waypoints(
            np.concatenate([self.times_ns, other.times_ns]),
            np.concatenate([self.linear, other.linear]),
            np.concatenate([self.quaternion, other.quaternion]),
            np.concatenate([self.gripper, other.gripper]),
        )

    def sample(self, times_ns: np.ndarray) -> 'Waypoints':
        """Return the way-points (M) at given times: linear and slerp between, held outside."""
        right = np.clip(np.searchsorted(self.times_ns, times_ns, side='right'), 1, len(self) - 1)
        if len(self) == 1:
            right = np.zeros_like(right)
        left = np.maximum(right - 1, 0)
        span = np.maximum(self.times_ns[right] - self.times_ns[left], 1)
        f = np.clip((times_ns - self.times_ns[left]) / span, 0.0, 1.0)[:, None]
        return Waypoints(
            times_ns,
            self.linear[left] + f * (self.linear[right] - self.linear[left]),
            rotations.slerp_quaternions(self.quaternion[left], self.quaternion[right], f[:, 0]),
            self.gripper[left] + f * (self.gripper[right] - self.gripper[left]),
        )
