"""Runs trials through the live graph; survives nodes that die and come back."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vla_core.timing import SECOND
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.errors import EvalError
from vla_eval.core.results import EpisodeResult, by_stage
from vla_eval.ros.client import GraphClient, GraphError
from vla_eval.ros.counters import EpisodeCounts
from vla_eval.ros.motion import FirstMotion
from vla_eval.ros.recording import Moment, Recording
from vla_ros import convert
from vla_sim.core import language, seeds
from vla_sim.core.values import CHECK_NS, Episode

READY_S = 60.0  # for the graph to come up, or a dead node to come back
CALL_S = 5.0
FRESH_S = 3.0  # for pictures of the new scene
GRACE_S = 5.0  # past the task's limit, before an episode without a verdict is begun again
ATTEMPTS = 5
LATE_STATUS_S = 0.3  # the last counters of an episode come with the next status


class RobotLostError(EvalError):
    """The simulated robot died on the way: the episode has no verdict."""


@dataclass(frozen=True)
class Scene:
    """An episode that the simulator has begun.

    Attributes:
        instruction: What success is judged by.
        heard: What the policy is told.
        start_ns: ROS time of the reset.
        limit_ns: Time that the task allows.
    """

    instruction: str
    heard: str
    start_ns: int
    limit_ns: int


class LiveEpisodes:
    """Runs one trial after another.

    Attributes:
        moments: What the scene was like in the first episode of each task, to be drawn later.

    Args:
        client: Beside the graph.
        conditions: Of the run.
        alive: Whether the graph is up; GraphError where it is not.
        on_motion: Told when the robot has moved for the first time.
        on_words: Told the words of each episode as it begins.
    """

    def __init__(
        self,
        client: GraphClient,
        conditions: Conditions,
        alive: Callable[[], bool],
        on_motion: Callable[[], None] = lambda: None,
        on_words: Callable[[str], None] = lambda words: None,
    ):
        self._client = client
        self._conditions = conditions
        self._alive = alive
        self._motion: FirstMotion | None = FirstMotion(client.watch_motion(), on_motion)
        self._on_words = on_words
        self.moments: dict[Trial, list[Moment]] = {}

    def run(self, trial: Trial) -> EpisodeResult:
        """Run one trial; begin it again with the same seed where the robot died on the way.

        Raises:
            GraphError: the graph is down, or the episode was begun too often.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return replace(self._attempt(trial), attempts=attempt)
            except (RobotLostError, GraphError) as error:
                if not self._alive():
                    raise GraphError('the graph is down') from error
                last = error
        raise GraphError(f'{trial.task} {trial.index}: given up after {ATTEMPTS} attempts: {last}')

    def _attempt(self, trial: Trial) -> EpisodeResult:
        client = self._client
        self._wait(lambda: not client.missing(), READY_S, 'not every node is up')
        client.set_words('', CALL_S)
        scene = self._begin(trial)
        assert client.status is not None
        counts = EpisodeCounts(client.status)
        recording = Recording(self._client, scene.start_ns, detailed=trial.index == 0)
        listener = self._listener(counts, recording)
        client.listeners.append(listener)
        try:
            client.begin_epoch(CALL_S)
            client.set_words(scene.heard, CALL_S)
            if self._motion is not None:
                self._motion.arm()
            outcome = self._watch(trial, scene)
            client.set_words('', CALL_S)
            client.wait_for(lambda: False, LATE_STATUS_S)
        finally:
            client.listeners.remove(listener)
        self.moments[trial] = recording.moments
        return EpisodeResult(
            trial=trial,
            instruction=scene.instruction,
            heard=scene.heard,
            success=outcome.success,
            steps=convert.ns(outcome.elapsed, zero=True) // CHECK_NS,
            limit=scene.limit_ns // CHECK_NS,
            gate=counts.gate,
            chunks=counts.chunks,
            stages_ms=by_stage(counts.executed),
            film=None if outcome.success else recording.film(),
            path=recording.path(),
        )

    def _begin(self, trial: Trial) -> Scene:
        """Reset the scene, and wait until every camera has seen it."""
        client, conditions = self._client, self._conditions
        answer = client.reset_scene(trial.task, trial.seed, conditions.phrasing, READY_S)
        start_ns, words = convert.ns(answer.start), answer.instruction
        limit_ns = convert.ns(answer.time_limit)
        heard = words
        if conditions.ablate == 'wrong-words':
            goal, limit = language.parse(words), limit_ns // CHECK_NS
            episode = Episode(goal, words, trial.seed, limit, conditions.phrasing)
            heard = language.wrong_words(episode, seeds.stream(trial.seed, 'wrong words'))
        self._on_words(heard)

        def seen() -> bool:
            images = [client.images.get(key) for key in client.contract.cameras]
            return all(i is not None and convert.ns(i.header.stamp) > start_ns for i in images)

        self._wait(seen, FRESH_S, 'no picture of the new scene')
        return Scene(words, heard, start_ns, limit_ns)

    def _watch(self, trial: Trial, scene: Scene) -> Any:
        """Wait for the verdict; give the words again to an executor that came back without."""
        client = self._client
        deadline = time.monotonic() + scene.limit_ns / SECOND + GRACE_S

        def told() -> bool:
            return client.status is not None and client.status.instruction == scene.heard

        def judged() -> bool:
            outcome = client.outcome
            if outcome is None or convert.ns(outcome.header.stamp) < scene.start_ns:
                return False
            if outcome.seed != trial.seed or outcome.task != trial.task:
                raise RobotLostError('the simulator runs another episode: it was started again')
            return bool(outcome.over)

        self._wait(told, CALL_S, 'the executor does not have the words')
        while not judged():
            if time.monotonic() > deadline or not self._alive():
                raise RobotLostError('no verdict within the time limit')
            client.wait_for(lambda: judged() or not told(), 0.5)
            if not told():
                client.set_words(scene.heard, READY_S)
                self._wait(told, CALL_S, 'the executor does not have the words')
        return client.outcome

    def _wait(self, condition: Callable[[], bool], timeout_s: float, problem: str) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._client.wait_for(condition, 0.5):
            if not self._alive():
                raise GraphError('the graph is down')
            if time.monotonic() > deadline:
                raise GraphError(f'{problem} within {timeout_s:g} s')

    def _listener(self, counts: EpisodeCounts, recording: Recording) -> Callable[[str, Any], None]:
        def take(stream: str, msg: Any) -> None:
            if stream == 'vla/status' and self._client.status is not None:
                counts.add(self._client.status)
            recording.take(stream, msg)
            if self._motion is not None and self._motion.seen(stream, msg):
                self._motion = None

        return take
