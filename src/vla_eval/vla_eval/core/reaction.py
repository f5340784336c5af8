"""How soon the commanded motion turns to a target that has moved."""

import math

import numpy as np

from vla_core.timing import MS
from vla_eval.core.motion import TURN_S, MotionRecord, turned
from vla_eval.core.watched import WatchedRobot
from vla_sim.core import layout, seeds
from vla_sim.core.late_decision import LateDecisionSimulator
from vla_sim.core.simulator import Simulator

AWAY = 0.12  # how far the target of a tabletop task moves, m
ASIDE = 0.10  # how far the goal behind the post moves, m
HALF = 0.5  # share of the way left when the target moves
BEHIND = 0.03  # past the post's axis, where the goal moves, m
LASTS = 5  # ticks for which the motion must point to the new target
X_RANGE = tuple(x - layout.BASE_POSITION[0] for x in layout.X_RANGE)
ANGLES = (90.0, -90.0, 60.0, -60.0, 120.0, -120.0)  # from the direction of the target, degrees


class Reaction:
    """Moves the target once and waits for the command to turn.

    The target of a tabletop task moves at the tick at which the tool has come half way to it, by
    12 cm, sideways as seen from the tool where there is room; the goal behind the post moves by
    10 cm to a side once the tool is past the post. The reaction time ends with the first of five
    ticks in a row in which the commanded tool velocity (horizontal, over 50 ms) points to where
    the target is now (see `motion.turned`). It includes the time that is left of the chunk that is
    being followed, the wait for the next observation, and the latency.

    Attributes:
        moved: Whether the target has moved.
        ms: Reaction time, None while there is none.

    Args:
        robot: At any time before the episode begins.
        seed: Of the episode; says to which side.
    """

    def __init__(self, robot: WatchedRobot, seed: int):
        self._robot = robot
        self._rng = seeds.stream(seed, 'moved target')
        self.moved = False
        self.ms: float | None = None
        self._first: float | None = None  # distance at the beginning
        self._before = self._now = np.zeros(3)
        self._moved_ns = 0
        self._streak = 0
        self._cannot = False

    def see(self, record: MotionRecord) -> None:
        """Look at the episode at a tick, when its command is known."""
        if self.ms is not None or self._cannot:
            return
        tool = self._robot.simulator.T_base_tool_true().t
        if not self.moved:
            self._move_when_due(tool)
            return
        velocity = record.velocity(TURN_S)
        self._streak = self._streak + 1 if turned(velocity, tool, self._before, self._now) else 0
        if self._streak == LASTS:
            ticks_ns = (LASTS - 1) * self._robot.contract.rates.control_ns
            self.ms = (self._robot.now_ns - ticks_ns - self._moved_ns) / MS

    def _move_when_due(self, tool: np.ndarray) -> None:
        simulator = self._robot.simulator
        if isinstance(simulator, LateDecisionSimulator):
            course = simulator.course
            if tool[1] < course.post[1] + BEHIND:
                return
            side = 1.0 if self._rng.random() < 0.5 else -1.0
            goal = (course.goal[0] + side * ASIDE, course.goal[1])
            self._note(course.goal, goal)
            simulator.move_goal(goal)
            return
        target = simulator.episode.target
        at = np.array(simulator.snapshot().objects[target].position[:2])
        left = float(np.hypot(*(at - tool[:2])))
        self._first = left if self._first is None else self._first
        if left > HALF * self._first:
            return
        place = self._free_place(simulator, target, at, tool[:2])
        if place is None:
            self._cannot = True
            return
        self._note((at[0], at[1]), place)
        simulator.move_object(target, place)

    def _note(self, before: tuple[float, float], now: tuple[float, float]) -> None:
        self._before, self._now = np.array([*before, 0.0]), np.array([*now, 0.0])
        self.moved, self._moved_ns = True, self._robot.now_ns

    def _free_place(
        self, simulator: Simulator, target: str, at: np.ndarray, tool: np.ndarray
    ) -> tuple[float, float] | None:
        """Return a place on the table for the target, apart from all else."""
        world = simulator.snapshot()
        others = [np.array(o.position[:2]) for name, o in world.objects.items() if name != target]
        plate = np.array(world.plate[:2])
        towards = math.atan2(at[1] - tool[1], at[0] - tool[0])
        sign = 1.0 if self._rng.random() < 0.5 else -1.0
        for degrees in ANGLES:
            angle = towards + sign * math.radians(degrees)
            x, y = at + AWAY * np.array([math.cos(angle), math.sin(angle)])
            inside = X_RANGE[0] <= x <= X_RANGE[1] and abs(y) <= layout.Y_RANGE[1]
            apart = all(math.dist((x, y), other) >= layout.APART for other in others)
            if inside and apart and math.dist((x, y), plate) >= layout.FROM_PLATE:
                return float(x), float(y)
        return None
