"""Late decision: the expert gets round on both sides, the judge sees every touch."""

import math
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_sim.core import late_decision
from vla_sim.core.errors import TaskError
from vla_sim.core.late_decision import (
    ARRIVED,
    HEIGHT,
    LEFT,
    NAME,
    RADIUS,
    RIGHT,
    LateDecisionSimulator,
)

CONTRACT = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'


@pytest.fixture(scope='module')
def simulator() -> LateDecisionSimulator:
    return LateDecisionSimulator(load(CONTRACT))


def ways(side: float, count: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the expert's ways (N, 60, 2), posts and goals."""
    courses = late_decision.courses(np.random.default_rng(4), count)
    start, post, goal = (
        np.array([getattr(c, name) for c in courses]) for name in ('start', 'post', 'goal')
    )
    rows = late_decision.roll_out(start, post, goal, np.full(count, side), np.zeros(count), 60)
    return rows, post, goal


@pytest.mark.parametrize('side', [LEFT, RIGHT])
def test_the_expert_gets_there_on_the_side_it_chose(side):
    rows, post, goal = ways(side)
    assert (np.linalg.norm(rows[:, -1] - goal, axis=1) < ARRIVED).all()
    fine = np.concatenate([rows[:, :-1] + f * np.diff(rows, axis=1) for f in (0, 0.5)], axis=1)
    assert np.linalg.norm(fine - post[:, None], axis=2).min() > RADIUS + 0.02
    abeam = np.abs(rows[:, :, 1] - post[:, None, 1]).argmin(axis=1)
    passed = np.sign(rows[np.arange(len(rows)), abeam, 0] - post[:, 0])
    assert (passed == -side).all()  # towards y > 0, left is x < 0


def test_nothing_tells_the_side_before_the_decision():
    left, post, _ = ways(LEFT)
    right, _, _ = ways(RIGHT)
    apart = np.linalg.norm(left - right, axis=2)
    before = np.array([late_decision.undecided(left[:, k], post) for k in range(left.shape[1])]).T
    assert before[:, :10].all()
    assert (apart[before] == 0.0).all()
    assert (apart.max(axis=1) > 2 * RADIUS).all()


def test_a_seed_gives_one_course():
    assert late_decision.draw(7) == late_decision.draw(7)
    assert late_decision.draw(7) != late_decision.draw(8)


def lead(simulator: LateDecisionSimulator, way: list[tuple[float, float]]) -> None:
    """Put the tool at points one after another and let the judge look."""
    for x, y in way:
        simulator.place_tool((x, y, HEIGHT))
        positions, _ = simulator.joint_state()
        simulator.command(simulator.contract.state.names, positions.tolist())
        simulator.advance(simulator.now_ns + 10_000_000)


def test_success_at_the_goal(simulator):
    simulator.reset(NAME, 5)
    assert simulator.outcome().reason == 'waiting'
    lead(simulator, [simulator.course.start])
    assert simulator.outcome().reason == 'running'
    lead(simulator, [simulator.course.goal])
    assert simulator.outcome().success


def test_a_touch_fails_whatever_comes_after(simulator):
    simulator.reset(NAME, 5)
    x, y = simulator.course.post
    lead(simulator, [simulator.course.start, (x + RADIUS - 0.005, y), simulator.course.goal])
    outcome = simulator.outcome()
    assert (outcome.success, outcome.done, outcome.reason) == (False, True, 'touched')


def test_a_moved_goal_is_the_one_that_counts(simulator):
    simulator.reset(NAME, 5)
    old = simulator.course.goal
    lead(simulator, [simulator.course.start])
    simulator.move_goal((old[0] + 0.1, old[1]))
    lead(simulator, [old])
    assert not simulator.outcome().done
    lead(simulator, [simulator.course.goal])
    assert simulator.outcome().success
    assert math.dist(old, simulator.course.goal) == pytest.approx(0.1)


def test_other_tasks_are_refused(simulator):
    with pytest.raises(TaskError, match='late_decision'):
        simulator.reset('reach', 5)
