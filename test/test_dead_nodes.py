"""kill -9 of each node in motion: it comes back by itself, and the episode goes on."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest
from vla_stage import RESTS, brake_s, chunk_end_ns, ns, running, speed

from vla_eval.core.episodes import Conditions, trials
from vla_eval.ros.client import GraphClient
from vla_eval.ros.episodes import LiveEpisodes
from vla_ros import convert

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

ROLES = {'robot', 'observer', 'policy', 'executor'}
SPARE_S = 5.0  # of the task's 13, of which a busy machine takes its share too
PAUSE_S = 0.1  # longer than a tick that came late
WATCHDOG_NS = 200_000_000


@dataclass
class Witness:
    """Kills a node once the robot moves, as often as asked, and keeps what was said.

    A node that is killed again as soon as it is back stays away for longer than a chunk lasts.
    """

    graph: Any
    role: str
    times: int
    killed: list[int] = field(default_factory=list)
    killed_ns: int = 0
    heard: dict[str, list[Any]] = field(default_factory=dict)

    def __call__(self, stream: str, msg: Any) -> None:
        """Take a message of the client in."""
        self.heard.setdefault(stream, []).append(msg)
        pid = self.graph.pids().get(self.role)
        if len(self.killed) >= self.times or pid is None or pid in self.killed:
            return
        if self.killed or (stream == 'vla/command' and msg.sources and speed(msg) > 0.1):
            self.killed.append(pid)
            os.kill(pid, signal.SIGKILL)
            self.killed_ns = self.killed_ns or time.time_ns()  # it says nothing after that

    def commands_after(self, time_ns: int) -> list[Any]:
        """Return the commands later than a time, up to the first one that follows a new chunk."""
        later = (c for c in self.heard['vla/command'] if ns(c) > time_ns)
        return list(takewhile(lambda c: not c.sources, later))

    def old_chunks(self) -> list[Any]:
        """Return the chunks that were sent before the node was killed."""
        chunks = self.heard['vla/action_chunk']
        return [c for c in chunks if convert.ns(c.timing.published) <= self.killed_ns]


@pytest.fixture(scope='module')
def live(workspace: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A graph of this module's own: its nodes die."""
    with running(tmp_path_factory.mktemp('deaths'), policy='scripted') as live:
        yield live


@pytest.fixture(scope='module')
def client(live: Any, contract: Any) -> Iterator[GraphClient]:
    """A client that listens to joint states and commands too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in live.graph.variables.items():
            patch.setenv(name, value)
        client = GraphClient(contract)
        client.watch_motion()
        yield client
        client.close()


@pytest.fixture
def play(live, client, contract, request):
    """Return what runs one long episode in which a node is killed: result, witness."""
    root = Path(request.config.rootpath)
    conditions = Conditions(
        root / 'config/robots/tabletop.yaml', root / 'checkpoints', policy='scripted'
    )

    def run(role: str, times: int = 1) -> tuple[Any, Witness]:
        episodes = LiveEpisodes(client, conditions, live.graph.alive)
        witness = Witness(live.graph, role, times)
        (trial,) = trials(('place',), 1, run_seed=len(role))
        before = live.graph.pids()
        client.listeners.append(witness)
        try:
            result = episodes.run(trial)
        finally:
            client.listeners.remove(witness)
        after = live.graph.pids()
        assert len(witness.killed) == times
        assert after.keys() == before.keys() == ROLES
        assert {name for name in ROLES if after[name] != before[name]} == {role}
        assert 'Traceback' not in live.said()
        return result, witness

    return run


def rests_in_time(witness: Witness, silence_ns: int, contract: Any) -> None:
    """Check that the robot holds and rests soon enough after the silence began, in its ticks."""
    held = witness.commands_after(silence_ns + WATCHDOG_NS)
    assert held
    braking = list(takewhile(lambda c: speed(c) >= RESTS, held))
    assert len(braking) < len(held)
    assert {c.hold_reason for c in [*braking, held[len(braking)]]} == {'silence'}
    # a robot that came back stands elsewhere, which is told as it is
    assert {c.hold_reason for c in held} <= {'silence', 'first_step'}
    longest_ns = WATCHDOG_NS + brake_s(contract) * 1e9
    assert len(braking) * contract.rates.control_ns <= longest_ns


def goes_on(result: Any, witness: Witness) -> None:
    """Check that the robot moved again, and was done unless it had stood for too long."""
    assert result.attempts == 1  # nobody began the episode anew
    assert result.gate.stops == 0
    followed = [ns(c) for c in witness.heard['vla/command'] if c.sources and speed(c) > RESTS]
    pauses = [(b - a) / 1e9 for a, b in pairwise(followed)]
    assert max(pauses) > 0.5
    assert result.success or sum(p for p in pauses if p > PAUSE_S) > SPARE_S


@pytest.mark.parametrize('role', ['policy', 'observer'])
def test_without_chunks_the_robot_holds_until_they_come_again(play, contract, role):
    result, witness = play(role, times=2)
    rests_in_time(witness, max(map(chunk_end_ns, witness.old_chunks())), contract)
    goes_on(result, witness)


def test_without_joint_states_the_robot_holds_and_the_episode_begins_anew(play, contract):
    result, witness = play('robot')
    rests_in_time(witness, witness.killed_ns, contract)
    assert result.success
    assert result.attempts == 2


def test_an_executor_comes_back_idle_and_takes_new_words(play):
    result, witness = play('executor')
    statuses = witness.heard['vla/status']
    back = next(
        k for k in range(1, len(statuses)) if statuses[k].gate_ticks < statuses[k - 1].gate_ticks
    )
    assert statuses[back].mode == 'idle'
    assert statuses[back].instruction == ''
    goes_on(result, witness)
