"""A person takes the robot over in motion and hands it back: no jump, and it is recorded so."""

import numpy as np
import pytest
from geometry_msgs.msg import Twist, Vector3
from vla_msgs.msg import Takeover
from vla_stage import RESTS, ns, positions, speed

from vla_ros import convert

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 91
PERIOD_NS = 50_000_000


@pytest.fixture
def hand(stage):
    """A person's input device: `hand(seconds, **fields)` sends at 20 Hz of the graph's time."""
    talk = stage.probe.talk(Takeover, 'vla/takeover', 'command')

    def send(**fields):
        msg = Takeover(**fields)
        msg.header.stamp = convert.stamp(ns(stage.joints[-1]))
        talk.publish(msg)

    def hold(condition, what, **fields):
        sent_ns = 0

        def step():
            nonlocal sent_ns
            if ns(stage.joints[-1]) - sent_ns >= PERIOD_NS:
                sent_ns = ns(stage.joints[-1])
                send(**fields)
            return condition()

        stage.until(step, what)

    yield hold
    send(authority=Takeover.POLICY)
    stage.until(lambda: stage.status.authority == 'policy', 'the robot handed back')
    stage.probe.probe.destroy_publisher(talk)


def test_a_person_moves_the_robot_and_the_policy_goes_on_without_a_jump(stage, hand):
    scene = stage.begin_and_move('place', SEED)
    mark = stage.mark()
    start = positions(stage.joints[-1], ('joint1',))[0]
    target = start + (0.3 if start < 0 else -0.3)
    hand(
        lambda: abs(positions(stage.joints[-1], ('joint1',))[0] - target) < 0.01,
        'joint1 where the person wants it',
        authority=Takeover.HUMAN,
        names=['joint1'],
        positions=[target],
    )
    corrections = [c for c in stage.commands[mark.commands :] if c.authority == 'human']
    assert corrections
    assert not any(list(c.sources) for c in corrections)
    hand(lambda: stage.status.authority == 'policy', 'the policy', authority=Takeover.POLICY)
    stage.goes_on(scene.epoch)
    stage.keeps_limits(mark)


def test_a_hand_that_goes_silent_is_a_hold_until_it_hands_back(stage, hand):
    scene = stage.begin_and_move('place', SEED + 1)
    mark = stage.mark()
    up = Twist(linear=Vector3(z=0.1))
    hand(
        lambda: (
            stage.commands[-1].authority == 'human'
            and np.abs(stage.commands[-1].velocities).max() > 0.02
        ),
        'motion by hand',
        authority=Takeover.HUMAN,
        twist=up,
    )
    stage.rests(mark)  # nobody sends any more
    assert stage.status.authority == 'human'
    seen = len(stage.chunks)
    stage.until(lambda: len(stage.chunks) > seen + 5, 'chunks that nobody follows')
    assert speed(stage.commands[-1]) < RESTS
    hand(lambda: stage.status.authority == 'policy', 'the policy', authority=Takeover.POLICY)
    stage.goes_on(scene.epoch)
    stage.keeps_limits(mark)
