"""What the gate costs: 14 joints, every check, clean motion; and that it keeps nothing."""

import tracemalloc
from collections.abc import Callable

import numpy as np

from vla_control.core.gate import Gate
from vla_control.core.kinematics import Kinematics
from vla_control.core.motion import Motion
from vla_core.contract import RobotContract
from vla_eval.bench import BenchOptions, Row, percentile
from vla_eval.bench._control import robot
from vla_eval.bench._control.timing import samples, spread
from vla_eval.bench._screen import Screen

JOINTS = 14
TICKS, QUICK_TICKS = 40_000, 10_000
COUNTED, QUICK_COUNTED = 100_000, 20_000  # ticks over which memory is counted
GROWTH_B = 1024.0


class Clean:
    """Motion of a chain through the gate, tick by tick.

    Attributes:
        held_back: Ticks in which something was clipped or refused.
    """

    def __init__(self, contract: RobotContract):
        joints = len(contract.output.joints)
        kinematics = Kinematics(contract, np.arange(0))
        self._gate = Gate(contract, forward=kinematics.tool_point)
        self._period = round(6.0 * 1e9 / contract.rates.control_ns)
        ticks = np.arange(self._period) * contract.rates.control_ns / 1e9
        self._requests = list(robot.positions(joints, ticks))
        self._motion = Motion.at_rest(self._requests[0])
        self._tick = 0
        self.held_back = 0

    def __call__(self) -> None:
        """One tick."""
        self._tick += 1
        request, motion = self._requests[self._tick % self._period], self._motion
        verdict = self._gate.check(request, motion, motion.positions, 5_000_000, False)
        if verdict.clipped_by or verdict.motion is None:
            self.held_back += 1
        self._motion = verdict.motion or self._gate.brake(motion)


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `gate_tick` and `gate_growth`."""
    tick = Clean(robot.chain(JOINTS))
    count = QUICK_TICKS if options.quick else TICKS
    with screen.part('gate', 2) as part:
        took = samples(tick, count, warm=1000)
        more = {**spread(took), 'joints': JOINTS, 'held_back': tick.held_back}
        part.advance()
        counted = QUICK_COUNTED if options.quick else COUNTED
        grown = growth(tick, counted)
        part.advance()
    return [
        Row.judged('gate_tick', percentile(took, 50), 'us', below=40.0, what='p50', more=more),
        Row.judged('gate_growth', grown, 'B', most=GROWTH_B, more={'ticks': counted}),
    ]


def growth(call: Callable[[], object], count: int) -> float:
    """Return by how many bytes what is allocated has grown over `count` calls."""
    tracemalloc.start()
    try:
        for _ in range(1000):
            call()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(count):
            call()
        return float(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
