"""How an episode moved: smoothness, hand-overs and the reaction to a target that moved."""

import math
from dataclasses import dataclass

import numpy as np

from vla_core.command import Command
from vla_core.contract import RobotContract
from vla_core.timing import SECOND
from vla_sim.core.kinematics import ArmKinematics

SIDE_S = 0.1  # on either side of a hand-over, over which velocities are taken
TURN_S = 0.05  # over which the direction of motion is taken
TURNED = math.radians(30.0)
SLOWEST = 0.02  # m/s: below it there is no direction


@dataclass(frozen=True)
class MotionFigures:
    """Figures of one episode; None where there was nothing to measure.

    Attributes:
        jerk: Root mean square of the commanded tool point's jerk, while it follows chunks, m/s^3.
        boundary_jump: Mean over hand-overs of how far the commanded tool velocity, taken over the
            0.1 s before and the 0.1 s after, differs, m/s.
        hand_overs: Ticks at which a newer chunk took over from an older one.
    """

    jerk: float | None
    boundary_jump: float | None
    hand_overs: int


class MotionRecord:
    """The commanded tool point of every tick of an episode, and where its command came from."""

    def __init__(self, contract: RobotContract):
        self._tick_s = contract.rates.control_ns / SECOND
        self._arm = ArmKinematics(contract.model, contract.state.names)
        self._order = [contract.output.joints.index(name) for name in contract.state.names]
        self.clear()

    def clear(self) -> None:
        """Begin another episode."""
        self._points: list[np.ndarray] = []
        self._newest: list[int] = []  # sequence of the newest chunk followed; 0 where none is

    def add(self, command: Command) -> None:
        """Take the command of a tick."""
        self._points.append(self._arm.T_base_tool(command.positions[self._order]).t)
        self._newest.append(max(command.sources, default=0))

    @property
    def ticks(self) -> int:
        """Commands so far."""
        return len(self._points)

    def velocity(self, over_s: float) -> np.ndarray | None:
        """Return (3,) m/s, the commanded velocity over the time just passed; None before that."""
        ticks = round(over_s / self._tick_s)
        if len(self._points) <= ticks:
            return None
        return (self._points[-1] - self._points[-1 - ticks]) / over_s

    def figures(self) -> MotionFigures:
        """Return the episode's figures."""
        x, newest = np.array(self._points).reshape(-1, 3), np.array(self._newest, int)
        follows = newest > 0
        jerk = None
        if len(x) > 3:
            third = np.diff(x, 3, axis=0) / self._tick_s**3
            whole = follows[3:] & follows[:-3]
            if whole.any():
                jerk = float(np.sqrt(np.square(third[whole]).sum(axis=1).mean()))
        side = round(SIDE_S / self._tick_s)
        latest = np.maximum.accumulate(newest) if len(newest) else newest
        taken = np.flatnonzero((latest[1:] > latest[:-1]) & (latest[:-1] > 0)) + 1
        jumps = [
            np.linalg.norm(x[k + side - 1] - 2 * x[k - 1] + x[k - 1 - side]) / SIDE_S
            for k in taken
            if k - 1 - side >= 0 and k + side - 1 < len(x)
        ]
        return MotionFigures(jerk, float(np.mean(jumps)) if jumps else None, len(taken))


def turned(
    velocity: np.ndarray | None, tool: np.ndarray, before: np.ndarray, now: np.ndarray
) -> bool:
    """Whether motion points to where the target is now.

    It does where it is within 30 degrees of it, and half as far off it as off the old place.

    Args:
        velocity: (3,) commanded, m/s; None where there is none.
        tool: (3,) tool point, m.
        before: (3,) the target before it moved, m.
        now: (3,) the target since, m.
    """
    if velocity is None or float(np.hypot(velocity[0], velocity[1])) < SLOWEST:
        return False
    off = _angle(velocity, now - tool)
    return off < TURNED and off < 0.5 * _angle(velocity, before - tool)


def _angle(a: np.ndarray, b: np.ndarray) -> float:
    """Angle between the horizontal parts, rad."""
    difference = math.atan2(a[1], a[0]) - math.atan2(b[1], b[0])
    return abs((difference + math.pi) % (2 * math.pi) - math.pi)
