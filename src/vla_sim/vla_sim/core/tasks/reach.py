"""Reach: bring the tool to a place just above an object, and leave the object alone."""

from vla_sim.core.tasks._task import distance, distance_xy
from vla_sim.core.values import Goal, WorldState

WITHIN = 0.02
LOWEST, HIGHEST = 0.05, 0.11
UNMOVED = 0.01


class Reach:
    """Tool within 2 cm in xy of the object, 5-11 cm high, object unmoved, for three checks."""

    limit = 60
    checks = 3

    def possible(self, world: WorldState, goal: Goal) -> bool:
        """Any layout will do."""
        return goal.target in world.objects

    def reached(self, world: WorldState, start: WorldState, goal: Goal) -> bool:
        """See the class."""
        thing = world.objects[goal.target].position
        return (
            distance_xy(world.tool, thing) < WITHIN
            and LOWEST <= world.tool[2] <= HIGHEST
            and distance(thing, start.objects[goal.target].position) < UNMOVED
        )
