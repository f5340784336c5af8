"""A live graph as a scenario sees it: started as `./vla` starts it, watched through messages."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from vla_msgs.msg import ActionChunk, Command, ExecutorStatus, Observation, SimOutcome
from vla_msgs.srv import Reset, SetInstruction, SimInject, SimReset

from vla_cli import domain
from vla_cli.graph.graph import Graph
from vla_core.contract import RobotContract
from vla_eval.core import shares
from vla_ros import convert
from vla_ros.testing import Graph as Probe

FIRST_DOMAIN = 20  # below it are the domains that a person's own graphs get
READY_S = 60.0  # until four processes have started on a busy machine
ANSWER_S = 30.0
MOVING = 0.05  # rad/s or m/s
PATIENT = 1000  # messages of a stream that may wait while a busy machine lets the probe stand
RESTS = 1e-6  # rad/s or m/s: rounding
WATCHDOG_NS = 200_000_000
SERVO = 1.1  # share of a velocity limit that measured joints may reach: servos swing a little


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
def running(
    folder: Path, prefixes: Mapping[str, Sequence[str]] | None = None, **arguments: str
) -> Iterator[Live]:
    """Run a graph on a domain of its own, by launch argument; `prefixes` as in `Graph`."""
    held = domain.claim({}, os.environ['VLA_ROOT'], 'host', first=FIRST_DOMAIN, hidden=True)
    log = folder / 'graph.log'
    with Graph(arguments, os.environ, log, held, prefixes) as graph:
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
class Mark:
    """How much had been heard at a moment."""

    commands: int
    joints: int
    health: int
    observations: int
    statuses: int


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
        return self.probe.listen(kind, self.name(name), profile, matched=False, depth=PATIENT)

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

    # ---- what happened since

    def mark(self) -> Mark:
        """Return this moment, to ask later what has happened since."""
        return Mark(
            *(len(s) for s in (self.commands, self.joints, self.health, self.observations)),
            len(self.statuses),
        )

    def told(self, component: str, words: str, since: Mark, level: bytes | None = None) -> bool:
        """Whether diagnostics have said of a component (`node: part`) what begins like that."""
        return any(
            s.name == component and s.message.startswith(words) and level in (None, s.level)
            for array in self.health[since.health :]
            for s in array.status
        )

    def holds_since(self, since: Mark) -> set[str]:
        """Return the reasons for which the robot has been held."""
        return {c.hold_reason for c in self.commands[since.commands :]} - {''}

    def keeps_limits(self, since: Mark, joints_are_true: bool = True) -> None:
        """Check commands and measured joints against the contract, apart from the gate."""
        names = self.contract.output.joints
        sent = [
            shares.Sample(ns(c), np.array(c.positions), c.epoch, c.sequence)
            for c in self.commands[since.commands :]
        ]
        asked = shares.commanded(sent, self.contract, WATCHDOG_NS)
        assert max(asked.values()) <= 1 + shares.ROUNDING, asked
        joints = self.joints[since.joints :] if joints_are_true else []
        felt = shares.measured(
            [shares.Sample(ns(j), positions(j, names)) for j in joints], self.contract
        )
        for name in fingers(self.contract):  # they give way to what they touch
            del felt[name]
        assert max(felt.values()) <= SERVO, felt

    def rests(self, since: Mark, reason: str = 'silence') -> None:
        """Wait for a hold with a reason and for the rest after it, soon enough in ticks."""

        def held() -> bool:
            heard = self.commands[since.commands :]
            return bool(heard) and heard[-1].hold_reason == reason

        self.until(lambda: held() and self.at_rest(), f'a robot at rest: {reason}')
        stopping = list(takewhile(lambda c: not c.sources, reversed(self.commands)))
        braking = sum(speed(c) >= RESTS for c in stopping)
        tick_s = self.contract.rates.control_ns / 1e9
        assert braking * tick_s <= WATCHDOG_NS / 1e9 + brake_s(self.contract)
        self.until(lambda: self.status.mode in ('holding', 'stopped'), 'a status that says so')

    def goes_on(self, epoch: int) -> None:
        """Wait until the robot follows chunks again, in the same epoch and without a stop."""
        mark = self.mark()
        self.until(
            lambda: any(c.sources for c in self.commands[mark.commands :]),
            'commands that follow chunks again',
        )
        assert self.commands[-1].epoch == epoch
        assert self.status.stop_reason == ''

    # ---- what is done to the graph

    def set_parameter(self, node: str, name: str, value: Any) -> SetParametersResult:
        """Return what a node says to a parameter."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        answer = self.call(SetParameters, f'{node}/set_parameters', request)
        return answer.results[0]

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
        self.until(lambda: self.trigger('vla/clear_stop').success, 'no stop any more')

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


def fingers(contract: RobotContract) -> set[str]:
    """Return the joints of the grippers."""
    return {name for g in contract.action.groups if g.kind == 'gripper' for name in g.names}


def speed(command: Command) -> float:
    """Return the speed of the fastest joint of a command, rad/s or m/s."""
    return float(np.abs(command.velocities).max())


def chunk_end_ns(chunk: ActionChunk) -> int:
    """Return when the last row of a chunk has passed, ns."""
    return convert.ns(chunk.t0) + chunk.horizon * convert.ns(chunk.step)


def brake_s(contract: RobotContract) -> float:
    """Return the longest time, s, that a bounded stop takes: from the highest speed of a joint."""
    limits = contract.limits.joints.values()
    quickest = [j.velocity / j.acceleration + j.acceleration / j.jerk for j in limits]
    return 1.5 * max(quickest)  # its jerk is linear, not bang-bang, and all joints stop together


def eventually(condition: Callable[[], Any], what: str, seconds: float) -> Any:
    """Wait for a condition that no message tells of; return what it gave."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
        time.sleep(0.02)
    return value
