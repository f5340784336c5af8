"""A made-up run, for tests of what is made of results."""

from pathlib import Path

import numpy as np
import pytest

from vla_core.command import ChunkCounts, GateCounts
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.results import EpisodeResult, Path3

TASKS = ('reach', 'push', 'pick', 'place')


def result(task: str, index: int, success: bool, **changes) -> EpisodeResult:
    """Return one episode; the first of each task with pictures and a path."""
    rng = np.random.default_rng([index, TASKS.index(task)])
    detailed = index == 0
    values = {
        'trial': Trial(task, index, int(rng.integers(2**62))),
        'instruction': f'{task} the red block',
        'heard': f'{task} the red block',
        'success': success,
        'steps': int(rng.integers(10, 40)),
        'limit': 80,
        'gate': GateCounts(ticks=200, clipped=1),
        'chunks': ChunkCounts(received=20),
        'stages_ms': {
            'capture_to_command': tuple(rng.uniform(20, 40, 20)),
            'inference': tuple(rng.uniform(5, 9, 20)),
        },
        'wall_ms': {'inference': tuple(rng.uniform(5, 9, 20)), 'capture': (12.0, 14.0)},
        'pictures': tuple(
            (0.5 * k, rng.integers(0, 255, (24, 32, 3), np.uint8)) for k in range(6)
        ) if detailed else (),
        'film': None if success else rng.integers(0, 255, (20, 96, 96, 3), np.uint8),
        'path': path() if detailed else None,
    }  # fmt: skip
    return EpisodeResult(**{**values, **changes})


def path() -> Path3:
    """Return a way down to a block and up again."""
    time_s = np.arange(0, 2.4, 0.01)
    share = time_s / 2.4
    way = np.stack(
        [0.35 + 0.15 * share, 0.1 - 0.15 * share, 0.05 + 0.15 * np.abs(np.cos(3 * share))], axis=1
    )
    return Path3(
        time_s=time_s,
        commanded=way,
        measured=way + 0.003,
        chunk=way[40:200:10],
        chunk_time_s=time_s[40:200:10],
        things={'red block': (0.5, -0.05), 'blue cylinder': (0.42, 0.15), 'plate': (0.55, 0.1)},
    )


@pytest.fixture
def run() -> list[EpisodeResult]:
    """Five episodes of every task, of which the last fails."""
    return [result(task, i, i < 4) for i in range(5) for task in TASKS]


@pytest.fixture
def made():
    """Makes one episode, see `result`."""
    return result


@pytest.fixture
def conditions() -> Conditions:
    """Conditions of that run."""
    return Conditions(Path('robot.yaml'), Path('checkpoints'), 'flow', seed=7)


@pytest.fixture
def provenance() -> dict:
    """Of that run."""
    return dict(PROVENANCE)


PROVENANCE = {
    'commit': '0123456789abcdef',
    'changed': False,
    'contract': {'name': 'tabletop', 'digest': 'ab' * 32},
    'checkpoint': {'name': 'flow', 'digest': 'cd' * 32},
    'seed': 7,
    'command': './vla eval --seed 7',
    'started': '2026-01-01T00:00:00+00:00',
    'host': {'system': 'Linux', 'processor': 'x86_64', 'cores': 2},
    'versions': {'vla': '0.1.0', 'python': '3.11'},
}
