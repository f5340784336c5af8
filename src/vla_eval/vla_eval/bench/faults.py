"""`./vla bench faults`: kill -9 of each node at random moments; what the robot does meanwhile."""

import os
import signal
import time

import numpy as np

from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._live import Heard, Live, LiveError, follows_newer, ns, running
from vla_eval.bench._screen import Screen
from vla_eval.bench._tally import Tally
from vla_sim.core import seeds

ROLES = ('policy', 'observer', 'robot')
TIMES, QUICK_TIMES = 20, 2
TASK = 'place'  # the longest
LATEST_S = 2.0  # after the first motion
REJOIN_S = 60.0


def run(options: BenchOptions, screen: Screen) -> list[Row]:
    """See `vla_eval.bench`."""
    times = QUICK_TIMES if options.quick else TIMES
    rows: list[Row] = []
    with running(options, {'policy': 'scripted'}) as live:
        for role in ROLES:
            rng = seeds.stream(options.seed, 'deaths', role)
            tally, restarts = Tally(), 0
            with screen.part(f'kill -9 {role}', times, lines=4) as part:
                for _ in range(times):
                    restarts += _death(live, role, rng, tally)
                    back = f'back after {tally.back_s[-1]:.1f} s' if tally.back_s else ''
                    part.advance(note=tally.problems[-1] if tally.problems else back)
            name = f'kill_{role}'
            rows += tally.rows(name)
            rows.append(Row.judged(f'{name}_restarts', float(restarts), 'others', most=0.0))
    return rows


def _death(live: Live, role: str, rng: np.random.Generator, tally: Tally) -> int:
    """Kill one node in motion and wait until the robot moves on.

    Returns how many other processes were started again meanwhile.
    """
    tally.times += 1
    before = live.graph.pids()
    killed_ns = 0
    with live.hearing() as heard:
        try:
            live.begin_and_move(TASK, int(rng.integers(2**62)), heard)
            moment_ns = ns(heard.commands[-1]) + int(rng.uniform(0.0, LATEST_S) * 1e9)
            live.until(lambda: ns(heard.commands[-1]) >= moment_ns, 'the moment to die')
            os.kill(before[role], signal.SIGKILL)
            killed_ns = time.time_ns()  # the graph runs at wall time; it says nothing after that
            _rejoin(live, role, killed_ns, before[role], heard, rng)
            tally.back_s.append((ns(heard.commands[-1]) - killed_ns) / 1e9)
        except LiveError as error:
            tally.problems.append(str(error))
    if killed_ns:
        tally.note(live, heard, killed_ns, silent_at_once=role == 'robot')
    after = live.graph.pids()
    return sum(after.get(other) != pid for other, pid in before.items() if other != role)


def _rejoin(
    live: Live, role: str, killed_ns: int, pid: int, heard: Heard, rng: np.random.Generator
) -> None:
    """Wait until a command follows a chunk that was planned from what was seen after the death.

    A simulated robot comes back elsewhere, so its episode is begun anew, as a person would.
    """
    live.until(
        lambda: live.graph.pids().get(role) not in (None, pid), f'{role} started again', REJOIN_S
    )
    if role == 'robot':
        live.until(lambda: ns(heard.joints[-1]) > killed_ns, 'joint states of the robot', REJOIN_S)
        live.begin_and_move(TASK, int(rng.integers(2**62)), heard)
    live.until(
        lambda: follows_newer(heard, killed_ns),
        f'the robot moving on after the death of {role}',
        REJOIN_S,
    )
