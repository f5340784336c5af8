"""A person who takes over: through the same gate, without a jump, and back without one."""

import numpy as np
import pytest

from vla_control.core.errors import TakeoverRefused
from vla_core.command import Authority, Mode
from vla_core.errors import CommandError
from vla_core.takeover import Takeover


def message(rig, authority='human', joints=None, twist=(0,) * 6, gripper=(), stamp_ns=None):
    joints = joints or {}
    return Takeover(
        stamp_ns=stamp_ns or rig.now_ns,
        authority=Authority(authority),
        names=tuple(joints),
        positions=np.array(list(joints.values()), float),
        twist=np.array(twist, float),
        gripper=np.array(gripper, float),
    )


def say(rig, ticks, **what):
    """Say the same at every tick; return the last command."""
    command = None
    for _ in range(ticks):
        rig.core.takeover(message(rig, **what), rig.now_ns)
        command = rig.tick()
    return command


def moving(rig, speed=(0.0, 0.0, -0.03)):
    rig.measure()
    rig.instruct()
    rig.send(rig.glide(speed))
    rig.tick(10)
    return rig


def test_joint_targets_are_travelled_to_within_limits_and_reached_exactly(any_rig, watch):
    rig = moving(any_rig())
    name = rig.contract.output.joints[0]
    target = rig.joints[0] + 0.4
    command = say(rig, 150, joints={name: target})
    assert command.positions[0] == target
    assert command.authority is Authority.HUMAN
    assert command.sources == ()
    assert not command.hold_reason
    watch(rig.contract).see_all(c.positions for c in rig.sent)
    assert {reason for c in rig.sent for reason in c.clipped_by} <= {'tool_speed'}


@pytest.mark.parametrize('value', [1e9, -1e9])
def test_a_target_beyond_the_limits_ends_at_the_limit(any_rig, watch, value):
    rig = moving(any_rig())
    joint = rig.contract.limits.joints[rig.contract.output.joints[-2]]
    command = say(rig, 400, joints={rig.contract.output.joints[-2]: value})
    end = joint.upper if value > 0 else joint.lower
    assert command.positions[-2] == pytest.approx(end, abs=1e-6)
    watch(rig.contract).see_all(c.positions for c in rig.sent)


def test_a_twist_moves_the_tool_and_letting_go_brakes_it(rig, watch):
    rig = moving(rig())
    say(rig, 30, twist=(0.0, 0.05, 0.0, 0.0, 0.0, 0.0))
    before = rig.tool().t
    say(rig, 50, twist=(0.0, 0.05, 0.0, 0.0, 0.0, 0.0))
    np.testing.assert_allclose(rig.tool().t - before, [0.0, 0.025, 0.0], atol=1e-3)
    command = say(rig, 60)
    assert np.abs(command.velocities[:7]).max() < 0.2  # but for the pull to the posture
    still = rig.tool().t
    say(rig, 20)
    np.testing.assert_allclose(rig.tool().t, still, atol=1e-3)
    watch(rig.contract).see_all(c.positions for c in rig.sent)


def test_a_gripper_is_told_as_a_column(rig):
    rig = moving(rig())
    assert say(rig, 120, gripper=(0.0,)).positions[7] == pytest.approx(0.0, abs=1e-9)
    assert say(rig, 120, gripper=(1.0,)).positions[7] == pytest.approx(0.04)


def test_a_silent_person_holds_the_robot_until_a_word(rig, watch):
    rig = moving(rig())
    say(rig, 20, twist=(0.0, 0.1, 0.0, 0.0, 0.0, 0.0))
    command = rig.tick(60)
    assert command.hold_reason == 'silence'
    assert not command.velocities.any()
    assert rig.status().authority is Authority.HUMAN
    rig.send(rig.glide())
    assert rig.tick(5).sources == ()  # silence hands nothing back
    assert say(rig, 5, twist=(0.0, 0.1, 0.0, 0.0, 0.0, 0.0)).hold_reason == ''
    watch(rig.contract).see_all(c.positions for c in rig.sent)


def test_handing_back_drops_what_was_planned_and_resumes_without_a_jump(any_rig, watch):
    rig = moving(any_rig())
    name = rig.contract.output.joints[0]
    say(rig, 15, joints={name: rig.joints[0] + 0.5})
    rig.send(rig.glide())
    rig.core.takeover(message(rig, 'policy'), rig.now_ns)
    assert rig.tick().hold_reason == 'silence'  # that chunk was planned meanwhile
    sent = rig.send(rig.glide((0.0, 0.0, 0.0)))
    command = rig.tick(40)
    assert command.sources == (sent.sequence,)
    assert command.authority is Authority.POLICY
    watch(rig.contract).see_all(c.positions for c in rig.sent)


def test_shared_adds_a_twist_to_the_policys_way(rig, watch):
    rigs = [moving(rig()) for _ in range(2)]
    for k in range(50):
        if k:
            rigs[1].core.takeover(
                message(rigs[1], 'shared', twist=(0.0, 0.04, 0.0, 0.0, 0.0, 0.0)), rigs[1].now_ns
            )
        for r in rigs:
            r.tick()
    apart = rigs[1].tool().t - rigs[0].tool().t
    assert 0.01 < apart[1] < 0.02
    np.testing.assert_allclose(apart[[0, 2]], 0.0, atol=1e-3)
    assert rigs[1].sent[-1].sources
    assert rigs[1].sent[-1].authority is Authority.SHARED
    watch(rigs[1].contract).see_all(c.positions for c in rigs[1].sent)


def test_a_person_may_move_an_idle_robot_and_a_stop_stops_a_person_too(rig):
    rig = rig()
    rig.measure()
    say(rig, 10, joints={'joint1': 0.4})
    assert rig.status().mode is Mode.RUNNING
    rig.core.stop('enough', rig.now_ns)
    assert say(rig, 40, joints={'joint1': 0.4}).stop_reason == 'enough'
    assert not rig.sent[-1].velocities.any()


def test_what_does_not_fit_is_refused_and_changes_nothing(rig, jointed):
    rig, other = moving(rig()), moving(jointed())
    wrong = [
        (rig, {'joints': {'elbow': 0.0}}, "got 'elbow'"),
        (rig, {'gripper': (0.0, 1.0)}, 'gripper: none or 1'),
        (rig, {'joints': {'joint1': 0.0}, 'twist': (1, 0, 0, 0, 0, 0)}, 'got both'),
        (other, {'twist': (1, 0, 0, 0, 0, 0)}, 'twist: only a robot'),
        (other, {'authority': 'shared'}, 'twist: only a robot'),
    ]
    for r, what, words in wrong:
        with pytest.raises(TakeoverRefused, match=words) as caught:
            r.core.takeover(message(r, **what), r.now_ns)
        assert '\n' not in str(caught.value)
        assert r.status().authority is Authority.POLICY
        assert r.tick().sources
    for what in ({'joints': {'joint1': np.nan}}, {'twist': (np.inf, 0, 0, 0, 0, 0)}):
        with pytest.raises(CommandError):
            message(rig, **what)
    with pytest.raises(CommandError, match='authority'):
        Takeover(1, 'god', (), np.zeros(0), np.zeros(6), np.zeros(0))
