"""Place: put an object on the plate and let go of it."""

from vla_sim.core.scene import OBJECT_HALF, PLATE_HEIGHT
from vla_sim.core.tasks._task import distance_xy
from vla_sim.core.values import Goal, WorldState

ON_PLATE = 0.05
RESTING_SPEED = 0.02
HEIGHT = OBJECT_HALF + PLATE_HEIGHT
HEIGHT_ERROR = 0.006
OPEN = 0.03


class Place:
    """Object within 5 cm of the plate's centre, resting on it, fingers open, for three checks."""

    limit = 130
    checks = 3

    def possible(self, world: WorldState, goal: Goal) -> bool:
        """Any layout will do."""
        return goal.target in world.objects

    def reached(self, world: WorldState, start: WorldState, goal: Goal) -> bool:
        """See the class."""
        thing = world.objects[goal.target]
        return (
            distance_xy(thing.position, world.plate) < ON_PLATE
            and abs(thing.position[2] - world.plate[2] - HEIGHT) < HEIGHT_ERROR
            and thing.speed < RESTING_SPEED
            and world.finger > OPEN
        )
