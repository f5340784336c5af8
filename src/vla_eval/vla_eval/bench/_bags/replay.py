"""How much faster than real time a bag goes through observer and policy."""

import tempfile
import time
from pathlib import Path

from vla_core.contract import RobotContract, load
from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._screen import Screen
from vla_eval.core.bags.simulated import record
from vla_eval.core.bags.tape import Tape
from vla_eval.core.episodes import Trial
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.openloop.measured import measure as figures
from vla_eval.core.openloop.paths import Geometry
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.hold import HoldPolicy
from vla_sim.core import seeds
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

TASKS = ('place', 'pick', 'push')
EPISODES, QUICK_EPISODES = 12, 3
REPEATS = 3  # of each bag, of which the fastest counts: others share the machine
LEAST = 20.0  # times real time


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `replay_speed`: opening, checking, reading, observer and a weight-free policy.

    The bags are episodes of the expert on the tabletop, two cameras at 10 Hz, joint states,
    transforms and commands at 100 Hz. `more` tells the speed with the bag's own run, strategy,
    gate and figures.
    """
    count = QUICK_EPISODES if options.quick else EPISODES
    contract = load(options.root / 'config' / 'robots' / 'tabletop.yaml')
    messages = options.root / 'src' / 'vla_msgs' / 'msg'
    simulator = Simulator(contract)
    expert = Scripted(contract, lambda stamp_ns: simulator.snapshot())
    geometry, policy = Geometry(contract), HoldPolicy(contract)
    loop = OpenLoop(contract, policy, OpenLoopSettings(seed=options.seed, deprive=False))
    total_s = replay_s = whole_s = 0.0
    with (
        screen.part('replay', count, lines=4) as part,
        tempfile.TemporaryDirectory(dir=options.out) as folder,
    ):
        for k in range(count):
            task = TASKS[k % len(TASKS)]
            trial = Trial(task, k, seeds.episode_seed(options.seed, task, k, 'evaluation'))
            bag = Path(folder) / f'{k:02d}'
            record(bag, VirtualRobot(contract, simulator), expert, trial, messages)
            runs = [_timed(bag, contract, loop, geometry) for _ in range(REPEATS)]
            total_s += runs[0][0]
            replay_s += min(replay for _, replay, _ in runs)
            whole_s += min(whole for _, _, whole in runs)
            part.advance(note=f'{total_s / replay_s:.1f}x')
    simulator.close()
    more = {
        'bags': count,
        'fastest_of': REPEATS,
        'seconds': round(total_s, 2),
        'with_strategy_gate_and_figures': round(total_s / whole_s, 2),
        'policy': 'hold',
    }
    return [
        Row.judged(
            'replay_speed', total_s / replay_s, 'x real time', least=LEAST, better='higher',
            more=more,
        )
    ]  # fmt: skip


def _timed(
    bag: Path, contract: RobotContract, loop: OpenLoop, geometry: Geometry
) -> tuple[float, float, float]:
    """Return the seconds of a bag, what observer and policy took, and what all of it took."""
    begun_s = time.perf_counter()
    tape = Tape(bag, contract)
    opened_s = time.perf_counter() - begun_s
    trace = loop.run(tape)
    figures(trace, contract, geometry)
    return trace.seconds, opened_s + trace.replay_s, time.perf_counter() - begun_s
