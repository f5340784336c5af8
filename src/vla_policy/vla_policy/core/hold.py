"""The policy that stays where it is: for wiring, tests and a baseline that must score nothing."""

import numpy as np

from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import Timing
from vla_policy.core.committed import commanded_at
from vla_policy.core.features import gripper_group, tool_group

HORIZON = 16


class HoldPolicy:
    """Commands the measured tool pose and leaves the gripper as it was commanded.

    Args:
        contract: The robot; it needs a tool pose and a gripper.
    """

    def __init__(self, contract: RobotContract):
        self._contract = contract
        self._tool = contract.action.slice_of(tool_group(contract))
        self._gripper = contract.action.slice_of(gripper_group(contract))

    def reset(self, epoch: int) -> None:
        """Nothing to forget."""

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`."""
        row = np.zeros(len(self._contract.action.columns))
        pose = observation.T_base_tool
        row[self._tool] = np.concatenate([pose.t, rotations.to_6d(pose.R)])
        row[self._gripper] = commanded_at(observation, committed, self._contract).gripper
        step_ns = self._contract.rates.step_ns
        return ActionChunk(
            t0_ns=observation.stamp_ns + step_ns,
            step_ns=step_ns,
            observation_stamp_ns=observation.stamp_ns,
            sequence=observation.sequence,
            epoch=observation.epoch,
            contract_digest=self._contract.digest,
            columns=self._contract.action.columns,
            actions=np.tile(row, (HORIZON, 1)),
            instruction=observation.instruction,
            timing=Timing(
                captured_ns=max(view.stamp_ns for view in observation.views.values()),
                assembled_ns=observation.assembled_ns,
            ),
        )
