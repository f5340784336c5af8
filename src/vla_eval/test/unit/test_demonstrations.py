"""Demonstrations: what is labelled is clean, what is executed is disturbed, all from the seed."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from vla_core.chunk import ActionChunk
from vla_core.contract import load
from vla_eval.core.demonstrations import Collection, Collector, build
from vla_eval.core.disturbance import ANYWHERE, CLEAR_Z, Disturbance, Disturbed, start_anywhere
from vla_eval.core.lesson import Course, Lesson
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.dataset import Dataset
from vla_sim.core import language
from vla_sim.core.simulator import Simulator

CONTRACT = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'


@pytest.fixture(scope='module')
def robot():
    contract = load(CONTRACT)
    simulator = Simulator(contract)
    yield VirtualRobot(contract, simulator)
    simulator.close()


def chunk(contract) -> ActionChunk:
    actions = np.tile([0.5, 0.0, 0.1, 1, 0, 0, 0, 1, 0, 1.0], (16, 1))
    step = contract.rates.step_ns
    return ActionChunk(step, step, 1, 0, 0, contract.digest, contract.action.columns, actions)


def test_offsets_come_in_bursts_and_keep_off_the_table(robot):
    low = chunk(robot.contract)
    rows = low.actions.copy()
    rows[:, 2] = 0.013
    low = low.with_changes(actions=rows)
    settings = Disturbed(episodes=1.0)
    disturbance = Disturbance(robot.contract, settings, np.random.default_rng(0))
    applied = [disturbance.apply(low).actions for _ in range(4000)]
    moved = np.array([not np.array_equal(a[:, :3], low.actions[:, :3]) for a in applied])
    runs = ''.join('x' if m else ' ' for m in moved).split()
    assert min(map(len, runs)) >= settings.steps[0]
    assert 0.15 < moved.mean() < 0.4  # bursts of 3.5 steps that begin once in ten still ones
    assert min(a[:, 2].min() for a in applied) >= 0.012
    offsets = np.array([a[0, :2] - low.actions[0, :2] for a in applied])[moved]
    assert offsets.std(axis=0) == pytest.approx([0.010, 0.010], rel=0.15)
    assert 0.01 < np.mean([a[0, 9] == 0.0 for a in applied]) < 0.1


def test_undisturbed_episodes_pass_chunks_on_unchanged(robot):
    disturbance = Disturbance(robot.contract, Disturbed(episodes=0.0), np.random.default_rng(0))
    plain = chunk(robot.contract)
    assert all(disturbance.apply(plain) is plain for _ in range(50))


def test_starts_are_inside_the_box_and_clear_of_objects(robot):
    simulator = robot.simulator
    rng = np.random.default_rng(1)
    for seed in range(15):
        simulator.reset('pick', seed)
        start_anywhere(simulator, Disturbed(random_start=1.0), 0.04, rng)
        world = simulator.snapshot()
        for value, (low, high) in zip(world.tool, ANYWHERE, strict=True):
            assert low - 1e-3 <= value <= high + 1e-3
        if world.tool[2] < CLEAR_Z:
            spots = np.array([thing.position[:2] for thing in world.objects.values()])
            assert np.linalg.norm(spots - world.tool[:2], axis=1).min() > 0.05


def test_a_lesson_ends_and_changes_words_only_to_trained_ones(robot):
    episode = robot.simulator.reset('reach', 5)
    world = robot.simulator.snapshot()
    changes = 0
    for seed in range(40):
        lesson = Lesson(episode, world, Course(), np.random.default_rng(seed))
        steps = 0
        while not lesson.over:
            changed = lesson.step(world)
            changes += changed
            if changed:
                assert lesson.words in language.phrases(lesson.goal, 'known')
                assert language.parse(lesson.words) == lesson.goal
            steps += 1
            assert steps < 400
    assert changes > 5


def test_the_same_index_gives_the_same_frames_again(tmp_path):
    episodes = []
    for name in ('a', 'b'):
        settings = Collection(CONTRACT, tmp_path / name, sentences=3)
        collect = build(settings)
        if name == 'b':
            collect(1)  # another episode before it changes nothing
        assert collect(0) > 0
        episodes.append(Dataset.open(settings.folder, load(CONTRACT)).episode(0))
    first, again = episodes
    assert (first.texts, first.notes) == (again.texts, again.notes)
    for name, array in first.arrays.items():
        assert np.array_equal(array, again.arrays[name]), name


def test_labels_are_clean_and_differ_by_sentence(tmp_path, robot):
    settings = Collection(CONTRACT, tmp_path, sentences=4, disturbed=Disturbed(episodes=1.0))
    collector = Collector(settings, robot)
    for index in range(4):
        collector.collect(index)
    dataset = Dataset.open(tmp_path, robot.contract)
    tasks = Counter(episode.notes['task'] for episode in dataset)
    assert tasks == {'reach': 1, 'push': 1, 'pick': 1, 'place': 1}
    for episode in dataset:
        rows = episode.arrays['chunks']
        first = np.linalg.norm(
            rows[:, :, 0, :3] - episode.arrays['tool_position'][:, None], axis=2
        )
        assert first.max() < 0.045  # a clean step, whatever offset was executed
        sentences = [set(row.tolist()) for row in episode.arrays['sentence']]
        assert all(len(row) == 4 for row in sentences)
        spread = np.abs(rows - rows[:, :1]).max(axis=(2, 3))
        assert (spread[:, 1:] > 0).mean() > 0.9
