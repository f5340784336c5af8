"""A live graph as a scenario sees it: started as `./vla` starts it, watched through messages."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from vla_msgs.msg import ActionChunk, Command, ExecutorStatus, Observation, SimOutcome
from vla_msgs.srv import Reset, SetInstruction, SimInject, SimReset

from vla_cli import domain
from vla_cli.graph.graph import Graph
from vla_core.contract import RobotContract
from vla_ros import convert
from vla_ros.testing import Graph as Probe

FIRST_DOMAIN = 20  # below it are the domains that a person's own graphs get
READY_S = 60.0  # until four processes have started on a busy machine
ANSWER_S = 30.0
MOVING = 0.05  # rad/s or m/s
RESTS = 1e-6  # rad/s or m/s: rounding


@dataclass(frozen=True)
class Live:
    """A running graph.

    Attributes:
        graph: Its processes.
        log: What they said.
    """

    graph: Graph
    log: Path

    def said(self) -> str:
        """Return the nodes' lines so far."""
        return self.log.read_text(errors='replace')


@contextmanager
def running(folder: Path, **arguments: str) -> Iterator[Live]:
    """Run a graph on a domain of its own, by launch argument."""
    held = domain.claim({}, os.environ['VLA_ROOT'], 'host', first=FIRST_DOMAIN, hidden=True)
    log = folder / 'graph.log'
    with Graph(arguments, os.environ, log, held) as graph:
        yield Live(graph, log)


@contextmanager
def watched(live: Live, contract: RobotContract, namespace: str = '') -> Iterator['Stage']:
    """Join a graph and listen to what it says."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in live.graph.variables.items():
            patch.setenv(name, value)
        with Probe() as probe:
            yield Stage(live, probe, contract, namespace)


@dataclass(frozen=True)
class Scene:
    """An episode that the simulator has begun, and the words that the executor was given.

    Attributes:
        task: Its task.
        seed: Its seed.
        instruction: What success is judged by.
        start_ns: ROS time of the reset.
        words: What the executor was told.
        epoch: Of those words.
    """

    task: str
    seed: int
    instruction: str
    start_ns: int
    words: str
    epoch: int


class Stage:
    """A probe beside a graph: every message since it joined, by stream, oldest first.

    Attributes:
        live: The graph.
        probe: The node that listens.
        contract: What the robot is.
    """

    def __init__(self, live: Live, probe: Probe, contract: RobotContract, namespace: str):
        self.live, self.probe, self.contract = live, probe, contract
        self._prefix = f'/{namespace}/' if namespace else '/'
        state = contract.state.topic
        self.joints: list[JointState] = self._listen(JointState, state, 'sensor')
        self.commands: list[Command] = self._listen(Command, 'vla/command', 'command')
        self.statuses: list[ExecutorStatus] = self._listen(ExecutorStatus, 'vla/status', 'status')
        self.observations: list[Observation] = self._listen(
            Observation, 'vla/observation', 'observation'
        )
        self.chunks: list[ActionChunk] = self._listen(ActionChunk, 'vla/action_chunk', 'chunk')
        self.outcomes: list[SimOutcome] = self._listen(SimOutcome, 'sim/outcome', 'latched')
        self.health: list[DiagnosticArray] = self._listen(
            DiagnosticArray, 'diagnostics', 'reliable'
        )
        self.until(lambda: self.joints and self.statuses, 'joint states and status', READY_S)
        self.until(lambda: self.observations, 'an observation', READY_S)
        self.until(
            lambda: probe.probe.count_publishers(self.name('vla/action_chunk')),
            'a policy',
            READY_S,
        )

    def _listen(self, kind: type, name: str, profile: str) -> list[Any]:
        return self.probe.listen(kind, self.name(name), profile, matched=False)

    def name(self, name: str) -> str:
        """Return a name of the graph with its namespace."""
        return self._prefix + name

    # ---- waiting and asking

    def until(self, condition: Callable[[], Any], what: str, seconds: float = ANSWER_S) -> None:
        """Take messages in until a condition holds; fail with what was waited for."""
        try:
            self.probe.until(condition, what, seconds)
        except AssertionError:
            last = [str(stream[-1:]) for stream in (self.statuses, self.commands)]
            said = self.live.said().splitlines()[-20:]
            lines = '\n'.join([f'not within {seconds} s: {what}', *last, *said])
            raise AssertionError(lines) from None

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Return a service's response."""
        return self.probe.call(kind, self.name(name), request)

    # ---- what happened last

    @property
    def status(self) -> ExecutorStatus:
        """The newest status."""
        return self.statuses[-1]

    @property
    def positions(self) -> np.ndarray:
        """Newest measured joints, in the contract's output order, rad or m."""
        return positions(self.joints[-1], self.contract.output.joints)

    def moving(self) -> bool:
        """Whether the executor follows a chunk and the robot is commanded to move."""
        last = self.commands[-1] if self.commands else None
        return last is not None and len(last.sources) > 0 and speed(last) > MOVING

    def at_rest(self) -> bool:
        """Whether nothing is commanded to move."""
        return not self.commands or speed(self.commands[-1]) < RESTS

    def verdict(self, scene: Scene) -> SimOutcome | None:
        """Return the simulator's newest word on a scene, None before the first."""
        for msg in reversed(self.outcomes):
            if (msg.task, msg.seed) != (scene.task, scene.seed):
                return None
            return msg if convert.ns(msg.header.stamp) >= scene.start_ns else None
        return None

    def succeeds(self, scene: Scene) -> None:
        """Wait for the end of the episode, which must be a success."""

        def over() -> bool:
            verdict = self.verdict(scene)
            return verdict is not None and verdict.over

        self.until(over, f'the end of {scene}', 30.0)
        verdict = self.verdict(scene)
        assert verdict is not None
        assert verdict.success, verdict

    # ---- what is done to the graph

    def say(self, words: str) -> int:
        """Give the executor words; return their epoch once its status tells of them."""
        answer = self.call(
            SetInstruction, 'vla/set_instruction', SetInstruction.Request(instruction=words)
        )
        assert answer.accepted, answer.reason
        self.until(lambda: self.status.epoch == answer.epoch, f'epoch {answer.epoch}')
        assert self.status.instruction == words
        return int(answer.epoch)

    def trigger(self, name: str) -> Trigger.Response:
        """Call `vla/stop` or `vla/clear_stop`."""
        return self.call(Trigger, name, Trigger.Request())

    def inject(self, **faults: Any) -> None:
        """Put faults in force; without any, lift those that are."""
        answer = self.call(SimInject, 'sim/inject', SimInject.Request(**faults))
        assert answer.accepted, answer.reason

    def calm(self) -> None:
        """No faults, no words, no stop, the robot at rest."""
        self.inject()
        self.say('')
        self.until(self.at_rest, 'a robot at rest')
        answer = self.trigger('vla/clear_stop')
        assert answer.success, answer.message

    def begin(self, task: str, seed: int, words: str = '') -> Scene:
        """Begin an episode.

        Args:
            task: Its task.
            seed: Its seed.
            words: What the executor is told, the scene's own instruction where none is given.
        """
        self.calm()
        answer = self.call(SimReset, 'sim/reset', SimReset.Request(task=task, seed=seed))
        assert answer.accepted, answer.reason
        start_ns = convert.ns(answer.start)
        self.until(
            lambda: convert.ns(self.observations[-1].header.stamp) > start_ns,
            'an observation of the new scene',
        )
        self.call(Reset, 'vla/reset', Reset.Request())
        words = words or answer.instruction
        epoch = self.say(words)
        return Scene(task, seed, answer.instruction, start_ns, words, epoch)

    def begin_and_move(self, task: str, seed: int, words: str = '') -> Scene:
        """Begin an episode, and wait until the robot is on its way."""
        scene = self.begin(task, seed, words)
        self.until(self.moving, 'motion')
        return scene


# ---- reading messages


def ns(msg: Any) -> int:
    """Return a stamped message's time in ns."""
    return convert.ns(msg.header.stamp)


def positions(msg: JointState, names: tuple[str, ...]) -> np.ndarray:
    """Return joint positions (J,) in the order of `names`, rad or m."""
    by_name = dict(zip(msg.name, msg.position, strict=True))
    return np.array([by_name[name] for name in names])


def speed(command: Command) -> float:
    """Return the speed of the fastest joint of a command, rad/s or m/s."""
    return float(np.abs(command.velocities).max())


def chunk_end_ns(chunk: ActionChunk) -> int:
    """Return when the last row of a chunk has passed, ns."""
    return convert.ns(chunk.t0) + chunk.horizon * convert.ns(chunk.step)


def brake_s(contract: RobotContract) -> float:
    """Return the longest time, s, that a bounded stop takes: from the highest speed of a joint."""
    limits = contract.limits.joints.values()
    return max(joint.velocity / joint.acceleration for joint in limits)


def eventually(condition: Callable[[], Any], what: str, seconds: float) -> Any:
    """Wait for a condition that no message tells of; return what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
        time.sleep(0.02)
    return value
