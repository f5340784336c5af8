"""Words in, task done; what was sent meanwhile is judged independently of the gate."""

from itertools import pairwise

import numpy as np
import pytest
from vla_msgs.msg import Command
from vla_stage import Scene, Stage, ns, positions

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 71
ROUNDING = 1e-9
LONGEST_GAP_NS = 50_000_000
ATTEMPTS = 5


def sent_for(stage: Stage, epoch: int) -> list[Command]:
    """Return the commands of an epoch, as many as reached the probe."""
    commands = [c for c in stage.commands if c.epoch == epoch]
    assert len(commands) > 50
    return commands


def in_time(stage: Stage, scene: Scene) -> bool:
    """Whether the machine kept time: no gap in joint states and ticks that anybody must mind.

    What the executor sent is counted by itself; a gap is seen here too where the probe lost some.
    """
    joints = [j for j in stage.joints if ns(j) >= scene.start_ns]
    gaps = [ns(b) - ns(a) for s in (joints, sent_for(stage, scene.epoch)) for a, b in pairwise(s)]
    return max(gaps) < LONGEST_GAP_NS


@pytest.mark.parametrize('task', ['reach', 'pick'])
def test_words_become_a_task_done_within_every_limit(stage, contract, task):
    names, limits = contract.output.joints, contract.limits.joints
    scene = stage.begin(task, SEED)
    stage.succeeds(scene)
    stage.say('')
    commands = sent_for(stage, scene.epoch)
    sent = np.array([c.positions for c in commands])
    assert all(tuple(c.names) == names for c in commands)
    assert (sent >= [limits[n].lower for n in names]).all()
    assert (sent <= [limits[n].upper for n in names]).all()

    tick_s = contract.rates.control_ns / 1e9
    reach = np.array([limits[n].velocity for n in names]) * tick_s
    ticks = np.diff([c.sequence for c in commands])  # 1, but where the probe lost some
    assert (ticks >= 1).all()
    assert (np.abs(np.diff(sent, axis=0)) <= reach * ticks[:, None] + ROUNDING).all()
    next_to = (ticks[1:] == 1) & (ticks[:-1] == 1)
    bends = np.abs(np.diff(sent, 2, axis=0)[next_to])
    largest = np.array([limits[n].acceleration for n in names]) * tick_s**2
    assert (bends <= largest + ROUNDING).all()
    assert min(ns(b) - ns(a) for a, b in pairwise(commands)) > 0

    standing = [j for j in stage.joints if ns(j) <= ns(commands[0])][-1]
    first_step = np.abs(sent[0] - positions(standing, names))
    assert (first_step <= reach + 0.002).all(), first_step  # 2 mrad or mm: servos under gravity


def test_a_clean_motion_leaves_the_gate_nothing_to_do(stage):
    for seed in range(SEED, SEED + ATTEMPTS):
        scene = stage.begin('pick', seed)
        before = stage.status
        stage.succeeds(scene)
        if in_time(stage, scene):
            break
    else:
        pytest.fail(f'the machine kept time in none of {ATTEMPTS} episodes: is it busy?')
    after = stage.status
    assert after.epoch == before.epoch
    assert after.gate_ticks > before.gate_ticks
    for count in ('gate_clipped', 'gate_refused', 'gate_holds', 'gate_stops', 'chunks_refused'):
        assert getattr(after, count) == getattr(before, count), (count, after.last_refusal)


def test_each_command_says_where_it_comes_from(stage):
    scene = stage.begin('reach', SEED + 1)
    stage.succeeds(scene)
    planned = {c.sequence: c for c in stage.chunks if c.epoch == scene.epoch}
    followed = [c for c in sent_for(stage, scene.epoch) if c.sources]
    assert followed
    for command in followed:
        assert command.strategy == 'receding_horizon'
        assert set(command.sources) <= planned.keys()
        assert sum(command.weights) == pytest.approx(1.0)
    assert {c.instruction for c in planned.values()} == {scene.instruction}
