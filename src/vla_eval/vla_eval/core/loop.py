"""One episode in virtual time: look, plan, wait out the latency, move, ask for the verdict."""

import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from vla_control.core.errors import ChunkRefused
from vla_core.observation import Observation
from vla_core.policy import Policy
from vla_core.timing import SECOND
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.evidence import Evidence
from vla_eval.core.model import BusyModel
from vla_eval.core.photographs import Photographer
from vla_eval.core.results import EpisodeResult, by_stage
from vla_eval.core.robot import VirtualRobot
from vla_eval.core.stopwatch import Stopwatch
from vla_perception.core.errors import NotReady
from vla_policy.core.wrappers import Ablated, Heedful
from vla_sim.core import language, seeds
from vla_sim.core.values import Outcome

GIVE_UP_NS = SECOND  # past the limit, which the simulator counts from the first command


class VirtualLoop:
    """Runs episodes with one policy on one robot; the same trial gives the same result.

    A chunk reaches the executor one drawn latency after the capture it was planned from. Until
    then the model is busy, as it is in the live graph: what is seen meanwhile is not planned
    from, so the latency is also the least time between two plans.

    Args:
        robot: Where it moves.
        policy: What plans.
        conditions: Words, ablation and latency.
        photographer: Draws pictures of the first episode of each task, None for none.
        wall_ns: Clock of the figures that are not virtual.
    """

    def __init__(
        self,
        robot: VirtualRobot,
        policy: Policy,
        conditions: Conditions,
        photographer: Photographer | None = None,
        wall_ns: Callable[[], int] = time.perf_counter_ns,
    ):
        self._robot = robot
        self._policy = policy
        self._conditions = conditions
        self._photographer = photographer
        self._wall_ns = wall_ns

    def run(self, trial: Trial) -> EpisodeResult:
        """Run one episode to success or to the task's limit."""
        robot, conditions = self._robot, self._conditions
        episode = robot.begin(trial.task, trial.seed, conditions.phrasing)
        heard = episode.instruction
        policy = self._policy
        if conditions.ablate == 'wrong-words':
            heard = language.wrong_words(episode, seeds.stream(trial.seed, 'wrong words'))
        if conditions.ablate:
            policy = Ablated(policy, conditions.ablate, heard)
        robot.instruct(episode.instruction)
        policy.reset(robot.status().epoch)

        model = BusyModel(policy, conditions.latency, seeds.stream(trial.seed, 'latency'))
        evidence = Evidence(robot, detailed=trial.index == 0)
        wall = Stopwatch(self._wall_ns)
        outcome = Outcome()
        while True:
            begun_ns, observation = self._wall_ns(), None
            due = robot.at_step
            if due:
                outcome = robot.simulator.outcome()
                if outcome.done or robot.elapsed_ns >= episode.limit_ns + GIVE_UP_NS:
                    break
                observation = self._see(evidence, wall)
            # What arrives now is followed before the next chunk is planned, so that the plan it
            # is made to agree with is the one in force.
            arrived = self._deliver(model, evidence)
            taken_ns = self._follow() if arrived else 0
            if observation is not None and not model.busy:
                committed = robot.executor.plan(robot.now_ns)
                with wall.measure('inference'):
                    model.begin(observation, committed, robot.now_ns)
            if not arrived:
                self._deliver(model, evidence)  # what took no time
                taken_ns = self._follow()
            start_ns = self._wall_ns()
            robot.pass_tick()
            wall.add('tick', taken_ns + self._wall_ns() - start_ns)
            if due:
                wall.add('capture_to_command', self._wall_ns() - begun_ns)
            evidence.moved()
        evidence.note()
        status = robot.status()
        return EpisodeResult(
            trial=trial,
            instruction=episode.instruction,
            heard=heard,
            success=outcome.success,
            steps=outcome.steps,
            limit=episode.limit,
            gate=status.gate,
            chunks=status.chunks,
            stages_ms=by_stage(robot.executed),
            wall_ms=wall.figures(),
            pictures=self._photographs(evidence),
            film=None if outcome.success else evidence.film(),
            path=evidence.path(),
        )

    def _photographs(self, evidence: Evidence) -> tuple[tuple[float, np.ndarray], ...]:
        return self._photographer.photograph(evidence.moments) if self._photographer else ()

    def _see(self, evidence: Evidence, wall: Stopwatch) -> Observation | None:
        """Look; None where an input is missing, stale or frozen."""
        robot = self._robot
        with wall.measure('capture'):
            robot.look()
        try:
            with wall.measure('assemble'):
                observation = robot.observe()
        except NotReady:
            return None
        evidence.seen(observation)
        return observation

    def _deliver(self, model: BusyModel, evidence: Evidence) -> bool:
        """Hand a chunk that has arrived to the executor; return whether there was one."""
        robot = self._robot
        chunk = model.arrived(robot.now_ns)
        if chunk is None:
            return False
        evidence.planned(chunk)
        with suppress(ChunkRefused):  # counted by the executor
            robot.executor.accept(chunk, robot.now_ns)
        return True

    def _follow(self) -> int:
        """Command the joints and tell the policy how its chunks fare; return wall ns taken."""
        start_ns = self._wall_ns()
        self._robot.follow()
        taken_ns = self._wall_ns() - start_ns
        if isinstance(self._policy, Heedful):
            self._policy.heed(self._robot.status())
        return taken_ns
