"""A live graph under a benchmark: begun, watched, and judged by what was sent and measured."""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from vla_cli import domain
from vla_cli.graph.graph import Graph
from vla_control.core.settings import ExecutorSettings
from vla_core.contract import RobotContract, load
from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions
from vla_eval.core import shares
from vla_eval.ros.client import GraphClient, join
from vla_ros import convert

FIRST_DOMAIN = 20  # below it are the domains that a person's own graphs get
READY_S = 60.0
CALL_S = 10.0
MOVES = 0.05  # rad/s or m/s
RESTS = 1e-6  # rad/s or m/s: rounding
WATCHDOG_NS = ExecutorSettings().watchdog_ns
LOG = 'graph.log'
SILENCE = 'silence'


class LiveError(VlaError):
    """The graph did not do what was waited for."""


@dataclass
class Heard:
    """What came in since it was made, oldest first: messages by stream."""

    commands: list[Any] = field(default_factory=list)
    joints: list[Any] = field(default_factory=list)
    chunks: list[Any] = field(default_factory=list)
    statuses: list[Any] = field(default_factory=list)

    def take(self, stream: str, msg: Any) -> None:
        """Take a message of the client in."""
        streams = {
            'vla/command': self.commands,
            'joint_states': self.joints,
            'vla/action_chunk': self.chunks,
            'vla/status': self.statuses,
        }
        if stream in streams:
            streams[stream].append(msg)


class Live:
    """A graph, and a client beside it.

    Attributes:
        graph: Its processes.
        client: Beside it.
        contract: What the robot is.
    """

    def __init__(self, graph: Graph, client: GraphClient, contract: RobotContract):
        self.graph, self.client, self.contract = graph, client, contract
        self._starts_ns: list[int] = []

    @contextmanager
    def hearing(self) -> Iterator[Heard]:
        """Keep what comes in meanwhile."""
        heard = Heard()
        self.client.listeners.append(heard.take)
        try:
            yield heard
        finally:
            self.client.listeners.remove(heard.take)

    def until(self, condition: Callable[[], Any], what: str, seconds: float = READY_S) -> None:
        """Take messages in until a condition holds.

        Raises:
            LiveError: it does not in time, or the graph is down.
        """
        if not self.client.wait_for(lambda: bool(condition()), seconds):
            raise LiveError(self.graph.failure or f'not within {seconds:g} s: {what}')

    def begin(self, task: str, seed: int) -> int:
        """Begin an episode of the simulator under its own words; return the epoch."""
        client = self.client
        self.until(lambda: not client.missing(), 'every node')
        client.set_words('', CALL_S)
        answer = client.reset_scene(task, seed, 'known', CALL_S)
        start_ns = convert.ns(answer.start)
        self._starts_ns.append(start_ns)

        def seen() -> bool:
            images = [client.images.get(key) for key in self.contract.cameras]
            return all(i is not None and convert.ns(i.header.stamp) > start_ns for i in images)

        self.until(seen, 'pictures of the new scene')
        client.begin_epoch(CALL_S)
        return client.set_words(answer.instruction, CALL_S)

    def begin_and_move(self, task: str, seed: int, heard: Heard) -> int:
        """Begin an episode and wait until the robot is on its way; return the epoch."""
        epoch = self.begin(task, seed)
        self.until(
            lambda: any(c.epoch == epoch and moves(c) for c in heard.commands[-5:]), 'motion'
        )
        return epoch

    def shares(self, heard: Heard) -> dict[str, float]:
        """Return the largest share of each limit that was asked for, and of velocity measured.

        Fingers give way to what they touch: they are judged by what was asked for.
        """
        names, groups = self.contract.output.joints, self.contract.action.groups
        fingers = {name for g in groups if g.kind == 'gripper' for name in g.names}
        sent = [
            shares.Sample(ns(c), np.array(c.positions), c.epoch, c.sequence)
            for c in heard.commands
        ]
        felt = [
            shares.Sample(
                ns(j),
                np.array([j.position[list(j.name).index(n)] for n in names]),
                bisect_left(self._starts_ns, ns(j)),  # a scene begun anew puts the robot elsewhere
            )
            for j in heard.joints
        ]
        asked = shares.commanded(sent, self.contract, WATCHDOG_NS)
        measured = shares.measured(felt, self.contract)
        felt_most = max(share for name, share in measured.items() if name not in fingers)
        return {**asked, 'measured_velocity': felt_most}


@contextmanager
def running(
    options: BenchOptions,
    arguments: Mapping[str, str],
    prefixes: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[Live]:
    """Run a graph on a domain of its own, with a client beside it; its log lies in `out`."""
    root, transport = options.root, arguments.get('transport', 'host')
    contract = load(root / 'config' / 'robots' / 'tabletop.yaml')
    held = domain.claim({}, root, transport, first=FIRST_DOMAIN, hidden=True)
    log = options.out / LOG
    log.unlink(missing_ok=True)
    env = {**os.environ, 'VLA_ROOT': str(root)}
    with Graph(arguments, env, log, held, prefixes) as graph:
        join(graph.variables)
        client = GraphClient(contract)
        client.watch_motion()
        try:
            yield Live(graph, client, contract)
        finally:
            client.close()


# ---- reading messages


def ns(msg: Any) -> int:
    """Return a stamped message's time, ns."""
    return convert.ns(msg.header.stamp)


def speed(command: Any) -> float:
    """Return the speed of the fastest joint of a command, rad/s or m/s."""
    return float(np.abs(command.velocities).max())


def moves(command: Any) -> bool:
    """Whether a command follows a chunk, and moves."""
    return len(command.sources) > 0 and speed(command) > MOVES


def chunk_end_ns(chunk: Any) -> int:
    """Return when the last row of a chunk has passed, ns."""
    return convert.ns(chunk.t0) + chunk.horizon * convert.ns(chunk.step)


def braking(commands: Sequence[Any]) -> list[int]:
    """Return how many commands each silence took to rest.

    A silence that was over before the robot was at rest does not count.
    """
    found = []
    for silent, block in groupby(commands, lambda c: not c.sources and c.hold_reason == SILENCE):
        if silent and (ticks := until_rest(list(block))) is not None:
            found.append(ticks)
    return found


def until_rest(commands: Sequence[Any]) -> int | None:
    """Return how many commands came before the first at rest; None where there is none."""
    return next((k for k, c in enumerate(commands) if speed(c) < RESTS), None)


def longest_gap_ns(commands: Sequence[Any]) -> int:
    """Return the longest time between two commands, ns: what the machine made of a tick."""
    return max((ns(b) - ns(a) for a, b in pairwise(commands)), default=0)


def follows_newer(heard: Heard, since_ns: int) -> bool:
    """Whether the newest command follows a chunk planned from what was seen since a time."""
    fresh = {c.sequence for c in heard.chunks if convert.ns(c.observation_stamp) > since_ns}
    last = heard.commands[-1]
    return ns(last) > since_ns and bool(fresh & set(last.sources))


def overrun_ns(commands: Sequence[Any], chunks: Sequence[Any]) -> int:
    """Return for how long a chunk was followed past its end at most, ns; 0 where none was."""
    ends = {(c.epoch, c.sequence): chunk_end_ns(c) for c in chunks}
    past = [ns(c) - ends[c.epoch, s] for c in commands for s in c.sources if (c.epoch, s) in ends]
    return max([0, *past])
