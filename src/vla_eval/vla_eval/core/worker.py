"""What a worker process of an evaluation makes once: contract, simulator, policy, loop."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from vla_control.core.settings import ExecutorSettings
from vla_core.contract import RobotContract, load
from vla_core.policy import Policy
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.loop import VirtualLoop
from vla_eval.core.photographs import Photographer
from vla_eval.core.results import EpisodeResult
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.flow_policy import FlowPolicy
from vla_policy.core.registry import load_policy
from vla_policy.core.rtc import refuse_delay
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator


@dataclass(frozen=True)
class Job:
    """An episode to play.

    Attributes:
        conditions: Under which; robot contract and checkpoints are those of the worker.
        trial: Which.
        detailed: Whether pictures, way and film are kept.
    """

    conditions: Conditions
    trial: Trial
    detailed: bool = True


def build(contract: Path) -> Callable[[Job], EpisodeResult]:
    """Return what plays one job.

    Args:
        contract: File of the robot contract.
    """
    torch.set_num_threads(1)  # workers share the cores; sums keep their order, too
    return Player(contract).play


class Player:
    """Plays episodes under any conditions; what was made for the last ones is kept."""

    def __init__(self, contract: Path):
        self._contract = load(contract)
        self._simulator = Simulator(self._contract)  # kept: its pictures need a context
        self._photographer = Photographer(self._contract)
        self._made: tuple[Conditions, VirtualRobot, Policy] | None = None

    def play(self, job: Job) -> EpisodeResult:
        """Return what the episode gave.

        Raises:
            VlaError: its policy cannot be had.
        """
        robot, policy = self._for(job.conditions)
        photographer = self._photographer if job.detailed else None
        result = VirtualLoop(robot, policy, job.conditions, photographer).run(job.trial)
        return result if job.detailed else replace(result, film=None, pictures=(), path=None)

    def _for(self, conditions: Conditions) -> tuple[VirtualRobot, Policy]:
        if self._made is None or self._made[0] != conditions:
            settings = ExecutorSettings(strategy=conditions.strategy)
            robot = VirtualRobot(self._contract, self._simulator, settings)
            policy = policy_of(conditions, self._contract, self._simulator)
            self._made = conditions, robot, policy
        return self._made[1:]


def policy_of(conditions: Conditions, contract: RobotContract, simulator: Simulator) -> Policy:
    """Load the policy; `scripted` looks into the simulator, so it is made from it.

    Raises:
        VlaError: there is none, it does not fit, or the delay is as long as what it is to guide.
    """
    if conditions.policy == 'scripted':
        return Scripted(contract, lambda stamp_ns: simulator.snapshot())
    policy = load_policy(
        conditions.policy,
        contract,
        conditions.checkpoints,
        rtc=conditions.rtc,
    )
    if isinstance(policy, FlowPolicy) and conditions.strategy in conditions.rtc.strategies:
        config = policy.checkpoint.config
        refuse_delay(
            conditions.latency, config.horizon, config.step_ns, config.rtc_max_delay or None
        )
    return policy
