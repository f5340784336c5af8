"""What the robot saw and felt at one moment, ready for a policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vla_core.errors import ObservationError
from vla_core.se3 import SE3


def _frozen(array: np.ndarray, dtype: type) -> np.ndarray:
    """Return a read-only array; copied only where the caller could still write to it."""
    out: np.ndarray = np.asarray(array, dtype)
    if out.flags.writeable:
        out = out.copy() if out is array or out.base is not None else out
        out.setflags(write=False)
    return out


@dataclass(frozen=True, eq=False)
class View:
    """One camera's picture, as the policy sees it.

    Attributes:
        image: (H, W, 3) uint8, RGB. Kept without a copy when it is read-only already.
        K: (3, 3) pinhole intrinsics in pixels, of this picture (after crop and resize).
        T_base_camera: Pose of the camera's optical frame (REP-103: x right, y down, z forward)
            in the base frame, at the capture stamp.
        stamp_ns: ROS time of capture.
    """

    image: np.ndarray
    K: np.ndarray
    T_base_camera: SE3
    stamp_ns: int

    def __post_init__(self) -> None:
        image = self.image
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ObservationError('image', f'(H, W, 3) uint8 expected, got {image.shape}')
        K = np.asarray(self.K, float)
        if K.shape != (3, 3) or not np.isfinite(K).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
            raise ObservationError('intrinsics', 'a finite (3, 3) matrix with fx, fy > 0 expected')
        if self.stamp_ns <= 0:
            raise ObservationError('stamp', f'a capture time > 0 expected, got {self.stamp_ns}')
        object.__setattr__(self, 'image', _frozen(image, np.uint8))
        object.__setattr__(self, 'K', _frozen(K, np.float64))


@dataclass(frozen=True, eq=False)
class Observation:
    """Everything a policy is given.

    Attributes:
        stamp_ns: ROS time the observation is of: a capture of the contract's first camera.
        sequence: Counts the observer's observations; travels with the chunk made from it.
        epoch: Run of the executor that it belongs to; chunks of older epochs die.
        contract_digest: Digest of the policy-visible part of the robot contract.
        base_frame: Frame of every pose in it.
        views: Camera key -> View.
        state_names: Joint names, in the contract's order.
        state: (S,) positions, rad or m by joint.
        state_velocity: (S,) velocities, rad/s or m/s.
        state_stamp_ns: ROS time of the joint states.
        T_base_tool: Measured tool pose at `stamp_ns`.
        instruction: The words in force; '' where there are none.
        assembled_ns: ROS time at which all inputs were together.
    """

    stamp_ns: int
    sequence: int
    epoch: int
    contract_digest: str
    base_frame: str
    views: Mapping[str, View]
    state_names: tuple[str, ...]
    state: np.ndarray
    state_velocity: np.ndarray
    state_stamp_ns: int
    T_base_tool: SE3
    instruction: str
    assembled_ns: int = field(default=0)

    def __post_init__(self) -> None:
        if self.stamp_ns <= 0:
            raise ObservationError('stamp', f'a ROS time > 0 expected, got {self.stamp_ns}')
        if self.state_stamp_ns <= 0:
            raise ObservationError(
                'state_stamp', f'a ROS time > 0 expected, got {self.state_stamp_ns}'
            )
        if not self.base_frame:
            raise ObservationError('base_frame', 'a frame name expected, got an empty string')
        for name in ('state', 'state_velocity'):
            values = np.asarray(getattr(self, name), float)
            if values.shape != (len(self.state_names),):
                raise ObservationError(
                    name, f'{len(self.state_names)} numbers expected, got {values.shape}'
                )
            if not np.isfinite(values).all():
                raise ObservationError(name, 'finite numbers expected, got NaN or Inf')
            object.__setattr__(self, name, _frozen(values, np.float64))

    def with_changes(self, **changes: object) -> 'Observation':
        """Return a copy with some fields replaced (ablations, tests)."""
        return replace(self, **changes)  # type: ignore[arg-type]
