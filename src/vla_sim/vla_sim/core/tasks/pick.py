"""Pick: lift an object off the table and keep hold of it."""

from vla_sim.core.tasks._task import distance
from vla_sim.core.values import Goal, WorldState

HIGH_ENOUGH = 0.10
AT_TOOL = 0.03


class Pick:
    """Object's centre more than 10 cm high and at the tool, for three checks."""

    limit = 90
    checks = 3

    def possible(self, world: WorldState, goal: Goal) -> bool:
        """Any layout will do."""
        return goal.target in world.objects

    def reached(self, world: WorldState, start: WorldState, goal: Goal) -> bool:
        """See the class."""
        thing = world.objects[goal.target].position
        return thing[2] > HIGH_ENOUGH and distance(thing, world.tool) < AT_TOOL
