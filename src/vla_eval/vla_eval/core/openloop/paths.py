"""Joints over time, and what they are in the terms of a chunk: way-points of tool and gripper."""

from dataclasses import dataclass

import numpy as np

from vla_control.core.kinematics import Kinematics
from vla_control.core.rows import RowLayout
from vla_control.core.waypoints import Waypoints
from vla_core.contract import RobotContract
from vla_core.se3 import SE3

HELD_OPENING = 0.75  # share of the stroke; what is held keeps closed fingers up to this far apart
GAP_NS = 200_000_000  # between two samples, above which nothing is said about the time between


@dataclass(frozen=True, eq=False)
class JointPath:
    """Joints of one robot over time.

    Attributes:
        times_ns: (N,) int64, rising.
        positions: (N, J) rad or m, in the contract's output order.
    """

    times_ns: np.ndarray
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.times_ns)

    @classmethod
    def of(cls, rows: list[tuple[int, np.ndarray]], joints: int) -> 'JointPath':
        """Return the path of (time, joints) rows; of rows that do not rise the first counts."""
        times: list[int] = []
        kept: list[np.ndarray] = []
        for time_ns, positions in rows:
            if not times or time_ns > times[-1]:
                times.append(time_ns)
                kept.append(positions)
        positions = np.array(kept, float).reshape(len(kept), joints)
        return cls(np.array(times, np.int64), positions)

    def covers(self, times_ns: np.ndarray) -> np.ndarray:
        """Return (M,) whether each time lies between two samples that are near to each other."""
        if len(self) < 2:
            return np.zeros(len(times_ns), bool)
        right = np.clip(np.searchsorted(self.times_ns, times_ns), 1, len(self) - 1)
        inside = (times_ns >= self.times_ns[0]) & (times_ns <= self.times_ns[-1])
        near = self.times_ns[right] - self.times_ns[right - 1] <= GAP_NS
        return np.asarray(inside & near)

    def pieces(self) -> list['JointPath']:
        """Return the parts between which nothing is said of too long a time."""
        ends = np.flatnonzero(np.diff(self.times_ns) > GAP_NS) + 1
        times, positions = np.split(self.times_ns, ends), np.split(self.positions, ends)
        return [JointPath(t, p) for t, p in zip(times, positions, strict=True) if len(t)]

    def at(self, times_ns: np.ndarray) -> np.ndarray:
        """Return joints (M, J) at times, linear between samples."""
        x, xp = _seconds(times_ns, self.times_ns[0]), _seconds(self.times_ns, self.times_ns[0])
        return np.stack([np.interp(x, xp, column) for column in self.positions.T], axis=1)


def _seconds(times_ns: np.ndarray, origin_ns: int) -> np.ndarray:
    return np.asarray(times_ns - origin_ns) / 1e9


class Geometry:
    """The contract's kinematics: from joints to way-points and back to columns.

    Attributes:
        layout: Which column means what.
    """

    def __init__(self, contract: RobotContract):
        self.layout = RowLayout(contract)
        self._kinematics = Kinematics(contract, self.layout.arm_outputs)
        self._open = np.array([g.open for g in self.layout.grippers])
        self._closed = np.array([g.closed for g in self.layout.grippers])

    def forward(self, positions: np.ndarray) -> SE3:
        """Return T_base_tool of joints (J,), in the contract's output order."""
        return self._kinematics.forward(positions)

    def tool_points(self, path: JointPath) -> np.ndarray:
        """Return the tool points (N, 3) of a path, m, base frame."""
        return self._kinematics.tool_poses(path.positions)[0]

    def openings(self, positions: np.ndarray) -> np.ndarray:
        """Return how far grippers are open (N, K), 0 closed .. 1 open, of joints (N, J)."""
        fingers = positions[:, self.layout.gripper_outputs]
        return np.asarray((fingers - self._closed) / (self._open - self._closed))

    def waypoints(self, path: JointPath) -> Waypoints:
        """Return a path as way-points; the gripper as a bit, open or not."""
        joints = path.positions
        bits = (self.openings(joints) > HELD_OPENING).astype(float)
        linear = joints[:, self.layout.joint_outputs]
        quaternions = np.tile([1.0, 0.0, 0.0, 0.0], (len(path), 1))
        if self.layout.tool:
            points, quaternions = self._kinematics.tool_poses(joints)
            linear = np.concatenate([points, linear], axis=1)
        return Waypoints(path.times_ns, linear, quaternions, bits)


def angles(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return the geodesic angles (N,), rad, between rotations given as quaternions (N, 4)."""
    cosine = np.abs(np.sum(A * B, axis=1))
    sine = np.minimum(np.linalg.norm(A - B, axis=1), np.linalg.norm(A + B, axis=1)) / 2.0
    # near 0 the arc cosine loses half the digits: the chord does not
    return np.asarray(np.where(cosine > 0.9, 4.0 * np.arcsin(np.minimum(sine, 1.0)),
                               2.0 * np.arccos(np.minimum(cosine, 1.0))))  # fmt: skip
