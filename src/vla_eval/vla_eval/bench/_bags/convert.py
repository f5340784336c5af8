"""How much faster than real time a bag becomes a LeRobotDataset."""

import functools
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vla_core.contract import RobotContract, load
from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._bags import made
from vla_eval.bench._bags.made import Made, Script
from vla_eval.bench._screen import Screen
from vla_eval.core.lerobot.to_dataset import Conversion

WIDTH, HEIGHT, CAMERA_HZ, JOINTS_HZ = 640, 480, 30, 120
SECONDS, QUICK_SECONDS = 30.0, 20.0
LEAST = 3.0  # times real time
WORDS = 'reach the red block'


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `convert_speed`: of frames at the contract's step, pictures of 640x480."""
    seconds = QUICK_SECONDS if options.quick else SECONDS
    contract = load(options.root / 'config' / 'robots' / 'tabletop.yaml')
    cameras = {
        key: replace(camera, width=WIDTH, height=HEIGHT)
        for key, camera in contract.cameras.items()
    }
    contract = replace(contract, cameras=cameras)
    rates = replace(contract.rates, observation_hz=float(CAMERA_HZ), chunk_step_s=1.0 / CAMERA_HZ)
    workers = len(os.sched_getaffinity(0))
    with screen.part('convert', 3) as part, tempfile.TemporaryDirectory(dir=options.out) as folder:
        bags = [Path(folder) / f'bag{k}' for k in range(workers)]
        script = Script(((seconds / workers, WORDS),), CAMERA_HZ, JOINTS_HZ, WIDTH, HEIGHT)
        for bag in bags:
            Made(bag, contract, script, some).write()
        part.advance(note='bag made')
        speed, more = convert(bags, contract, seconds)
        part.advance(note=f'{speed:.1f}x')
        every, _ = convert(bags, replace(contract, rates=rates), seconds)
        part.advance(note=f'every picture {every:.1f}x')
    more |= {
        'bags': workers,
        'cameras': f'{len(cameras)} x {WIDTH}x{HEIGHT} x {CAMERA_HZ} Hz',
        'every_picture': round(every, 2),
    }
    return [
        Row.judged('convert_speed', speed, 'x real time', least=LEAST, better='higher', more=more)
    ]


def convert(
    bags: list[Path], contract: RobotContract, seconds: float
) -> tuple[float, dict[str, Any]]:
    """Return how many times faster than real time, and what was made."""
    out = bags[0].with_name('set')
    begin, spent = time.perf_counter(), sum(os.times()[:4])
    done = Conversion(bags, contract, out, workers=len(bags)).run(force=True)
    took_s = time.perf_counter() - begin
    more = {
        'frames': done.frames,
        'codec': done.codec,
        'seconds': seconds,
        'core_s_per_s': round((sum(os.times()[:4]) - spent) / seconds, 3),
    }
    return seconds / took_s, more


@functools.cache
def _picture(width: int, height: int, count: int) -> np.ndarray:
    return made.picture(width, height, count)


def some(width: int, height: int, count: int) -> np.ndarray:
    """Return one of eight pictures: making them must not be what takes long."""
    return _picture(width, height, count % 8)
