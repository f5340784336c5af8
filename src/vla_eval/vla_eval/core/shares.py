"""How much of its limits a robot used, from what was commanded and measured alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vla_core.contract import RobotContract
from vla_core.timing import SECOND

ROUNDING = 1e-6  # of a share: what is 1 but for it counts as 1
MEASURED_OVER_S = 0.05  # joint states are stamped in steps of 2 ms: a single one says little


@dataclass(frozen=True, eq=False)
class Sample:
    """Joints at a time.

    Attributes:
        stamp_ns: ROS time.
        positions: (J,) rad or m, in the contract's output order.
        run: Samples of one run follow each other: commands of one epoch, counted one by one.
        count: Their number in the run.
    """

    stamp_ns: int
    positions: np.ndarray
    run: int = 0
    count: int = 0


def unbroken(samples: Iterable[Sample], longest_gap_ns: int) -> list[list[Sample]]:
    """Return samples that belong together.

    A robot may be taken over anew where its epoch changed, where the count has a gap, where time
    went back, and where nothing was said for longer than `longest_gap_ns`.
    """
    runs: list[list[Sample]] = []
    for sample in samples:
        last = runs[-1][-1] if runs else None
        if (
            last is not None
            and sample.run == last.run
            and sample.count == last.count + 1
            and 0 < sample.stamp_ns - last.stamp_ns <= longest_gap_ns
        ):
            runs[-1].append(sample)
        else:
            runs.append([sample])
    return runs


def commanded(
    samples: Iterable[Sample], contract: RobotContract, longest_gap_ns: int
) -> dict[str, float]:
    """Return the largest share of each limit that commands asked for; 1 is all of it.

    One command is one control tick, however late it was sent: the controller has one tick's time
    for it.
    """
    limits = [contract.limits.joints[name] for name in contract.output.joints]
    tick_s = contract.rates.control_ns / SECOND
    largest = {
        'velocity': np.array([j.velocity for j in limits]),
        'acceleration': np.array([j.acceleration for j in limits]),
        'jerk': np.array([j.jerk for j in limits]),
    }
    low, high = np.array([j.lower for j in limits]), np.array([j.upper for j in limits])
    worst = dict.fromkeys(('position', *largest), 0.0)
    for run in unbroken(samples, longest_gap_ns):
        q = np.array([sample.positions for sample in run])
        from_middle = np.abs(q - (low + high) / 2) / ((high - low) / 2)
        worst['position'] = max(worst['position'], float(from_middle.max()))
        for order, (name, limit) in enumerate(largest.items(), 1):
            if len(q) > order:
                rates = np.abs(np.diff(q, order, axis=0)) / tick_s**order
                worst[name] = max(worst[name], float((rates / limit).max()))
    return worst


def measured(samples: Sequence[Sample], contract: RobotContract) -> dict[str, float]:
    """Return the largest share of its velocity limit that each joint was measured to use.

    Velocities are taken over 0.05 s; of two samples that lie further apart, back in time, or in
    two runs, nothing is known.
    """
    names = contract.output.joints
    limit = np.array([contract.limits.joints[name].velocity for name in names])
    over_ns, worst, first = MEASURED_OVER_S * SECOND, np.zeros(len(names)), 0
    for k, (a, b) in enumerate(pairwise(samples), 1):
        if not 0 < b.stamp_ns - a.stamp_ns < over_ns or a.run != b.run:
            first = k
        passed_ns = b.stamp_ns - samples[first].stamp_ns
        if passed_ns >= over_ns:
            way = np.abs(b.positions - samples[first].positions)
            worst = np.maximum(worst, way / (passed_ns / SECOND) / limit)
            first += 1
    return dict(zip(names, worst.tolist(), strict=True))
