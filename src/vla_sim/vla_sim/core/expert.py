"""The scripted expert: a memoryless function of state, task and target.

Because it remembers nothing it can start from any state, and what it would do from a state at
hand is a label for any instruction. All positions are m in base_link, z = 0 on the table.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from vla_sim.core.scene import OBJECT_HALF, PLATE_HEIGHT
from vla_sim.core.tasks.push import DIRECTIONS
from vla_sim.core.values import Goal, Point, WorldState

STEP_S = 0.1
SPEED = 0.25
STEP = SPEED * STEP_S  # farthest that the tool moves in one step, m

TRAVEL_Z = 0.09  # above everything that stands on the table
CARRY_Z = 0.11  # the same with an object in the grip
LIFT_Z = 0.15
HOVER_Z = 0.08
GRASP_ABOVE = 0.002  # of the tool over the object's centre: the pads stay clear of the plate
FUNNEL_INNER, FUNNEL_OUTER = 0.006, 0.035  # horizontal distance at which the way down ends, begins
FINGERS_OPEN = 0.034
FINGERS_SHUT = 0.006
HELD = (0.016, 0.030)  # opening at which fingers that stand still hold something
STILL = 0.012  # m/s

# Letting go needs no exact height: an object may sit some mm high or low in the grip.
RELEASE_Z = 0.038
RELEASE_ASIDE = 0.022
PLACE_Z = 0.030
ON_PLATE = 0.045

PUSH_Z = 0.025
PUSH_STEP = 0.02
PUSH_CLEARANCE = 0.012
LANE = 0.015
CORNER = 0.0245  # half extent of a block turned by 15 degrees
OVER_Z = 0.065  # the fingers, shut, clear an object that stands on the table by 1.5 cm
THICKNESS = {'left': 0.016, 'right': 0.016, 'away': 0.010}  # of the closed fingers, half
PUSH_X_HIGHEST, PUSH_Y_HIGHEST = 0.68, 0.28
REACH = 0.69  # horizontal, from the base, with the tool straight down on the table


# Where a held object may be put down that is not to be used: a grid, so that there is a nearest.
ASIDE_X = tuple(0.32 + 0.04 * k for k in range(8))
ASIDE_Y = tuple(-0.22 + 0.04 * k for k in range(12))
SPOTS = tuple((x, y, 0.0) for x in ASIDE_X for y in ASIDE_Y)


class Situation(NamedTuple):
    """What the expert looks at; see `WorldState` for units."""

    tool: Point
    finger: float
    finger_velocity: float
    objects: Mapping[str, Point]
    plate: Point

    @classmethod
    def of(cls, world: WorldState) -> 'Situation':
        """Take from the simulator's state."""
        objects = {name: thing.position for name, thing in world.objects.items()}
        return cls(world.tool, world.finger, world.finger_velocity, objects, world.plate)


class Move(NamedTuple):
    """The next step: where the tool should be 0.1 s from now, and the gripper: 0 shut, 1 open."""

    tool: Point
    gripper: int


def act(now: Situation, goal: Goal) -> Move:
    """Return the next step towards a goal."""
    grips_target = goal.task in ('pick', 'place')  # to push or point at a thing, let go of it
    other = held(now, but=goal.target if grips_target else '')
    if other is not None:
        return _put_aside(now, other)
    return {'reach': _reach, 'push': _push, 'pick': _pick, 'place': _place}[goal.task](now, goal)


def held(now: Situation, but: str = '') -> str | None:
    """Return the object in the grip, other than `but`."""
    for name, thing in now.objects.items():
        if name != but and _in_grip(now, thing):
            return name
    return None


def _in_grip(now: Situation, thing: Point) -> bool:
    tool = now.tool
    return (
        HELD[0] < now.finger < HELD[1]
        and abs(now.finger_velocity) < STILL
        and abs(thing[0] - tool[0]) < 0.018
        and abs(thing[1] - tool[1]) < 0.012
        and abs(thing[2] - tool[2]) < 0.018
    )


def _reach(now: Situation, goal: Goal) -> Move:
    return Move(_approach(now.tool, now.objects[goal.target], HOVER_Z, TRAVEL_Z), 1)


def _pick(now: Situation, goal: Goal) -> Move:
    thing = now.objects[goal.target]
    if _in_grip(now, thing):
        return Move(_toward(now.tool, (now.tool[0], now.tool[1], LIFT_Z)), 0)
    return _grasp(now, thing)


def _place(now: Situation, goal: Goal) -> Move:
    thing, tool, plate = now.objects[goal.target], now.tool, now.plate
    lies = thing[2] < PLATE_HEIGHT + OBJECT_HALF + 0.010 and _aside(thing, plate) < ON_PLATE
    if _in_grip(now, thing):
        if tool[2] < RELEASE_Z and _aside(tool, plate) < RELEASE_ASIDE:
            return Move(tool, 1)
        return Move(_approach(tool, plate, PLACE_Z, CARRY_Z), 0)
    if lies:
        if now.finger < FINGERS_OPEN and _aside(tool, thing) < 0.05 and tool[2] < TRAVEL_Z:
            return Move(tool, 1)
        return Move(_toward(tool, (tool[0], tool[1], LIFT_Z)), 1)
    return _grasp(now, thing)


def _push(now: Situation, goal: Goal) -> Move:
    thing, tool = now.objects[goal.target], now.tool
    ux, uy = DIRECTIONS[goal.direction]
    if (
        thing[0] * ux > PUSH_X_HIGHEST
        or thing[1] * uy > PUSH_Y_HIGHEST
        or math.hypot(tool[0], tool[1]) > REACH
    ):
        return Move(_toward(tool, (tool[0], tool[1], LIFT_Z)), 0)
    contact = CORNER + THICKNESS[goal.direction]
    dx, dy = tool[0] - thing[0], tool[1] - thing[1]
    along, aside = dx * ux + dy * uy, dx * uy - dy * ux
    shut = now.finger < FINGERS_SHUT
    behind = along < -(contact - 0.010)
    if shut and behind and abs(aside) < LANE and tool[2] < PUSH_Z + 0.012:
        back = max(-0.006, min(0.006, -aside))
        low = max(-0.010, min(0.010, PUSH_Z - tool[2]))
        x, y = tool[0] + PUSH_STEP * ux + back * uy, tool[1] + PUSH_STEP * uy - back * ux
        return Move((x, y, tool[2] + low), 0)
    away = contact + PUSH_CLEARANCE
    spot = (thing[0] - away * ux, thing[1] - away * uy, 0.0)
    step = _approach(tool, spot, PUSH_Z if shut else TRAVEL_Z, TRAVEL_Z)
    if along > -contact and math.hypot(dx, dy) < contact:
        # Fingers that come down on the object press on it and can no longer slide off.
        if tool[2] < OVER_Z - 0.008:
            step = _toward(tool, (tool[0], tool[1], TRAVEL_Z))
        step = _toward(tool, (step[0], step[1], max(step[2], OVER_Z)))
    return Move(step, 0)


def _grasp(now: Situation, thing: Point) -> Move:
    """Come down over an object with open fingers, and close once it is between them."""
    tool, bottom = now.tool, thing[2] + GRASP_ABOVE
    aside, above = _aside(tool, thing), tool[2] - bottom
    closing = now.finger < FINGERS_OPEN
    near = 0.012 if closing else 0.008  # once begun, closing goes on unless the object has left
    if aside < near and -0.012 < above < 0.010 and (not closing or now.finger > HELD[0]):
        return Move(_toward(tool, (thing[0], thing[1], bottom)), 0)
    ready = now.finger >= FINGERS_OPEN
    return Move(_approach(tool, thing, bottom if ready else TRAVEL_Z, TRAVEL_Z), 1)


def _put_aside(now: Situation, name: str) -> Move:
    """Set a held object down where nothing else stands, and let go."""
    tool = now.tool
    if now.objects[name][2] < OBJECT_HALF + 0.010:
        return Move(tool, 1)
    taken = [(p, 0.09) for other, p in now.objects.items() if other != name]
    taken.append((now.plate, 0.12))
    here = (tool[0], tool[1], 0.0)
    if tool[2] < 0.05 or (_on_table(here) and _free(here, taken, 0.0)):
        return Move(_toward(tool, (tool[0], tool[1], OBJECT_HALF + GRASP_ABOVE)), 0)
    if tool[2] < CARRY_Z - 0.01:
        return Move(_toward(tool, (tool[0], tool[1], CARRY_Z)), 0)
    by_distance = sorted(SPOTS, key=lambda spot: _aside(tool, spot))
    spot = next(s for s in by_distance if _free(s, taken, 0.01))
    return Move(_toward(tool, (spot[0], spot[1], CARRY_Z)), 0)


def _on_table(spot: Point) -> bool:
    """Whether an object put down here can be reached again for any task."""
    return ASIDE_X[0] <= spot[0] <= ASIDE_X[-1] and ASIDE_Y[0] <= spot[1] <= ASIDE_Y[-1]


def _free(spot: Point, taken: list[tuple[Point, float]], margin: float) -> bool:
    """Whether a spot keeps its distance from everything that stands on the table."""
    return all(_aside(spot, thing) >= gap + margin for thing, gap in taken)


def _aside(a: Point, b: Point) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def _toward(tool: Point, target: Point, step: float = STEP) -> Point:
    """At most one step from `tool` in a straight line."""
    distance = math.dist(tool, target)
    if distance <= step:
        return target
    share = step / distance
    return (
        tool[0] + share * (target[0] - tool[0]),
        tool[1] + share * (target[1] - tool[1]),
        tool[2] + share * (target[2] - tool[2]),
    )


def _approach(tool: Point, spot: Point, bottom: float, travel: float) -> Point:
    """One step on the way to a height `bottom` over `spot`: climb, travel high, funnel down."""
    aside = _aside(tool, spot)
    floor = _funnel(aside, bottom, travel)
    if tool[2] < floor - 0.008:
        return _toward(tool, (tool[0], tool[1], floor))
    onward = max(0.0, aside - STEP)
    share = (aside - onward) / aside if aside > 1e-9 else 0.0
    x, y = tool[0] + share * (spot[0] - tool[0]), tool[1] + share * (spot[1] - tool[1])
    return _toward(tool, (x, y, _funnel(onward, bottom, travel)))


def _funnel(aside: float, bottom: float, travel: float) -> float:
    """Lowest height allowed at a horizontal distance from the spot."""
    share = (aside - FUNNEL_INNER) / (FUNNEL_OUTER - FUNNEL_INNER)
    return bottom + (travel - bottom) * min(1.0, max(0.0, share))
