"""Push: slide an object to the left, to the right, or away from the robot."""

import math

from vla_sim.core.values import Goal, Point, WorldState

# Unit vectors in base_link: the robot's own left and right.
DIRECTIONS = {'left': (0.0, 1.0), 'right': (0.0, -1.0), 'away': (1.0, 0.0)}
FAR_ENOUGH = 0.06
SIDEWAYS = 0.035
ON_TABLE = 0.01

LANE = 0.16  # free way ahead of the object, and behind it for the tool
LANE_OBJECTS = 0.062  # free to both sides of its middle, from other objects' centres
LANE_PLATE = 0.095
# The furthest an object may be pushed, and the tool can still follow it.
X_HIGHEST, Y_HIGHEST, REACH = 0.66, 0.24, 0.69
ROOM = 0.09


class Push:
    """Object >= 6 cm the named way, < 3.5 cm sideways, still on the table."""

    limit = 80
    checks = 1

    def possible(self, world: WorldState, goal: Goal) -> bool:
        """The lane is free, and none behind the target would push it along when pushed itself."""
        ux, uy = DIRECTIONS[goal.direction]
        target = world.objects[goal.target].position
        end = (target[0] + ROOM * ux, target[1] + ROOM * uy)
        if end[0] > X_HIGHEST or abs(end[1]) > Y_HIGHEST or math.hypot(*end) > REACH:
            return False
        along, aside = _along(target, world.plate, goal.direction)
        if abs(along) < LANE and abs(aside) < LANE_PLATE:
            return False
        for name, other in world.objects.items():
            along, aside = _along(target, other.position, goal.direction)
            if name != goal.target and along < LANE and abs(aside) < LANE_OBJECTS:
                return False
        return True

    def reached(self, world: WorldState, start: WorldState, goal: Goal) -> bool:
        """See the class."""
        now, before = world.objects[goal.target].position, start.objects[goal.target].position
        along, aside = _along(before, now, goal.direction)
        return along >= FAR_ENOUGH and abs(aside) < SIDEWAYS and abs(now[2] - before[2]) < ON_TABLE


def _along(origin: Point, point: Point, direction: str) -> tuple[float, float]:
    """Return how far `point` lies along a direction from `origin`, and how far aside."""
    ux, uy = DIRECTIONS[direction]
    dx, dy = point[0] - origin[0], point[1] - origin[1]
    return dx * ux + dy * uy, dx * uy - dy * ux
