"""Strategies under latencies, compared: what a cell is, and one of its episodes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vla_control.core.settings import ExecutorSettings
from vla_core.contract import load
from vla_core.latency import Latency
from vla_core.policy import Policy
from vla_core.timing import MS
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.late_policy import LatePolicy
from vla_eval.core.loop import VirtualLoop
from vla_eval.core.motion import MotionRecord
from vla_eval.core.reaction import Reaction
from vla_eval.core.watched import BlindRobot, WatchedRobot
from vla_eval.core.worker import policy_of
from vla_policy.core.rtc import RtcSettings
from vla_sim.core import late_decision, seeds
from vla_sim.core.late_decision import LateDecisionSimulator
from vla_sim.core.simulator import Simulator

LATE = late_decision.NAME
CHECKPOINT = Path('benchmarks') / LATE  # under checkpoints/
POLICY = 'flow'  # of the other tasks
SUCCESS, REACTION = 'success', 'reaction'
SPREAD = 0.5  # jittered: uniform between this share below and above the latency


@dataclass(frozen=True)
class Variant:
    """How a policy makes use of what will be executed anyway.

    Attributes:
        trained: It is given the settled rows, which it learned to continue, instead of being
            guided to them.
        roll_forward: It plans from where the robot will be when the chunk arrives.
    """

    trained: bool = False
    roll_forward: bool = False


# What only the policy of `late_decision` knows: name -> (strategy of the executor, how).
VARIANTS = {
    'rtc_trained': ('rtc', Variant(trained=True)),
    'async_rolled': ('async', Variant(roll_forward=True)),
}


@dataclass(frozen=True)
class Cell:
    """One field of the comparison.

    Attributes:
        kind: `success`, or `reaction`: the target moves once.
        task: One of the tasks, or `late_decision`.
        strategy: Of the executor, or one of `VARIANTS`.
        latency_ms: From an observation to the arrival of its chunk.
        jitter: Whether it is drawn anew for every chunk.
    """

    kind: str
    task: str
    strategy: str
    latency_ms: int
    jitter: bool = False

    @property
    def name(self) -> str:
        """Its row in bench.json."""
        suffix = '_jitter' if self.jitter else ''
        return f'{self.kind}/{self.task}/{self.strategy}/{self.latency_ms}ms{suffix}'

    @property
    def latency(self) -> Latency:
        """What is injected."""
        if not self.jitter:
            return Latency('fixed', self.latency_ms)
        low, high = (1 - SPREAD) * self.latency_ms, (1 + SPREAD) * self.latency_ms
        return Latency('uniform', low, high)


@dataclass(frozen=True)
class Setting:
    """What is the same in all cells.

    Attributes:
        root: The checkout.
        seed: Of the run.
    """

    root: Path
    seed: int

    @property
    def contract(self) -> Path:
        """File of the robot contract."""
        return self.root / 'config' / 'robots' / 'tabletop.yaml'

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.root / 'checkpoints'


Job = tuple[Cell, int]  # and the number of the episode


def build(setting: Setting) -> Callable[[Job], dict[str, Any]]:
    """Return what plays one episode, for a worker process."""
    torch.set_num_threads(1)
    return Player(setting).play


class Player:
    """Plays episodes of any cell; simulators and policies are made when they are first needed."""

    def __init__(self, setting: Setting):
        self._setting = setting
        self._contract = load(setting.contract)
        self._record = MotionRecord(self._contract)
        self._robots: dict[bool, WatchedRobot] = {}
        self._policies: dict[tuple[bool, str], Policy] = {}

    def play(self, job: Job) -> dict[str, Any]:
        """Play an episode; return its figures as plain values.

        The scene, and everything else that is drawn, depends on the task and the number of the
        episode and not on strategy and latency: cells of a task are compared episode by episode.
        """
        cell, index = job
        late = cell.task == LATE
        robot = self._robot(late)
        strategy, variant = VARIANTS.get(cell.strategy, (cell.strategy, Variant()))
        robot.use(ExecutorSettings(strategy=strategy))
        setting = self._setting
        conditions = Conditions(
            setting.contract,
            setting.checkpoints,
            policy=POLICY,
            strategy=strategy,
            seed=setting.seed,
            latency=cell.latency,
        )
        policy = self._policy(cell.strategy, variant, conditions, robot.simulator)
        seed = seeds.episode_seed(setting.seed, cell.task, index, 'evaluation')
        if isinstance(policy, LatePolicy):
            policy.seed, policy.usual_ns = seed, cell.latency_ms * MS
        record = self._record
        record.clear()
        reaction = Reaction(robot, seed) if cell.kind == REACTION else None
        robot.on_tick = _watch(record, reaction)
        # number 0 would be kept in detail, for a report that nobody writes
        result = VirtualLoop(robot, policy, conditions).run(Trial(cell.task, index + 1, seed))
        motion = record.figures()
        return {
            'success': result.success,
            'steps': result.steps,
            'jerk': motion.jerk,
            'boundary_jump': motion.boundary_jump,
            'hand_overs': motion.hand_overs,
            'ticks': result.gate.ticks,
            'clipped': result.gate.clipped,
            'refused': result.gate.refused,
            'holds': result.gate.holds,
            'stops': result.gate.stops,
            'moved': reaction is not None and reaction.moved,
            'reaction_ms': reaction.ms if reaction else None,
        }

    def _robot(self, late: bool) -> WatchedRobot:
        if late not in self._robots:
            contract = self._contract
            self._robots[late] = (
                BlindRobot(contract, LateDecisionSimulator(contract))
                if late
                else WatchedRobot(contract, Simulator(contract))
            )
        return self._robots[late]

    def _policy(
        self, name: str, variant: Variant, conditions: Conditions, simulator: Simulator
    ) -> Policy:
        key = isinstance(simulator, LateDecisionSimulator), name
        if key not in self._policies:
            if isinstance(simulator, LateDecisionSimulator):
                self._policies[key] = LatePolicy(
                    self._setting.checkpoints / CHECKPOINT,
                    self._contract,
                    lambda: simulator.course,
                    RtcSettings(roll_forward=variant.roll_forward),
                    variant.trained,
                )
            else:
                self._policies[key] = policy_of(conditions, self._contract, simulator)
        return self._policies[key]


def _watch(record: MotionRecord, reaction: Reaction | None) -> Callable[[Any], None]:
    def watch(command: Any) -> None:
        if command is not None:
            record.add(command)
            if reaction is not None:
                reaction.see(record)

    return watch
