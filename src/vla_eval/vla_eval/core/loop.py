"""One episode in virtual time: look, plan, wait out the latency, move, ask for the verdict."""

import heapq
import time
from collections.abc import Callable

import numpy as np

from vla_control.core.errors import ChunkRefused
from vla_core.chunk import ActionChunk
from vla_core.policy import Policy
from vla_core.timing import SECOND, Timing
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.evidence import Evidence
from vla_eval.core.photographs import Photographer
from vla_eval.core.results import EpisodeResult, by_stage
from vla_eval.core.robot import VirtualRobot
from vla_eval.core.stopwatch import Stopwatch
from vla_perception.core.errors import NotReady
from vla_policy.core.wrappers import Ablated
from vla_sim.core import language, seeds
from vla_sim.core.values import Outcome

GIVE_UP_NS = SECOND  # past the limit, which the simulator counts from the first command


class VirtualLoop:
    """Runs episodes with one policy on one robot; the same trial gives the same result.

    A chunk reaches the executor one drawn latency after the capture it was planned from, while
    later observations are planned from already (a pipeline): with a distribution, chunks may
    overtake each other.

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

        rng = seeds.stream(trial.seed, 'latency')
        evidence = Evidence(robot, detailed=trial.index == 0)
        wall = Stopwatch(self._wall_ns)
        on_the_way: list[tuple[int, int, ActionChunk]] = []  # (arrival, sequence, chunk)
        outcome = Outcome()
        while True:
            begun_ns = self._wall_ns() if robot.at_step else None
            if robot.at_step:
                outcome = robot.simulator.outcome()
                if outcome.done or robot.elapsed_ns >= episode.limit_ns + GIVE_UP_NS:
                    break
                chunk = self._plan(policy, evidence, wall)
                if chunk is not None:
                    arrival_ns = robot.now_ns + conditions.latency.draw_ns(rng)
                    chunk = chunk.with_changes(timing=_timing(chunk, robot.now_ns, arrival_ns))
                    heapq.heappush(on_the_way, (arrival_ns, chunk.sequence, chunk))
            while on_the_way and on_the_way[0][0] <= robot.now_ns:
                chunk = heapq.heappop(on_the_way)[2]
                evidence.planned(chunk)
                try:
                    robot.executor.accept(chunk, robot.now_ns)
                except ChunkRefused:
                    continue  # counted by the executor
            with wall.measure('tick'):
                robot.act()
            if begun_ns is not None:
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

    def _plan(self, policy: Policy, evidence: Evidence, wall: Stopwatch) -> ActionChunk | None:
        """Look and plan; None where an input is missing, stale or frozen."""
        robot = self._robot
        with wall.measure('capture'):
            robot.look()
        try:
            with wall.measure('assemble'):
                observation = robot.observe()
        except NotReady:
            return None
        evidence.seen(observation)
        committed = robot.executor.plan(robot.now_ns)
        with wall.measure('inference'):
            return policy.infer(observation, committed)


def _timing(chunk: ActionChunk, planned_ns: int, arrival_ns: int) -> Timing:
    """Stages on the virtual clock: thinking takes the injected latency, all else no time."""
    return Timing(
        captured_ns=chunk.observation_stamp_ns,
        assembled_ns=planned_ns,
        received_ns=planned_ns,
        preprocessed_ns=planned_ns,
        inferred_ns=arrival_ns,
        published_ns=arrival_ns,
    )
