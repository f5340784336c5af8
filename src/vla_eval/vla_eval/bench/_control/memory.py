"""Whether an hour of control ticks makes the process grow."""

import gc
import os
from pathlib import Path

from vla_control.core.settings import ExecutorSettings
from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._control.feeding import Fed
from vla_eval.bench._screen import Screen

HOUR_TICKS = 360_000
FIRST_TICKS = 30_000  # histories that have a bound fill up in the first minutes
LOOKS = 60


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `memory_1h`: growth over an hour of ticks, as fast as they go.

    Every chunk comes as a message; `temporal_ensemble` keeps the most of them.
    """
    if options.quick:
        return [Row.not_run('memory_1h', '%')]
    from vla_control.ros.inputs import read_chunk  # ROS only here
    from vla_ros import convert

    fed = Fed.tabletop(options.root, ExecutorSettings(strategy='temporal_ensemble'))

    def run(ticks: int) -> None:
        for _ in range(ticks):
            if fed.due:
                message = convert.chunk_to_msg(fed.chunk())
                fed.executor.accept(read_chunk(message), fed.now_ns)
            fed.tick()
            if fed.ticks % 10 == 0:
                fed.executor.status(fed.now_ns)

    run(FIRST_TICKS)
    gc.collect()
    begin_kb, looks = _resident_kb(), []
    with screen.part('memory 1 h', LOOKS, lines=6) as part:
        for _ in range(LOOKS):
            run(HOUR_TICKS // LOOKS)
            gc.collect()
            looks.append(_resident_kb())
            part.advance(note=f'{looks[-1] / 1024:.1f} MB')
    growth = 100.0 * (looks[-1] - begin_kb) / begin_kb
    more = {
        'begin_mb': round(begin_kb / 1024, 2),
        'end_mb': round(looks[-1] / 1024, 2),
        'ticks': fed.ticks,
        'moving_ticks': fed.moving,
        'time': 'simulated, as fast as it goes: the ticks of an hour at 100 Hz',
        'before_it': f'{FIRST_TICKS} ticks',
    }
    return [Row.judged('memory_1h', growth, '%', below=1.0, what='growth', more=more)]


def _resident_kb() -> int:
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') // 1024
