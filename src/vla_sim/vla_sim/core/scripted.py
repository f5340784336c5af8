"""The scripted policy: the expert behind the seam that every policy has."""

from collections.abc import Callable

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import Timing
from vla_sim.core import language, rollout
from vla_sim.core.values import WorldState


class Scripted:
    """A policy that is told the simulator's state instead of looking."""

    def __init__(self, contract: RobotContract, world: Callable[[int], WorldState]):
        """Set up.

        Args:
            contract: The robot's.
            world: Returns the true state at an observation's stamp (ns).
        """
        self._contract = contract
        self._world = world

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """Plan what the observation's instruction asks for.

        Raises:
            TaskError: the instruction is no sentence of the simulator.
        """
        goal = language.parse(observation.instruction)
        chunk = rollout.rollout(self._world(observation.stamp_ns), goal, self._contract)
        return chunk.with_changes(
            t0_ns=observation.stamp_ns + chunk.step_ns,
            observation_stamp_ns=observation.stamp_ns,
            sequence=observation.sequence,
            epoch=observation.epoch,
            instruction=observation.instruction,
            timing=Timing(captured_ns=observation.stamp_ns, assembled_ns=observation.assembled_ns),
        )

    def reset(self, epoch: int) -> None:
        """Nothing is remembered, so nothing is forgotten."""
