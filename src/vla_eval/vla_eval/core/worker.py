"""What a worker process of an evaluation makes once: contract, simulator, policy, loop."""

from collections.abc import Callable

import torch

from vla_control.core.settings import ExecutorSettings
from vla_core.contract import RobotContract, load
from vla_core.policy import Policy
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.loop import VirtualLoop
from vla_eval.core.photographs import Photographer
from vla_eval.core.results import EpisodeResult
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.registry import load_policy
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator


def build(conditions: Conditions) -> Callable[[Trial], EpisodeResult]:
    """Return what runs one trial."""
    torch.set_num_threads(1)  # workers share the cores; sums keep their order, too
    contract = load(conditions.contract)
    simulator = Simulator(contract)
    robot = VirtualRobot(contract, simulator, ExecutorSettings(strategy=conditions.strategy))
    policy = policy_of(conditions, contract, simulator)
    return VirtualLoop(robot, policy, conditions, Photographer(contract)).run


def policy_of(conditions: Conditions, contract: RobotContract, simulator: Simulator) -> Policy:
    """Load the policy; `scripted` looks into the simulator, so it is made from it."""
    if conditions.policy == 'scripted':
        return Scripted(contract, lambda stamp_ns: simulator.snapshot())
    return load_policy(conditions.policy, contract, conditions.checkpoints, seed=conditions.seed)
