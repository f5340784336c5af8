"""Late decision: go round a post to a goal behind it, two ways equally good, chosen late.

A benchmark of execution strategies, not a task for a person to ask for. Before the decision
nothing says which way will be taken, so two plans of the same policy may go opposite ways; what
follows the first half of one and the second half of the other runs into the post. All of it takes
place in a horizontal plane, well above what lies on the table; the post has no body and is judged.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from vla_core.contract import RobotContract
from vla_core.timing import SECOND
from vla_sim.core import seeds
from vla_sim.core.errors import TaskError
from vla_sim.core.simulator import Simulator
from vla_sim.core.values import CHECK_NS, Episode, Goal, Outcome

NAME = 'late_decision'
WORDS = 'go round the post'
LIMIT = 160  # steps of 0.1 s: enough for a robot that stands still to think
HEIGHT = 0.22  # of the tool, m

RADIUS = 0.045  # of the post: nearer than this, the tool point has touched it, m
CLEARANCE = 0.08  # distance from the post's axis at which the expert passes, m
DECIDE = 0.1  # distance from the post's axis at which the expert chooses its way, m
ARRIVED = 0.02  # from the goal, m
SPEED = 0.2  # of the expert, m/s
ACCELERATION = 0.8  # of the expert as it sets off, m/s^2
NEAR = 0.4  # s: it arrives no faster than the distance left over this
SUBSTEPS = 4  # of the expert's motion in a step of 0.1 s, so that it goes along the circle
INWARD = 12.0  # rad/m by which it turns away from the post where it is nearer than the clearance

LEFT, RIGHT = 1.0, -1.0  # ways round, seen in the direction of travel (towards y > 0)


@dataclass(frozen=True)
class Course:
    """Where things are, (x, y) in base_link, m; the way leads towards y > 0.

    Attributes:
        start: Tool point at the beginning.
        post: Axis of the post.
        goal: Where the tool has to get.
    """

    start: tuple[float, float]
    post: tuple[float, float]
    goal: tuple[float, float]


def draw(seed: int) -> Course:
    """Return the course of a seed: the post stands on the straight way from start to goal."""
    return courses(seeds.stream(seed, NAME), 1)[0]


def courses(rng: np.random.Generator, count: int) -> list[Course]:
    """Draw courses."""
    post = np.array([0.46, 0.08]) + rng.uniform(-0.02, 0.02, (count, 2))
    start = post + np.stack(
        [rng.uniform(-0.012, 0.012, count), rng.uniform(-0.39, -0.35, count)], axis=1
    )
    goal = post + np.stack(
        [rng.uniform(-0.03, 0.03, count), rng.uniform(0.15, 0.19, count)], axis=1
    )
    rows = zip(start.tolist(), post.tolist(), goal.tolist(), strict=True)
    return [Course((a[0], a[1]), (b[0], b[1]), (c[0], c[1])) for a, b, c in rows]


# The expert


def undecided(tool: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Return (N,) whether the way round is still to be chosen, at tool points (N, 2)."""
    rel = tool - post
    return (np.hypot(rel[:, 0], rel[:, 1]) > DECIDE) & (rel[:, 1] < 0.0)


def roll_out(
    tool: np.ndarray,
    post: np.ndarray,
    goal: np.ndarray,
    side: np.ndarray,
    speed: np.ndarray,
    rows: int,
) -> np.ndarray:
    """Return (N, rows, 2): where the expert is 1, 2, ... steps of 0.1 s later.

    It heads straight for the goal until it is close to the post, passes it on the side that is
    named, and then heads for the goal again. Its answer depends on where it is, how fast it is,
    and the side.

    Args:
        tool: (N, 2) m in base_link.
        post: (N, 2).
        goal: (N, 2).
        side: (N,) `LEFT` or `RIGHT`; of no effect before the decision and behind the post.
        speed: (N,) m/s, at the beginning.
        rows: Steps.
    """
    found = np.empty((len(tool), rows, 2))
    at, dt_s = np.array(tool, float), 0.1 / SUBSTEPS
    for k in range(rows):
        for _ in range(SUBSTEPS):
            left = np.hypot(*(goal - at).T)
            speed = np.minimum(np.minimum(speed + ACCELERATION * dt_s, SPEED), left / NEAR)
            at = at + speed[:, None] * _heading(at, post, goal, side) * dt_s
        found[:, k] = at
    return found


def _heading(at: np.ndarray, post: np.ndarray, goal: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return the direction of motion, (N, 2) unit vectors."""
    to_goal, to_post = goal - at, post - at
    left = np.hypot(to_goal[:, 0], to_goal[:, 1])
    apart = np.hypot(to_post[:, 0], to_post[:, 1])
    straight = np.arctan2(to_goal[:, 1], to_goal[:, 0])
    towards = np.arctan2(to_post[:, 1], to_post[:, 0])
    tangent = np.arcsin(np.minimum(1.0, CLEARANCE / np.maximum(apart, CLEARANCE)))
    turn = tangent + INWARD * np.maximum(0.0, CLEARANCE - apart)
    aside = (straight - towards + math.pi) % (2 * math.pi) - math.pi
    # blocked: the post is ahead, and the straight way is nearer to it than the tangent is
    blocked = (np.abs(aside) < tangent) & (to_post[:, 1] > -CLEARANCE) & (apart < left)
    # turned to the side already: the goal is seen past the post
    round_it = blocked & ~undecided(at, post)
    heading = np.where(round_it, towards + side * np.minimum(turn, math.pi), straight)
    return np.stack([np.cos(heading), np.sin(heading)], axis=1)


# The judge


class LateDecisionSimulator(Simulator):
    """The tabletop robot with a post and a goal in the air; success by the true tool point.

    Attributes:
        course: Where things are; `move_goal` changes it.
        touched: Whether the tool point has been inside the post.
    """

    def __init__(self, contract: RobotContract, start_ns: int = SECOND):
        super().__init__(contract, start_ns)
        self.course = draw(0)
        self.touched = False
        self._verdict = Outcome()
        self._moving_since_ns: int | None = None

    def reset(
        self, task: str, seed: int, instruction: str | None = None, phrasing: str = 'known'
    ) -> Episode:
        """Begin an episode; see `Simulator.reset`. Words have no part in it.

        Raises:
            TaskError: another task than `late_decision`.
        """
        if task != NAME:
            raise TaskError(f'task {task!r}: {NAME} expected')
        super().reset('reach', seed)  # what lies on the table is only in the way of nothing
        self.course = draw(seed)
        self.place_tool((*self.course.start, HEIGHT))
        self.touched = False
        self._verdict = Outcome()
        self._moving_since_ns = None
        return Episode(Goal(NAME, 'goal'), WORDS, seed, LIMIT, 'given')

    def move_goal(self, goal: tuple[float, float]) -> None:
        """Put the goal elsewhere, (x, y) in base_link, m."""
        self.course = replace(self.course, goal=goal)

    def advance(self, to_ns: int) -> None:
        """Let the physics run, and judge where the tool has got to."""
        super().advance(to_ns)
        if self._moving_since_ns is None:
            if super().outcome().reason == 'waiting':
                return
            self._moving_since_ns = self.now_ns
        if self._verdict.done:
            return
        steps = (self.now_ns - self._moving_since_ns) // CHECK_NS
        x, y, _ = self.T_base_tool_true().t.tolist()
        post, goal = self.course.post, self.course.goal
        if math.hypot(x - post[0], y - post[1]) < RADIUS:
            self.touched = True
            self._verdict = Outcome(False, True, 'touched', steps)
        elif math.hypot(x - goal[0], y - goal[1]) < ARRIVED:
            self._verdict = Outcome(True, True, 'success', steps)
        elif steps >= LIMIT:
            self._verdict = Outcome(False, True, 'time_limit', steps)
        else:
            self._verdict = Outcome(False, False, 'running', steps)

    def outcome(self) -> Outcome:
        """How the episode stands; `touched` where the tool met the post."""
        return self._verdict
