"""What an ensemble tick costs: a new chunk of 100 x 14 comes in, the action of now is read."""

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from vla_control.core.ensemble import Ensembler
from vla_control.core.moments import Columns
from vla_eval.bench import BenchOptions, Row, percentile
from vla_eval.bench._control.peer import Peer
from vla_eval.bench._control.robot import BEGIN_NS
from vla_eval.bench._control.timing import samples, spread
from vla_eval.bench._screen import Screen

HORIZON, WIDTH, M = 100, 14, 0.01
STEP_NS = 10_000_000
PLAIN = Columns(WIDTH)
POSED = Columns(WIDTH, rotations=(3,), votes=(13,))  # tool pose, six joints, a gripper
ROUNDS, QUICK_ROUNDS, EACH = 40, 12, 1000
PEER = 'LeRobot 0.4.4 ACTTemporalEnsembler'
NOTE = 'plain numbers in both rows; run with torch 2.13, outside the versions that it declares'
SCRIPT = Path(__file__).with_name('lerobot_ensemble.py')


def ticks(columns: Columns, horizon: int, seed: int, every: int = 1) -> Callable[[], object]:
    """Return a tick: add a chunk, read the action of now, go on; `every` steps a new chunk."""
    rng = np.random.default_rng(seed)
    chunks = cycle([_rows(rng, columns, horizon) for _ in range(32)])
    ensembler = Ensembler(columns, STEP_NS, M)
    now_ns, pace_ns = BEGIN_NS, every * STEP_NS

    def tick() -> np.ndarray | None:
        nonlocal now_ns
        ensembler.add(next(chunks), now_ns)
        action = ensembler.at(now_ns)
        ensembler.forget(now_ns)
        now_ns += pace_ns
        return action

    for _ in range(2 * max(horizon // every, 1)):
        tick()
    return tick


def _rows(rng: np.random.Generator, columns: Columns, horizon: int) -> np.ndarray:
    rows = rng.normal(size=(horizon, columns.width))
    for start in columns.rotations:
        q = rows[:, start : start + 4]
        q[:] = [1.0, 0.0, 0.0, 0.0] + 0.1 * q
        q /= np.linalg.norm(q, axis=1, keepdims=True)
    return rows


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `ensemble_tick` and `ensemble_tick_so3`, the peer's ticks in between."""
    plain = ticks(PLAIN, HORIZON, options.seed)
    posed = ticks(POSED, HORIZON, options.seed)
    ours: list[float] = []
    ours_so3: list[float] = []
    theirs: list[float] = []
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    with Peer.of(options, 'lerobot', SCRIPT) as peer, screen.part('ensemble', rounds) as part:
        for _ in range(rounds):
            ours += samples(plain, EACH)
            theirs += peer.ask(f'{EACH} {HORIZON} {WIDTH} {M}') if peer else []
            ours_so3 += samples(posed, EACH)
            part.advance()
    theirs_p50 = percentile(theirs, 50) if theirs else None
    beside: dict[str, Any] = {'peer_p99': round(percentile(theirs, 99), 3)} if theirs else {}
    beside |= {'peer_note': NOTE}
    return [
        Row.judged(
            'ensemble_tick',
            percentile(ours, 50),
            'us',
            below=10.0,
            times=3.0,
            what='p50',
            peer=theirs_p50,
            peer_name=PEER,
            more={**spread(ours), **beside},
        ),
        Row.judged(
            'ensemble_tick_so3',
            percentile(ours_so3, 50),
            'us',
            below=25.0,
            what='p50',
            peer=theirs_p50,
            peer_name=PEER,
            more={**spread(ours_so3), **beside},
        ),
    ]
