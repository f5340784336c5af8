"""A person interferes in motion: stop and clear, other words."""

from itertools import pairwise

import numpy as np
import pytest
from vla_msgs.msg import ActionChunk
from vla_stage import RESTS, brake_s, ns, speed

from vla_ros import convert
from vla_sim.core import language

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 5


def test_a_stop_brakes_within_limits_and_stays_until_it_is_cleared(stage, contract):
    scene = stage.begin_and_move('place', SEED)
    assert stage.trigger('vla/stop').success
    stage.until(lambda: stage.status.mode == 'stopped' and stage.at_rest(), 'a stop')
    assert stage.status.stop_reason == 'requested'
    stopped = [c for c in stage.commands if c.epoch == scene.epoch and c.stop_reason]
    resting = next(c for c in stopped if speed(c) < RESTS)
    assert (ns(resting) - ns(stopped[0])) / 1e9 <= brake_s(contract) + 0.05

    names, tick_s = contract.output.joints, contract.rates.control_ns / 1e9
    hardest = np.array([contract.limits.joints[n].acceleration for n in names]) * tick_s
    moving = stage.commands[stage.commands.index(stopped[0]) - 1]
    braking = [moving, *stopped[: stopped.index(resting) + 1]]
    for a, b in pairwise(braking):
        assert (np.abs(np.array(b.velocities) - a.velocities) <= hardest + 1e-9).all()

    assert stage.trigger('vla/stop').success  # a second one is not a second reason
    epoch = stage.say(other_words(scene.words))  # nor do other words move a stopped robot
    stage.until(
        lambda: sum(c.epoch == epoch for c in stage.chunks) > 3, 'chunks for the other words'
    )
    assert max(speed(c) for c in stage.commands if ns(c) >= ns(resting)) < RESTS
    assert stage.status.mode == 'stopped'
    assert stage.status.stop_reason == 'requested'

    stage.say(scene.words)
    answer = stage.trigger('vla/clear_stop')
    assert answer.success, answer.message
    stage.succeeds(scene)


def test_other_words_in_motion_are_another_epoch_and_another_goal(stage, contract):
    wanted = stage.begin('reach', SEED + 1)  # the scene and what it will be judged by
    first = stage.say(other_words(wanted.words))
    stage.until(stage.moving, 'motion under the first words')
    epoch = stage.say(wanted.words)
    assert epoch == first + 1
    stage.succeeds(wanted)
    of_epoch = {c.sequence: c.epoch for c in stage.chunks}
    for command in (c for c in stage.commands if c.epoch == epoch):
        assert {of_epoch[s] for s in command.sources} <= {epoch}


def test_a_chunk_for_words_of_before_is_refused(stage):
    wanted = stage.begin('place', SEED + 2)
    first = stage.say(other_words(wanted.words))
    stage.until(stage.moving, 'motion under the first words')
    late = next(c for c in reversed(stage.chunks) if c.epoch == first)
    talk = stage.probe.talk(ActionChunk, 'vla/action_chunk', 'chunk')
    epoch = stage.say(wanted.words)
    refused = stage.status.chunks_refused
    late.t0 = convert.stamp(ns(stage.commands[-1]) + 50_000_000)  # in time, were it not for that
    talk.publish(late)
    stage.until(lambda: stage.status.chunks_refused > refused, 'a refusal')
    assert stage.status.last_refusal.startswith('other_epoch')
    assert stage.status.epoch == epoch
    stage.probe.probe.destroy_publisher(talk)
    stage.succeeds(wanted)


def other_words(words: str) -> str:
    """Return words for the same task and another object."""
    goal = language.parse(words)
    other = next(
        g for g in language.goals(goal.task)
        if g.target != goal.target and g.direction == goal.direction
    )  # fmt: skip
    return language.phrases(other, 'known')[0]
