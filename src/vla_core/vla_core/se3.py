"""Rigid transforms. `T_a_b` maps coordinates of frame b to frame a; inner names must match.

Tangent vectors are (v, omega): translation part first, in m and rad, in the body frame.
"""

from dataclasses import dataclass, field

import numpy as np

from vla_core import rotations


def _identity_rotation() -> np.ndarray:
    return np.eye(3)


def _zero() -> np.ndarray:
    return np.zeros(3)


@dataclass(frozen=True, eq=False)
class SE3:
    """A rigid transform.

    Attributes:
        R: (3, 3) rotation.
        t: (3,) translation, m.
    """

    R: np.ndarray = field(default_factory=_identity_rotation)
    t: np.ndarray = field(default_factory=_zero)

    def __post_init__(self) -> None:
        R, t = np.array(self.R, float), np.array(self.t, float)
        if R.shape != (3, 3) or t.shape != (3,):
            raise rotations.RotationError(
                f'R (3, 3) and t (3,) expected, got {R.shape}, {t.shape}'
            )
        if not (np.isfinite(t).all() and np.abs(R @ R.T - np.eye(3)).max() < 1e-3):
            raise rotations.RotationError('expected a finite translation and an orthonormal R')
        R.setflags(write=False)
        t.setflags(write=False)
        object.__setattr__(self, 'R', R)
        object.__setattr__(self, 't', t)

    @classmethod
    def from_quaternion(cls, q_wxyz: np.ndarray, t: np.ndarray) -> 'SE3':
        """Build from a quaternion (w, x, y, z) and a translation in m."""
        return cls(rotations.from_quaternion(np.asarray(q_wxyz)), np.asarray(t))

    @property
    def quaternion(self) -> np.ndarray:
        """Rotation as (w, x, y, z), w >= 0."""
        return rotations.to_quaternion(self.R)

    @property
    def matrix(self) -> np.ndarray:
        """Homogeneous (4, 4) matrix."""
        M = np.eye(4)
        M[:3, :3], M[:3, 3] = self.R, self.t
        return M

    def inverse(self) -> 'SE3':
        """Return T_b_a of T_a_b."""
        return SE3(self.R.T, -self.R.T @ self.t)

    def __matmul__(self, other: 'SE3') -> 'SE3':
        """Return T_a_c of T_a_b @ T_b_c."""
        return SE3(self.R @ other.R, self.R @ other.t + self.t)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Return points (..., 3) of frame b in frame a."""
        return np.asarray(points) @ self.R.T + self.t

    def log(self) -> np.ndarray:
        """Return the tangent vector (6,): v then omega."""
        w = rotations.log(self.R)
        return np.concatenate([np.linalg.solve(_left_jacobian(w), self.t), w])

    @classmethod
    def exp(cls, tangent: np.ndarray) -> 'SE3':
        """Return the transform of a tangent vector (6,): v then omega."""
        v, w = np.asarray(tangent, float)[:3], np.asarray(tangent, float)[3:]
        return cls(rotations.exp(w), _left_jacobian(w) @ v)

    def interpolate(self, other: 'SE3', fraction: float) -> 'SE3':
        """Return the pose a fraction of the way: straight line and shortest rotation."""
        R = rotations.slerp(self.R, other.R, fraction)
        return SE3(R, self.t + fraction * (other.t - self.t))


def _left_jacobian(w: np.ndarray) -> np.ndarray:
    """Left Jacobian of SO(3) (Barfoot, State Estimation for Robotics, eq. 7.77)."""
    angle = float(np.linalg.norm(w))
    K = rotations.skew(w)
    if angle < 1e-4:
        a, b = 0.5 - angle**2 / 24.0, 1.0 / 6.0 - angle**2 / 120.0
    else:
        a, b = (1.0 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.eye(3) + a * K + b * K @ K
