"""Where the objects, the plate and the tool are when an episode begins."""

import math
from dataclasses import dataclass

import numpy as np

from vla_sim.core.errors import LayoutError
from vla_sim.core.scene import BASE_POSITION, OBJECT_HALF, OBJECTS
from vla_sim.core.tasks import TASKS
from vla_sim.core.values import Goal, ObjectPose, Point, WorldState

# On the table, in the world frame, m.
X_RANGE, Y_RANGE = (0.06, 0.36), (-0.22, 0.22)
YAW = math.radians(15.0)
APART = 0.088
FROM_PLATE = 0.105
TOOL_X, TOOL_Y, TOOL_Z = (0.02, 0.34), (-0.22, 0.22), (0.10, 0.24)
TOOL_ASIDE = 0.06  # of every object's centre: nothing is reached before anything moves
TRIES = 20_000


@dataclass(frozen=True)
class Layout:
    """A start: the tool, and objects and plate in base_link."""

    tool: Point
    objects: dict[str, ObjectPose]
    plate: Point

    def world(self, time_ns: int, finger: float) -> WorldState:
        """Return it as the state of a robot that stands still."""
        return WorldState(time_ns, self.tool, finger, 0.0, self.objects, self.plate)


def draw(rng: np.random.Generator, goal: Goal) -> Layout:
    """Draw layouts until the task is possible.

    Raises:
        LayoutError: none was found.
    """
    for _ in range(TRIES):
        spots = _spots(rng)
        if spots is None:
            continue
        objects = {}
        for name, (x, y) in zip(OBJECTS, spots[:-1], strict=True):
            yaw = rng.uniform(-YAW, YAW)
            quaternion = (math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
            objects[name] = ObjectPose(_base(x, y, OBJECT_HALF), quaternion)
        layout = Layout(_tool(rng, spots[:-1]), objects, _base(*spots[-1], 0.0))
        if TASKS[goal.task].possible(layout.world(0, 0.04), goal):
            return layout
    raise LayoutError(f'{goal.task} {goal.target}: no layout in {TRIES} draws')


def _base(x: float, y: float, z: float) -> Point:
    """World to base_link."""
    return (float(x - BASE_POSITION[0]), float(y - BASE_POSITION[1]), float(z - BASE_POSITION[2]))


def _spots(rng: np.random.Generator) -> list[tuple[float, float]] | None:
    """Draw places for the objects and, last, the plate; None where they do not fit."""
    spots: list[tuple[float, float]] = []
    for k in range(len(OBJECTS) + 1):
        x, y = rng.uniform(*X_RANGE), rng.uniform(*Y_RANGE)
        gap = FROM_PLATE if k == len(OBJECTS) else APART
        if any(math.hypot(x - a, y - b) < gap for a, b in spots):
            return None
        spots.append((x, y))
    return spots


def _tool(rng: np.random.Generator, spots: list[tuple[float, float]]) -> Point:
    while True:
        x, y, z = rng.uniform(*TOOL_X), rng.uniform(*TOOL_Y), rng.uniform(*TOOL_Z)
        if all(math.hypot(x - a, y - b) >= TOOL_ASIDE for a, b in spots):
            return _base(x, y, z)
