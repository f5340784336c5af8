"""What a bag's controller was told: the joints that it asks for over time.

For bags of other systems, which hold no `vla/command`. A `JointTrajectory` is followed as
ros2_control's joint_trajectory_controller does: a point counts at the start plus its
`time_from_start`; the start is the header's stamp, or the arrival where that is 0; between points
it goes linearly, or by the cubic or quintic that their velocities and accelerations give; up to
the first point it goes from the joints as they were measured on arrival. A new trajectory takes
the place of the one before, one without points ends it. A `Float64MultiArray` or `JointState`
counts when it comes. What is held after the last point was not commanded any more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from vla_control.core.spline import pieces
from vla_core.contract import RobotContract
from vla_eval.core.bags.sensors import SECOND, JointReading, stamp_ns
from vla_eval.core.errors import BagError

KINDS = {
    'JointTrajectory': 'trajectory_msgs/msg/JointTrajectory',
    'Float64MultiArray': 'std_msgs/msg/Float64MultiArray',
    'JointState': 'sensor_msgs/msg/JointState',
}
Row = tuple[int, np.ndarray]  # time in ns, joints (J,) rad or m


@dataclass(frozen=True, eq=False)
class _Knot:
    """What is asked for at a time; derivatives (J,) only where they were told."""

    time_ns: int
    positions: np.ndarray
    velocities: np.ndarray | None = None
    accelerations: np.ndarray | None = None


class Setpoints:
    """Follows one controller's topic.

    Args:
        path: The bag.
        topic: Of the commands.
        contract: Its `output` says of which type they are, and in which order joints stand.
    """

    def __init__(self, path: Path, topic: str, contract: RobotContract):
        self._where = f'{path}: {topic}'
        self._contract = contract
        self._joints = contract.output.joints
        self._tick_ns = contract.rates.control_ns
        self._knots: list[_Knot] = []
        self._samples: Iterator[Row] = iter(())
        self._next: Row | None = None
        self._told_ns = 0

    def take(self, message: Any, now_ns: int, joints: JointReading | None) -> list[Row]:
        """Take a command in; return what was asked for since the last call, `now_ns` included.

        Args:
            message: Of the contract's `output.interface`.
            now_ns: When it came, on the clock of its stamps.
            joints: As they were measured last, None before any.

        Raises:
            BagError: it moves other joints, or is malformed.
        """
        interface = self._contract.output.interface
        if interface == 'JointTrajectory':
            points = self._points(message, now_ns)
            if points and points[-1].time_ns < now_ns:
                return list(self.until(now_ns))  # refused by the controller: it is over
            rows = self._leave(now_ns)
            self._follow(points, now_ns, joints)
            return rows
        rows = list(self.until(now_ns))
        if interface == 'Float64MultiArray':
            row = now_ns, self._row(message.data, self._joints)
        else:
            at_ns = stamp_ns(message.header.stamp) or now_ns
            row = at_ns, self._row(message.position, tuple(message.name))
        return [*rows, row]

    def until(self, now_ns: int) -> Iterator[Row]:
        """Yield what was asked for since the last call, up to a time."""
        while self._next is not None and self._next[0] <= now_ns:
            self._told_ns = self._next[0]
            yield self._next
            self._next = next(self._samples, None)

    def _leave(self, now_ns: int) -> list[Row]:
        """End the trajectory in force; return what it asked for up to that moment."""
        rows = list(self.until(now_ns))
        for a, b in pairwise(self._knots):
            if a.time_ns < now_ns < b.time_ns and now_ns > self._told_ns:
                rows.append((now_ns, _between(a, b, now_ns)))
        return rows

    def _follow(self, points: list[_Knot], now_ns: int, joints: JointReading | None) -> None:
        begin = self._measured(joints, now_ns) if points and points[0].time_ns > now_ns else None
        self._knots = points if begin is None else [begin, *points]
        self._samples = _samples(self._knots, now_ns, self._tick_ns, told=begin is None)
        self._next = next(self._samples, None)

    def _measured(self, joints: JointReading | None, now_ns: int) -> _Knot | None:
        if joints is None or not set(self._joints) <= set(joints.names):
            return None
        order = [joints.names.index(name) for name in self._joints]
        speeds = None if joints.velocities is None else joints.velocities[order]
        found = _Knot(now_ns, joints.positions[order], speeds)
        return found if np.isfinite(found.positions).all() else None

    def _points(self, message: Any, now_ns: int) -> list[_Knot]:
        names = tuple(message.joint_names)
        start_ns = stamp_ns(message.header.stamp) or now_ns
        found: list[_Knot] = []
        for point in message.points:
            time_ns = start_ns + stamp_ns(point.time_from_start)
            if found and time_ns <= found[-1].time_ns:
                raise BagError(f'{self._where}: time_from_start: rising from point to point '
                               'expected')  # fmt: skip
            derivatives = (
                self._row(values, names) if len(values) else None
                for values in (point.velocities, point.accelerations)
            )
            found.append(_Knot(time_ns, self._row(point.positions, names), *derivatives))
        return found

    def _row(self, values: Iterable[float], names: tuple[str, ...]) -> np.ndarray:
        """Return numbers (J,) in the contract's output order."""
        if sorted(names) != sorted(self._joints):
            raise BagError(
                f'{self._where} commands {", ".join(names)}; robot {self._contract.robot} has '
                f'{", ".join(self._joints)}'
            )
        row = np.array(values, np.float64)
        if row.shape != (len(names),) or not np.isfinite(row).all():
            raise BagError(f'{self._where}: {len(names)} finite numbers expected, one a joint')
        return row[[names.index(name) for name in self._joints]]


def _samples(knots: list[_Knot], now_ns: int, tick_ns: int, told: bool) -> Iterator[Row]:
    """Yield what a trajectory asks for from a time on: at its points, and each tick between.

    Args:
        knots: The trajectory.
        now_ns: The time.
        tick_ns: Longest time between two rows.
        told: Whether the first knot was commanded; else it was measured.
    """
    if told and knots and knots[0].time_ns >= now_ns:
        yield knots[0].time_ns, knots[0].positions
    for a, b in pairwise(knots):
        if b.time_ns < now_ns:
            continue
        for time_ns in range(max(a.time_ns, now_ns) + tick_ns, b.time_ns, tick_ns):
            yield time_ns, _between(a, b, time_ns)
        yield b.time_ns, b.positions


def _between(a: _Knot, b: _Knot, time_ns: int) -> np.ndarray:
    """Return the joints (J,) between two knots."""
    h = (b.time_ns - a.time_ns) / SECOND
    u = (time_ns - a.time_ns) / (b.time_ns - a.time_ns)
    if a.velocities is None or b.velocities is None:
        return a.positions + u * (b.positions - a.positions)
    if a.accelerations is None or b.accelerations is None:
        u2, u3 = u * u, u * u * u
        ends = (1 - 3 * u2 + 2 * u3) * a.positions + (3 * u2 - 2 * u3) * b.positions
        slopes = (u - 2 * u2 + u3) * a.velocities + (u3 - u2) * b.velocities
        return np.asarray(ends + h * slopes)
    quintic = pieces(
        a.positions, a.velocities, a.accelerations, b.positions, b.velocities, b.accelerations, h
    )
    return np.asarray(u ** np.arange(6) @ quintic)
