"""The numbers that a policy is given beside pictures and words; the same in training and use."""

import numpy as np

from vla_core.contract import RobotContract
from vla_core.contract.action import Group
from vla_core.errors import FieldError

STATE_FEATURES = (
    'tool.x',
    'tool.y',
    'tool.z',
    'lag.x',
    'lag.y',
    'lag.z',
    'finger',
    'finger_velocity',
    'gripper',
)


class FeatureError(FieldError):
    """A contract has no tool pose or no gripper to build the features from."""


def tool_group(contract: RobotContract) -> Group:
    """Return the contract's `tool_pose` group in 6D rotation.

    Raises:
        FeatureError: there is none.
    """
    for group in contract.action.groups:
        if group.kind == 'tool_pose' and group.rotation == '6d':
            return group
    raise FeatureError('action.groups', 'a group of kind tool_pose, rotation 6d, expected')


def gripper_group(contract: RobotContract) -> Group:
    """Return the contract's `gripper` group.

    Raises:
        FeatureError: there is none, or its finger is not measured.
    """
    for group in contract.action.groups:
        if group.kind == 'gripper':
            if group.names[0] not in contract.state.names:
                raise FeatureError('state.names', f'the finger joint {group.names[0]!r} expected')
            return group
    raise FeatureError('action.groups', 'a group of kind gripper expected')


def state_features(
    tool_position: np.ndarray,
    commanded_position: np.ndarray,
    finger: np.ndarray,
    finger_velocity: np.ndarray,
    gripper: np.ndarray,
) -> np.ndarray:
    """Return (N, 9) float32 in the order of `STATE_FEATURES`.

    Args:
        tool_position: (N, 3) measured, base frame, m.
        commanded_position: (N, 3) commanded at the same moment, base frame, m.
        finger: (N,) measured position of the finger joint, m or rad.
        finger_velocity: (N,) measured, m/s or rad/s.
        gripper: (N,) gripper column commanded last, 0 closed or 1 open.
    """
    lag = commanded_position - tool_position
    rest = np.stack([finger, finger_velocity, gripper], axis=1)
    return np.concatenate([tool_position, lag, rest], axis=1).astype(np.float32)
