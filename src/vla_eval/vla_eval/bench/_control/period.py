"""How well the control tick keeps its period while a policy runs, beside a bare sleeping loop."""

import ctypes
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vla_control.core.settings import ExecutorSettings
from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions, Row, percentile
from vla_eval.bench._control.feeding import Fed
from vla_eval.bench._screen import Screen

RATES_HZ = (100, 250, 500)
SECONDS, QUICK_SECONDS = {100: 600, 250: 120, 500: 120}, {100: 16, 250: 12, 500: 10}
TABLETOP_HZ = 100  # its contract's rate: tool poses, inverse kinematics at every tick
CHAIN_JOINTS, HORIZON = 7, 16  # at other rates: an arm told joints, whose contract has that rate
SLICE_S = 2.0  # ours and the bare loop take turns, so that both meet the same load
PEER = 'bare clock_nanosleep loop'
POLICY = Path(__file__).with_name('policy_process.py')
CLOCK_MONOTONIC, TIMER_ABSTIME = 1, 1


class PolicyEndedError(VlaError):
    """The policy that is to run beside the ticks does not."""


class _Timespec(ctypes.Structure):
    _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]  # noqa: RUF012


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `period_100`, `period_250`, `period_500` and `missed_100`."""
    rows = []
    with screen.part('policy beside it') as part, _policy(options.root) as inference_ms:
        part.advance(note=f'{inference_ms} ms an inference, 10 Hz')
        for hz in RATES_HZ:
            seconds = (QUICK_SECONDS if options.quick else SECONDS)[hz]
            rows += _rate(hz, seconds, options, screen, inference_ms)
    return rows


def _rate(
    hz: int, seconds: int, options: BenchOptions, screen: Screen, inference_ms: float
) -> list[Row]:
    period_ns = round(1e9 / hz)
    if hz == TABLETOP_HZ:
        fed = Fed.tabletop(options.root, ExecutorSettings())
    else:
        fed = Fed.chain(CHAIN_JOINTS, HORIZON, ExecutorSettings(), control_hz=float(hz))
    ours: list[float] = []
    bare: list[float] = []
    missed, turns = 0, round(seconds / SLICE_S)
    gc.collect()
    gc.freeze()
    with screen.part(f'period {hz} Hz', turns) as part:
        for _ in range(turns):
            errors, skipped = ticker_errors(fed, period_ns, SLICE_S)
            ours += errors
            missed += skipped
            bare += bare_errors(period_ns, SLICE_S)
            part.advance()
    gc.unfreeze()
    name = f'period_{hz}'
    more = {
        'p50': round(percentile(ours, 50), 3),
        'peer_p50': round(percentile(bare, 50), 3),
        'missed': missed,
        'samples': len(ours),
        'seconds': seconds,
        'policy_ms': inference_ms,
        'policy_hz': 10,
    }
    rows = [
        Row.judged(
            name,
            percentile(ours, 99),
            'us',
            times=0.5,  # p99 at most twice the bare loop's
            what='p99',
            peer=percentile(bare, 99),
            peer_name=PEER,
            more=more,
        )
    ]
    if hz == 100:
        key = 'missed_100'
        rows.append(
            Row.not_run(key, 'ticks', more={'in_quick': missed})
            if options.quick
            else Row.judged(key, float(missed), 'ticks', most=0.0, more={'seconds': seconds})
        )
    return rows


def ticker_errors(fed: Fed, period_ns: int, seconds: float) -> tuple[list[float], int]:
    """Return |period error|, us, of the suite's ticker doing control ticks, and missed ticks."""
    from rclpy.clock import Clock  # ROS only here

    from vla_ros.ticker import Ticker

    times: list[int] = []
    trouble: list[BaseException] = []

    def tick(_: int) -> None:
        times.append(time.monotonic_ns())
        if fed.due:
            fed.executor.accept(fed.chunk(), fed.now_ns)
        fed.tick()

    ticker = Ticker(Clock(), period_ns, tick, trouble.append)
    ticker.start()
    time.sleep(seconds)
    ticker.stop()
    fed.executor.status(fed.now_ns)
    if trouble:
        raise trouble[0]
    return _errors(times, period_ns), ticker.missed


def bare_errors(period_ns: int, seconds: float) -> list[float]:
    """Return |period error|, us, of a thread that only sleeps to an absolute grid."""
    times: list[int] = []
    sleep = ctypes.CDLL(None).clock_nanosleep
    end = time.monotonic_ns() + int(seconds * 1e9)

    def loop() -> None:
        due, until = time.monotonic_ns(), _Timespec()
        while due < end:
            due += period_ns
            until.seconds, until.nanoseconds = divmod(due, 1_000_000_000)
            sleep(CLOCK_MONOTONIC, TIMER_ABSTIME, ctypes.byref(until), None)
            times.append(time.monotonic_ns())

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join()
    return _errors(times, period_ns)


def _errors(times: list[int], period_ns: int) -> list[float]:
    return [abs(b - a - period_ns) / 1e3 for a, b in zip(times, times[1:], strict=False)]


@contextmanager
def _policy(root: Path) -> Iterator[float]:
    """Run a policy process meanwhile; yields its inference time, ms."""
    process = subprocess.Popen(
        [sys.executable, str(POLICY), str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )
    assert process.stdout is not None
    try:
        begun = process.stdout.readline()
        if not begun:
            _, said = process.communicate()
            last = (said.strip().splitlines() or ['it said nothing'])[-1]
            raise PolicyEndedError(f'the policy beside the ticks has ended: {last}')
        yield float(begun)
        if process.poll() is not None:
            raise PolicyEndedError(
                'the policy beside the ticks has ended while they were measured'
            )
    finally:
        process.kill()
        process.communicate()
