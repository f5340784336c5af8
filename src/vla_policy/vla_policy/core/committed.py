"""What was and will be commanded, read from what will be executed anyway."""

from dataclasses import dataclass

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_policy.core.features import gripper_group, tool_group

HELD_OPENING = 0.75  # share of the stroke; what is held keeps closed fingers up to this far apart


@dataclass(frozen=True, eq=False)
class Commanded:
    """What the arm was told to be at one moment.

    Attributes:
        position: (3,) tool position, base frame, m.
        gripper: 1.0 open, 0.0 closed.
    """

    position: np.ndarray
    gripper: float


def commanded_at(
    observation: Observation, committed: ActionChunk | None, contract: RobotContract
) -> Commanded:
    """Return what was commanded at the observation's stamp.

    Positions are interpolated between rows; the gripper is the bit of the row in force. Before
    row 0, row 0 counts; after the last row, the last. Where nothing was commanded yet, the arm is
    taken to be commanded where it is.
    """
    gripper = gripper_group(contract)
    if committed is None:
        finger = observation.state[contract.state.names.index(gripper.names[0])]
        opening = (finger - gripper.closed) / (gripper.open - gripper.closed)
        return Commanded(np.array(observation.T_base_tool.t), float(opening > HELD_OPENING))
    rows = rows_at(committed, np.array([observation.stamp_ns]), contract)
    return Commanded(rows.positions[0], float(rows.gripper[0]))


@dataclass(frozen=True, eq=False)
class Rows:
    """What a plan says at M times.

    Attributes:
        positions: (M, 3) tool positions, base frame, m.
        gripper: (M,) 1.0 open, 0.0 closed.
        covered: (M,) whether the time lies between the plan's first and last row; outside, the
            nearest row stands in.
    """

    positions: np.ndarray
    gripper: np.ndarray
    covered: np.ndarray


def rows_at(plan: ActionChunk, times_ns: np.ndarray, contract: RobotContract) -> Rows:
    """Read a plan at times: positions between rows, the gripper bit of the row in force.

    Args:
        plan: With the contract's columns.
        times_ns: (M,) ROS times.
        contract: The robot.
    """
    start = contract.action.slice_of(tool_group(contract)).start
    column = contract.action.slice_of(gripper_group(contract)).start
    last = plan.horizon - 1
    place = (times_ns - plan.t0_ns) / plan.step_ns
    at = np.clip(place, 0.0, last)
    row = at.astype(int)
    rows = plan.actions[:, start : start + 3]
    positions = rows[row] + (at - row)[:, None] * (rows[np.minimum(row + 1, last)] - rows[row])
    gripper = (plan.actions[row, column] > 0.5).astype(float)
    return Rows(positions, gripper, (place >= 0.0) & (place <= last))
