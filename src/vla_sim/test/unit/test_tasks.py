"""Success is earned: not by doing nothing, not with another object, and by the expert always."""

import numpy as np
import pytest

from vla_sim.core import language, layout, seeds
from vla_sim.core.tasks import TASKS
from vla_sim.core.values import Goal

EXPERT_SEEDS = 3


@pytest.mark.parametrize('task', TASKS)
@pytest.mark.parametrize('index', range(EXPERT_SEEDS))
def test_the_expert_succeeds(simulator, drive, task, index):
    episode = simulator.reset(task, seeds.episode_seed(21, task, index))
    outcome = drive(simulator, episode.goal)
    assert outcome.success, episode
    assert outcome.steps < 0.7 * episode.limit


@pytest.mark.parametrize('task', TASKS)
def test_another_object_does_not_count(simulator, drive, task):
    for index in range(2):
        episode = simulator.reset(task, seeds.episode_seed(22, task, index))
        words = language.wrong_words(episode, np.random.default_rng(index))
        assert not drive(simulator, language.parse(words)).success, (episode, words)


@pytest.mark.parametrize('task', TASKS)
def test_doing_nothing_does_not_count(simulator, contract, task):
    for index in range(5):
        episode = simulator.reset(task, seeds.episode_seed(23, task, index))
        start = simulator.snapshot()
        assert not TASKS[task].reached(start, start, episode.goal)
        simulator.command(contract.state.names, simulator.joint_state()[0])
        simulator.advance(simulator.now_ns + episode.limit_ns)
        assert simulator.outcome().reason == 'time_limit'


@pytest.mark.parametrize('direction', ['left', 'right', 'away'])
def test_directions_are_the_robots_own(simulator, drive, direction):
    axis, sign = {'left': (1, 1), 'right': (1, -1), 'away': (0, 1)}[direction]
    episode = simulator.reset('push', 9, instruction=f'push the green cube {direction}')
    before = simulator.snapshot().objects['green block'].position
    assert drive(simulator, episode.goal).success
    after = simulator.snapshot().objects['green block'].position
    assert sign * (after[axis] - before[axis]) >= 0.06


def test_an_object_that_is_pushed_askew_or_short_does_not_count(simulator):
    simulator.reset('push', 9, instruction='push the green cube left')
    start = simulator.snapshot()
    goal = Goal('push', 'green block', 'left')

    def moved(dx, dy):
        x, y, z = start.objects['green block'].position
        pose = type(start.objects['green block'])((x + dx, y + dy, z))
        objects = {**start.objects, 'green block': pose}
        return type(start)(0, start.tool, 0.0, 0.0, objects, start.plate)

    assert TASKS['push'].reached(moved(0.0, 0.07), start, goal)
    assert not TASKS['push'].reached(moved(0.0, 0.05), start, goal)
    assert not TASKS['push'].reached(moved(0.04, 0.07), start, goal)
    assert not TASKS['push'].reached(moved(0.0, -0.07), start, goal)


def test_layouts_keep_their_distances():
    goals = language.goals()
    for seed in range(120):
        goal = goals[seed % len(goals)]
        start = layout.draw(seeds.stream(seed, 'layout'), goal)
        places = [np.array(pose.position[:2]) for pose in start.objects.values()]
        for i, a in enumerate(places):
            assert all(np.linalg.norm(a - b) >= layout.APART for b in places[:i])
            assert np.linalg.norm(a - np.array(start.plate[:2])) >= layout.FROM_PLATE
            assert np.linalg.norm(a - np.array(start.tool[:2])) >= layout.TOOL_ASIDE
        assert TASKS[goal.task].possible(start.world(0, 0.04), goal)
