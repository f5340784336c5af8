"""Rows of a chunk as way-points, and back: which column means what, from the contract."""

from collections.abc import Callable

import numpy as np

from vla_control.core.errors import ChunkRefused, SettingsError
from vla_control.core.reasons import Reason
from vla_control.core.waypoints import Waypoint, Waypoints
from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.contract.action import Group
from vla_core.rotations import RotationError
from vla_core.se3 import SE3

_IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
_LARGEST = 1e6  # m or rad; beyond it a number counts as infinite, so that no product overflows
_TO_QUATERNIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    '6d': rotations.quaternions_from_6d,
    'quaternion': lambda Q: _each(Q, rotations.from_quaternion),
    'axis_angle': lambda W: _each(W, rotations.exp),
}
_FROM_MATRIX = {
    '6d': rotations.to_6d,
    'quaternion': rotations.to_quaternion,
    'axis_angle': rotations.log,
}


class RowLayout:
    """Where the parts of a row stand, and which outputs they drive.

    Attributes:
        tool: The tool-pose group, None where the robot is told joints only.
        grippers: The gripper groups.
        joint_outputs: (J1,) indices in `output.joints` of the joints told as positions.
        gripper_outputs: (K,) indices in `output.joints` of the fingers.
        arm_outputs: (J2,) indices in `output.joints` of the joints that kinematics decides.
        angles: Columns of `Waypoints.linear` of joints that turn without end.
    """

    def __init__(self, contract: RobotContract):
        action, outputs = contract.action, list(contract.output.joints)
        tools = [g for g in action.groups if g.kind == 'tool_pose']
        self.grippers = tuple(g for g in action.groups if g.kind == 'gripper')
        joints = [g for g in action.groups if g.kind == 'joint_position']
        for group in action.groups:
            _check(group, contract)
        if len(tools) > 1:
            raise SettingsError(f'action.groups.{tools[1].name}: one tool_pose group expected')
        self.tool: Group | None = tools[0] if tools else None
        self._width = len(action.columns)
        self._tool_start = action.slice_of(self.tool).start if self.tool else 0
        columns = [action.slice_of(g) for g in joints]
        self._joint_columns = [c for s in columns for c in range(s.start, s.stop)]
        self._gripper_columns = [action.slice_of(g).start for g in self.grippers]
        self.joint_outputs = np.array([outputs.index(n) for g in joints for n in g.names], int)
        self.gripper_outputs = np.array([outputs.index(g.names[0]) for g in self.grippers], int)
        told = {*self.joint_outputs.tolist(), *self.gripper_outputs.tolist()}
        if len(told) < len(self.joint_outputs) + len(self.gripper_outputs):
            raise SettingsError('action.groups: each joint in one group only expected')
        endless = [contract.limits.joints[n].continuous for g in joints for n in g.names]
        self.angles = tuple(k + (3 if tools else 0) for k, e in enumerate(endless) if e)
        left = [i for i in range(len(outputs)) if i not in told]
        self.arm_outputs = np.array(left, int)
        if bool(left) != bool(tools):
            free = ', '.join(outputs[i] for i in left) or 'none'
            raise SettingsError(
                f'action.groups: joints of no group go with a tool_pose group, got joints {free}'
                f' and {len(tools)} tool_pose groups'
            )

    def waypoints(self, chunk: ActionChunk) -> Waypoints:
        """Return the chunk's rows (H) and, one step later, its last row again: its end.

        Raises:
            ChunkRefused: a number is not finite, or a rotation is none.
        """
        rows = np.concatenate([chunk.actions, chunk.actions[-1:]])
        sane = (np.abs(rows) <= _LARGEST).all(axis=1)  # False for NaN too
        if not sane.all():
            bad = int(np.argmin(sane))
            raise ChunkRefused(
                Reason.NOT_FINITE, f'row {bad} holds NaN, Inf or a number beyond {_LARGEST:g}'
            )
        times = chunk.t0_ns + chunk.step_ns * np.arange(len(rows), dtype=np.int64)
        start = self._tool_start
        quaternion = np.broadcast_to(_IDENTITY, (len(rows), 4))
        linear = rows[:, self._joint_columns]
        if self.tool:
            linear = np.concatenate([rows[:, start : start + 3], linear], axis=1)
            rotation = rows[:, start + 3 : start + len(self.tool.columns)]
            try:
                quaternion = _TO_QUATERNIONS[self.tool.rotation](rotation)
            except RotationError as error:
                raise ChunkRefused(Reason.NOT_A_ROTATION, str(error)) from None
        for k in self.angles:  # from row to row the shorter way round
            linear[:, k] = np.unwrap(linear[:, k])
        return Waypoints(times, linear, quaternion, rows[:, self._gripper_columns])

    def waypoint(
        self, T_base_tool: SE3 | None, positions: np.ndarray, gripper: np.ndarray
    ) -> Waypoint:
        """Return the way-point of a pose of the robot.

        Args:
            T_base_tool: Tool pose; not used where the robot is told joints only.
            positions: (J,) joints in the contract's output order.
            gripper: (K,) gripper columns.
        """
        linear = positions[self.joint_outputs]
        if self.tool is None or T_base_tool is None:
            return Waypoint(linear, _IDENTITY, gripper)
        return Waypoint(np.concatenate([T_base_tool.t, linear]), T_base_tool.quaternion, gripper)

    def joints(self, waypoint: Waypoint) -> np.ndarray:
        """Return the positions (J1) of the joints that are told as such."""
        return waypoint.linear[3:] if self.tool else waypoint.linear

    def actions(self, points: Waypoints) -> np.ndarray:
        """Return way-points (N) as rows (N, A) with the contract's columns."""
        rows = np.empty((len(points), self._width))
        rows[:, self._gripper_columns] = points.gripper
        rows[:, self._joint_columns] = points.linear[:, 3 if self.tool else 0 :]
        if self.tool:
            start, stop = self._tool_start, self._tool_start + len(self.tool.columns)
            convert = _FROM_MATRIX[self.tool.rotation]
            rows[:, start : start + 3] = points.linear[:, :3]
            for row, q in zip(rows, points.quaternion, strict=True):
                row[start + 3 : stop] = convert(rotations.from_quaternion(q))
        return rows


def _each(values: np.ndarray, rotation: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([rotations.to_quaternion(rotation(value)) for value in values])


def _check(group: Group, contract: RobotContract) -> None:
    where = f'action.groups.{group.name}'
    if group.kind not in ('tool_pose', 'joint_position', 'gripper'):
        raise SettingsError(
            f'{where}.kind: tool_pose, joint_position or gripper expected, got {group.kind!r}'
        )
    if group.kind == 'tool_pose' and group.rotation not in _TO_QUATERNIONS:
        raise SettingsError(
            f'{where}.rotation: one of {", ".join(_TO_QUATERNIONS)} expected,'
            f' got {group.rotation!r}'
        )
    if group.kind == 'tool_pose' and group.frame != contract.model.base_link:
        raise SettingsError(
            f'{where}.frame: {contract.model.base_link!r} (model.base_link) expected,'
            f' got {group.frame!r}'
        )
