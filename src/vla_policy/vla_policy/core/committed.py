"""What was commanded at an observation's stamp, read from what will be executed anyway."""

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
    start = contract.action.slice_of(tool_group(contract)).start
    column = contract.action.slice_of(gripper).start
    at = (observation.stamp_ns - committed.t0_ns) / committed.step_ns
    at = min(max(at, 0.0), committed.horizon - 1.0)
    row = int(at)
    after = min(row + 1, committed.horizon - 1)
    rows = committed.actions[:, start : start + 3]
    position = rows[row] + (at - row) * (rows[after] - rows[row])
    return Commanded(position, float(committed.actions[row, column] > 0.5))
