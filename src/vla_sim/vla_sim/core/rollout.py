"""The expert rolled forward without physics: a chunk of way-points from any state."""

import numpy as np

from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.timing import Timing
from vla_sim.core import expert
from vla_sim.core.errors import TaskError
from vla_sim.core.expert import Situation
from vla_sim.core.kinematics import R_BASE_TOOL_DOWN
from vla_sim.core.tasks.push import DIRECTIONS
from vla_sim.core.values import Goal, Point, WorldState

HORIZON = 16
FINGER_STEP = 0.009  # m a step of 0.1 s
FINGER_OPEN = 0.04
GRIP = 0.0215  # finger opening on an object, m; a little more than half its width
COLUMNS = (*(f'tool.{c}' for c in ('x', 'y', 'z', 'r11', 'r21', 'r31', 'r12', 'r22', 'r32')),
           'gripper')  # fmt: skip


def rows(now: Situation, goal: Goal, horizon: int = HORIZON) -> np.ndarray:
    """Roll the expert forward.

    Returns:
        (horizon, 4): tool x, y, z in m in base_link, and gripper 0 shut .. 1 open; row k is for
        k + 1 steps of 0.1 s from `now`.
    """
    out = np.empty((horizon, 4))
    for k in range(horizon):
        move = expert.act(now, goal)
        out[k, :3] = move.tool
        out[k, 3] = move.gripper
        now = _after(now, move, goal)
    return out


def rollout(
    world: WorldState, goal: Goal, contract: RobotContract, horizon: int = HORIZON
) -> ActionChunk:
    """Return the expert's chunk from a state.

    Args:
        world: The state; its time counts as the observation's stamp.
        goal: What to do.
        contract: Its action must be a tool pose (6D) in base_link and a gripper.
        horizon: Number of rows.
    """
    if contract.action.columns != COLUMNS:
        raise TaskError(
            f'contract {contract.robot}: action columns {", ".join(COLUMNS)} expected by the '
            f'scripted expert, got {", ".join(contract.action.columns)}'
        )
    actions = np.empty((horizon, len(COLUMNS)))
    plan = rows(Situation.of(world), goal, horizon)
    actions[:, :3] = plan[:, :3]
    actions[:, 3:9] = rotations.to_6d(R_BASE_TOOL_DOWN)
    actions[:, 9] = plan[:, 3]
    return ActionChunk(
        t0_ns=world.time_ns + contract.rates.step_ns,
        step_ns=contract.rates.step_ns,
        observation_stamp_ns=world.time_ns,
        sequence=0,
        epoch=0,
        contract_digest=contract.digest,
        columns=COLUMNS,
        actions=actions,
        timing=Timing(captured_ns=world.time_ns),
    )


def _after(now: Situation, move: expert.Move, goal: Goal) -> Situation:
    """Where one step leads if the robot follows exactly and held or pushed things come along."""
    tool = move.tool
    objects = dict(now.objects)
    name = expert.held(now)
    between = name or _between(now)
    if move.gripper:
        finger = min(FINGER_OPEN, now.finger + FINGER_STEP)
    else:
        stop = min(GRIP, now.finger) if between else 0.0
        finger = max(stop, now.finger - FINGER_STEP)
    if name is not None and not move.gripper:
        thing = objects[name]
        objects[name] = (
            thing[0] + tool[0] - now.tool[0],
            thing[1] + tool[1] - now.tool[1],
            thing[2] + tool[2] - now.tool[2],
        )
    elif goal.task == 'push' and tool[2] < 0.045:
        objects[goal.target] = _pushed(objects[goal.target], now.tool, tool, goal.direction)
    velocity = (finger - now.finger) / expert.STEP_S
    return Situation(tool, finger, velocity, objects, now.plate)


def _between(now: Situation) -> str | None:
    """Return the object between the open fingers."""
    tool = now.tool
    for name, thing in now.objects.items():
        if (
            abs(thing[0] - tool[0]) < 0.018
            and abs(thing[1] - tool[1]) < 0.018
            and abs(thing[2] - tool[2]) < 0.022
        ):
            return name
    return None


def _pushed(thing: Point, before: Point, after: Point, direction: str) -> Point:
    """Where an object is once the closed fingers have moved along a direction behind it."""
    ux, uy = DIRECTIONS[direction]
    contact = expert.CORNER + expert.THICKNESS[direction]
    aside = (after[0] - thing[0]) * uy - (after[1] - thing[1]) * ux
    along = (after[0] - thing[0]) * ux + (after[1] - thing[1]) * uy
    came_from = (before[0] - thing[0]) * ux + (before[1] - thing[1]) * uy
    overlap = along + contact
    if abs(aside) > 0.03 or came_from > 0.0 or overlap <= 0.0:
        return thing
    return (thing[0] + overlap * ux, thing[1] + overlap * uy, thing[2])
