"""How cost grows with horizon, width and overlapping chunks."""

import time
from collections.abc import Callable, Sequence

from vla_control.core.moments import Columns
from vla_control.core.settings import ExecutorSettings
from vla_eval.bench import BenchOptions, Curve, Row, percentile
from vla_eval.bench._control import ensemble
from vla_eval.bench._control.feeding import Fed
from vla_eval.bench._control.timing import samples, undisturbed
from vla_eval.bench._screen import Screen

HORIZONS = (10, 20, 50, 100, 200)
WIDTHS = (6, 14, 28, 60)
OVERLAPS = (1, 3, 10, 30, 100)
CHUNKS, QUICK_CHUNKS = 400, 60
TICKS, QUICK_TICKS = 5000, 1000
WARM = 5
LEAST_DISTURBED = 25  # percentile: what grows with size, not with what else the machine does
HORIZON, WIDTH, OVERLAP = 50, 14, 10  # where another one grows


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `scale_*`: of a chunk's way through the executor, and of the ensemble tick alone."""
    chunks = QUICK_CHUNKS if options.quick else CHUNKS
    ticks = QUICK_TICKS if options.quick else TICKS

    def executor(horizon: int, width: int, overlap: int) -> float:
        return percentile(_taking_in(horizon, width, overlap, chunks), LEAST_DISTURBED)

    def alone(horizon: int, width: int, overlap: int) -> float:
        tick = ensemble.ticks(Columns(width), horizon, options.seed, max(1, horizon // overlap))
        return percentile(samples(tick, ticks), LEAST_DISTURBED)

    plans: Sequence[tuple[str, str, Sequence[int], Callable[[int], tuple[int, int, int]]]] = (
        ('horizon', 'rows of a chunk', HORIZONS, lambda n: (n, WIDTH, OVERLAP)),
        ('width', 'joints', WIDTHS, lambda n: (HORIZON, n, OVERLAP)),
        ('chunks', 'overlapping chunks', OVERLAPS, lambda n: (100, WIDTH, n)),
    )
    rows = []
    with screen.part('scaling', sum(len(p[2]) for p in plans)) as part:
        for name, over, sizes, at in plans:
            whole, tick = [], []
            for size in sizes:
                whole.append(executor(*at(size)))
                tick.append(alone(*at(size)))
                part.advance()
            for suffix, costs, what in (
                ('', whole, 'a chunk let in, averaged with those in force and taken up'),
                ('_ensemble', tick, 'ensemble tick, plain numbers'),
            ):
                curve = Curve(over, tuple(map(float, sizes)), tuple(costs), 'us')
                rows.append(Row.scaling(f'scale_{name}{suffix}', curve, more={'cost': what}))
    return rows


def _taking_in(horizon: int, width: int, overlap: int, count: int) -> list[float]:
    """Return what it took, us, to let each chunk in and execute the tick that takes it up.

    As many chunks overlap as are asked for: a new one comes when that share of the last is over.
    """
    settings = ExecutorSettings(strategy='temporal_ensemble', max_lead_s=60.0)
    fed = Fed.chain(width, horizon, settings, step_s=0.01)  # a step is a control tick
    clock, took = time.perf_counter_ns, []
    with undisturbed():
        for _ in range(overlap + WARM + count):
            chunk = fed.chunk()
            begin = clock()
            fed.executor.accept(chunk, fed.now_ns)
            fed.tick()
            took.append((clock() - begin) / 1e3)
            for _ in range(max(1, horizon // overlap) - 1):
                fed.tick()
            fed.executor.status(fed.now_ns)
    return took[-count:]
