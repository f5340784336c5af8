"""The executor: scenarios on a perfect plant, each with its reasons and counts."""

import re

import numpy as np
import pytest

from vla_control.core.errors import ChunkRefused, SettingsError, StateRefused, StillUnsafe
from vla_control.core.executor import ChunkExecutor
from vla_control.core.reasons import Reason
from vla_control.core.settings import ExecutorSettings
from vla_core.command import Mode

DOWN = (0.0, 0.0, -0.05)  # m/s, or rad/s where the robot is told joints


def running(rig, text='go', ticks=10, speed=DOWN):
    """Bring a rig into motion: measured, told words, given a chunk, ticked."""
    rig.measure()
    rig.instruct(text)
    rig.send(rig.glide(speed))
    rig.tick(ticks)
    assert rig.status().mode is Mode.RUNNING
    return rig


def speeds(rig, commands):
    q = np.array([c.positions for c in commands])
    return np.diff(q, axis=0) / (rig.tick_ns / 1e9)


# -- idle and the first command -----------------------------------------------------------------


def test_idle_sends_and_counts_nothing(any_rig):
    rig = any_rig()
    rig.measure()
    assert rig.tick(50) is None
    with pytest.raises(ChunkRefused) as caught:
        rig.send(rig.glide())
    assert caught.value.reason == 'idle'
    status = rig.status()
    assert status.mode is Mode.IDLE
    assert status.gate.ticks == status.chunks.received == 0
    assert status.hold_reason == ''


def test_nothing_is_sent_before_joints_are_measured(rig):
    rig = rig()
    rig.measuring = False
    rig.instruct()
    assert rig.tick(5) is None
    assert rig.status().hold_reason == 'silence'
    assert rig.core.plan(rig.now_ns) is None
    assert rig.core.tool_now() is None


def test_first_command_is_where_the_robot_is_measured(any_rig):
    rig = any_rig()
    rig.instruct()
    command = rig.tick()
    np.testing.assert_array_equal(command.positions, rig.sent[0].positions)
    np.testing.assert_allclose(command.positions, rig.joints, atol=1e-12)
    assert command.hold_reason == 'silence'
    assert command.sources == ()
    assert rig.status().gate.holds == 0  # a hold before the epoch's first row is none


def test_motion_begins_without_a_jump_and_reaches_each_row_in_time(any_rig, watch):
    rig = any_rig()
    start = rig.joints.copy()
    rig.measure()
    rig.instruct()
    rows = rig.glide((0.0, 0.0, -0.03))
    chunk = rig.send(rows)
    per_row = rig.step_ns // rig.tick_ns
    for k in range(chunk.horizon):
        command = rig.tick(per_row)
        got = rig.row(command.positions, gripper=1.0)
        assert rig.now_ns == chunk.row_ns(k)
        if k:  # at rest, some robots cannot meet row 0 gently; then row 1 is headed for
            np.testing.assert_allclose(got, rows[k], atol=1.5e-3)
    oracle = watch(rig.contract)
    oracle.rest(start)
    oracle.see_all(c.positions for c in rig.sent)
    assert max(oracle.worst) <= 1.0
    status = rig.status()
    assert status.gate.clipped == status.gate.refused == status.gate.holds == 0
    assert command.sources == (chunk.sequence,)
    assert command.weights == (1.0,)


def test_velocities_are_those_of_the_commanded_motion(any_rig):
    rig = running(any_rig())
    v = speeds(rig, rig.sent)
    np.testing.assert_allclose([c.velocities for c in rig.sent[1:]], v, atol=1e-9)


def test_same_time_twice_sends_once(rig):
    rig = running(rig())
    assert rig.core.tick(rig.now_ns) is None


@pytest.mark.parametrize('late', [2, 8, 15])
def test_a_late_tick_makes_no_larger_step_and_is_no_clip(any_rig, watch, late):
    rig = running(any_rig(), speed=(0.0, 0.0, -0.03))
    for _ in range(12):
        rig.now_ns += late * rig.tick_ns // 2
        rig.tick(3)
        assert rig.sent[-1].hold_reason == ''
    oracle = watch(rig.contract)
    oracle.see_all(c.positions for c in rig.sent)
    assert rig.status().gate.clipped == 0


def test_a_gap_longer_than_the_watchdog_starts_from_where_the_robot_is(rig):
    rig = running(rig())
    rig.now_ns += 21 * rig.tick_ns
    rig.joints = rig.joints + 0.02
    command = rig.tick()
    np.testing.assert_allclose(command.positions[:7], rig.joints[:7], atol=1e-3)


def test_ticks_sooner_than_the_control_tick_send_nothing(rig):
    rig = running(rig())
    for _ in range(3):
        rig.now_ns += rig.tick_ns // 4
        assert rig.core.tick(rig.now_ns) is None
    rig.now_ns += rig.tick_ns - 3 * (rig.tick_ns // 4)
    assert rig.core.tick(rig.now_ns) is not None


# -- hand-over -----------------------------------------------------------------------------------


@pytest.mark.parametrize('strategy', ['receding_horizon', 'temporal_ensemble', 'async', 'rtc'])
@pytest.mark.parametrize('latency_ticks', [0, 3, 20])
def test_hand_overs_do_not_jump_whatever_the_latency(any_rig, watch, strategy, latency_ticks):
    rig = any_rig(strategy=strategy)
    rig.measure()
    rig.instruct()
    rng, waiting = np.random.default_rng(1), []
    per_row = rig.step_ns // rig.tick_ns
    for k in range(20 * per_row):
        if k % per_row == 0:
            rows = rig.glide(speed=(0.02, 0.0, -0.03))
            rows[:, -4 if rig.contract.robot == 'jointed' else 1] += rng.normal(0.0, 0.004)
            waiting.append((k + latency_ticks, rig.chunk(rows)))
        while waiting and waiting[0][0] <= k:
            rig.core.accept(waiting.pop(0)[1], rig.now_ns)
        rig.tick()
    status = rig.status()
    assert status.gate.clipped == status.gate.refused == status.gate.holds == 0
    assert status.chunks.refused == status.chunks.expired == 0
    oracle = watch(rig.contract)
    oracle.see_all(c.positions for c in rig.sent)


def test_receding_horizon_follows_every_fourth_chunk(rig):
    rig = rig(execute_rows=4)
    rig.measure()
    rig.instruct()
    for k in range(120):
        if k % 10 == 0:
            rig.send(rig.glide())
        rig.tick()
    followed = {c.sources for c in rig.sent}
    assert followed == {(1,), (5,), (9,)}
    executed = rig.status().executed
    assert [sequence for sequence, _ in executed] == [1, 5, 9]
    for _, timing in executed:
        # sent at the first tick after the observation: nothing was in its way
        assert timing.first_row_ns - timing.captured_ns == rig.tick_ns
    assert rig.status().executed == ()


def test_ensemble_tells_all_sources_and_their_weights(rig):
    rig = rig(strategy='temporal_ensemble', ensemble_m=0.5)
    rig.measure()
    rig.instruct()
    for k in range(40):
        if k % 10 == 0:
            rig.send(rig.glide())
        command = rig.tick()
    assert command.sources == (1, 2, 3, 4)
    raw = np.exp(-0.5 * np.arange(4))
    np.testing.assert_allclose(command.weights, raw / raw.sum())


def test_gripper_closes_by_ramp_and_the_finger_keeps_its_grip_in_a_new_epoch(rig):
    rig = rig()
    rig.measure()
    rig.instruct()
    rig.send(rig.glide(gripper=0.0))
    rig.tick(100)
    assert rig.joints[7] == pytest.approx(0.0, abs=1e-9)
    speed = np.abs(speeds(rig, rig.sent)[:, 7])
    assert speed.max() == pytest.approx(0.09)
    assert rig.status().gate.clipped == 0
    rig.joints[7] = 0.019  # fingers rest on an object, commanded shut
    rig.measuring = False
    rig.measure()
    rig.instruct('')
    rig.tick(30)
    rig.joints[7] = 0.019
    rig.now_ns += rig.tick_ns
    rig.measure()
    rig.instruct('put it down')
    command = rig.core.tick(rig.now_ns + 1)
    assert command.positions[7] == pytest.approx(0.0, abs=1e-9)


# -- silence -------------------------------------------------------------------------------------


def test_silence_is_a_bounded_stop_then_an_exact_hold_and_the_next_chunk_resumes(any_rig):
    rig = any_rig()
    running(rig, speed=(0.0, 0.0, -0.15))
    ticks = (16 * rig.step_ns) // rig.tick_ns + 40
    rig.tick(ticks)
    status = rig.status()
    assert status.mode is Mode.HOLDING
    assert status.hold_reason == 'silence'
    assert status.stop_reason == ''
    assert status.gate.holds > 20
    held = [c for c in rig.sent if c.hold_reason == 'silence']
    assert len({c.positions.tobytes() for c in held[-15:]}) == 1
    assert not held[-1].velocities.any()
    acceleration = np.array(
        [rig.contract.limits.joints[n].acceleration for n in rig.contract.output.joints]
    )
    v = np.array([c.velocities for c in rig.sent])
    first = next(k for k, c in enumerate(rig.sent) if k > 5 and c.hold_reason)
    change = np.abs(np.diff(v[first - 1 :], axis=0))
    assert (change <= acceleration * rig.tick_ns / 1e9 + 1e-9).all()
    rig.send(rig.glide())
    rig.tick(3)
    assert rig.status().mode is Mode.RUNNING
    assert rig.status().gate.holds == status.gate.holds


@pytest.mark.parametrize('mode', ['refuse', 'stop'])
def test_stale_joint_states_are_silence(rig, mode):
    rig = running(rig(modes={'stale_state': mode}))
    rig.measuring = False
    rig.tick(20)  # 0.2 s: exactly the watchdog's
    assert rig.status().mode is Mode.RUNNING
    rig.send(rig.glide())
    rig.tick(20)
    status = rig.status()
    assert rig.sent[-1].hold_reason == ('silence' if mode == 'refuse' else '')
    assert not rig.sent[-1].velocities.any()
    assert status.last_refusal.startswith('stale_state: joint states of at most 200 ms')
    if mode == 'stop':
        assert status.mode is Mode.STOPPED
        assert status.stop_reason == 'stale_state'
        with pytest.raises(StillUnsafe, match='fresh'):
            rig.core.clear(rig.now_ns)
        rig.measuring = True
        rig.tick()
        rig.core.clear(rig.now_ns)
        rig.send(rig.glide())
    else:
        assert status.mode is Mode.HOLDING
        rig.measuring = True
    rig.tick(2)
    assert rig.status().mode is Mode.RUNNING


def test_malformed_joint_states_are_refused_and_the_old_ones_get_old(rig):
    rig = running(rig())
    rig.measuring = False
    good = np.zeros(8)
    for q, v in ((good[:7], good), (good * np.nan, good), (good, good[:3]), ('abc', good)):
        with pytest.raises(StateRefused, match='8 '):
            rig.core.measure(rig.now_ns, q, v)
    rig.tick(30)
    assert rig.status().hold_reason == 'silence'


# -- first step ----------------------------------------------------------------------------------


def test_motion_does_not_begin_where_the_robot_is_not(rig):
    rig = running(rig())
    rig.tick(200)
    held = rig.joints.copy()
    pushed = held.copy()
    pushed[0] += 0.3  # more than first_step
    rig.joints = pushed
    rig.measuring = False
    rows = rig.glide()
    rig.send(rows)
    for _ in range(5):
        rig.now_ns += rig.tick_ns
        rig.measure(pushed)
        command = rig.core.tick(rig.now_ns)
        assert command.hold_reason == 'first_step'
        np.testing.assert_array_equal(command.positions, held)
    assert rig.status().gate.refused == 5
    assert re.search(r'joint1 at 0\.(3|2999) from measured', rig.status().last_refusal)
    for _ in range(20):  # let go: it comes back to where it is commanded, and motion resumes
        rig.now_ns += rig.tick_ns
        rig.measure(held)
        command = rig.core.tick(rig.now_ns)
    assert command.hold_reason == ''


def test_a_robot_outside_its_limits_is_sent_nothing(rig):
    rig = rig()
    rig.joints[0] = 3.4
    rig.instruct()
    assert rig.tick(3) is None
    status = rig.status()
    assert status.hold_reason == 'position'
    assert 'outside its joint limits' in status.last_refusal
    rig.joints[0] = 2.91  # by less than a first step: it is brought back inside
    assert rig.tick().positions[0] == 2.9


# -- rows that cannot be followed ----------------------------------------------------------------


def test_an_unreachable_row_is_refused_and_the_next_one_is_followed(rig):
    rig = running(rig(), ticks=1)
    rows = rig.glide()
    rows[5, :3] = 3.0, 0.0, 0.0
    rig.core.instruct('other', rig.now_ns)
    rig.epoch += 1
    rig.send(rows)
    rig.tick(80)
    refused = [c for c in rig.sent if c.hold_reason == 'unreachable']
    assert 8 <= len(refused) <= 18  # the ticks of one row, and of the braking before it
    assert rig.status().mode is Mode.RUNNING
    assert rig.status().gate.refused == len(refused)
    assert '(3.000, 0.000, 0.000)' in rig.status().last_refusal
    assert np.abs(speeds(rig, rig.sent)).max() < 2.0


def test_a_jump_in_a_chunk_becomes_a_motion_within_limits(jointed, watch):
    rig = jointed()
    running(rig)
    rows = rig.glide(speed=(0.0, 0.0, 0.0))
    rows[4:, 1] += 1.5
    rig.core.instruct('jump', rig.now_ns)
    rig.epoch += 1
    rig.send(rows)
    rig.tick(100)
    clipped = [c for c in rig.sent if c.clipped_by]
    assert 'velocity' in {reason for c in clipped for reason in c.clipped_by}
    watch(rig.contract).see_all(c.positions for c in rig.sent)
    assert rig.status().gate.clipped == len(clipped)


@pytest.mark.parametrize('mode', ['refuse', 'stop'])
def test_velocity_refused_or_stopped(jointed, mode):
    others = dict.fromkeys(('acceleration', 'jerk', 'position'), 'off')
    rig = running(jointed(modes=others | {'velocity': mode}))
    rows = rig.glide(speed=(0.0, 0.0, 0.0))
    rows[4:, 1] += 1.5
    rig.core.instruct('jump', rig.now_ns)
    rig.epoch += 1
    rig.send(rows)
    rig.tick(60)
    if mode == 'stop':
        assert rig.status().stop_reason == 'velocity'
    assert any(c.hold_reason == 'velocity' for c in rig.sent)
    assert rig.status().gate.clipped == 0


def test_nan_is_refused_at_the_door_and_what_is_followed_goes_on(rig):
    rig = running(rig())
    rows = rig.glide()
    rows[0, 0] = np.nan
    with pytest.raises(ChunkRefused) as caught:
        rig.send(rows)
    assert caught.value.reason == 'not_finite'
    assert rig.tick().hold_reason == ''
    status = rig.status()
    assert status.chunks.refused == 1
    assert 'not_finite' in status.last_refusal


def test_nan_stops_where_its_mode_says_so(rig):
    rig = running(rig(modes={'not_finite': 'stop'}))
    rows = rig.glide()
    rows[0, 0] = np.nan
    with pytest.raises(ChunkRefused):
        rig.send(rows)
    assert rig.tick().stop_reason == 'not_finite'


# -- stop ----------------------------------------------------------------------------------------


def test_stop_brakes_holds_latches_and_the_first_reason_wins(any_rig):
    rig = any_rig()
    running(rig, speed=(0.0, 0.0, -0.15))
    rig.core.stop('a person said so', rig.now_ns)
    rig.core.stop('another', rig.now_ns)
    command = rig.tick()
    assert command.stop_reason == 'a person said so'
    assert command.velocities.any()
    with pytest.raises(StillUnsafe, match='brakes'):
        rig.core.clear(rig.now_ns)
    rig.send(rig.glide())
    rig.tick(60)
    assert not rig.sent[-1].velocities.any()
    status = rig.status()
    assert status.mode is Mode.STOPPED
    assert (status.gate.stops, status.gate.holds) == (1, 0)
    rig.core.clear(rig.now_ns)
    assert rig.status().stop_reason == ''
    rig.tick(3)
    assert rig.status().mode is Mode.HOLDING  # plans from before the clearing are forgotten
    rig.send(rig.glide())
    rig.tick(3)
    assert rig.status().mode is Mode.RUNNING


def test_clearing_nothing_is_fine_and_a_stop_while_idle_latches(rig):
    rig = rig()
    rig.core.clear(rig.now_ns)
    rig.core.stop('early', rig.now_ns)
    assert rig.tick() is None
    assert rig.status().mode is Mode.STOPPED
    rig.instruct()
    rig.send(rig.glide())
    assert rig.tick(5).stop_reason == 'early'
    assert rig.sent[-1].sources == ()
    rig.core.clear(rig.now_ns)
    assert rig.status().mode is Mode.HOLDING


# -- epochs --------------------------------------------------------------------------------------


def test_other_words_flush_what_was_planned_and_nothing_jumps(any_rig):
    rig = any_rig()
    running(rig, speed=(0.0, 0.0, -0.15))
    old = rig.chunk(rig.glide())
    epoch = rig.instruct('something else')
    assert epoch == 3
    command = rig.tick()
    assert command.hold_reason == 'silence'
    assert command.epoch == epoch
    with pytest.raises(ChunkRefused) as caught:
        rig.core.accept(old, rig.now_ns)
    assert caught.value.reason == 'other_epoch'
    rig.tick(20)
    v = speeds(rig, rig.sent)
    first = next(k for k, c in enumerate(rig.sent) if c.epoch == epoch)
    limit = [rig.contract.limits.joints[n].acceleration for n in rig.contract.output.joints]
    change = np.abs(np.diff(v[first - 2 :], axis=0))
    assert (change <= np.array(limit) * rig.tick_ns / 1e9 + 1e-9).all()
    assert rig.status().gate.holds == 0


def test_the_same_words_change_nothing(rig):
    rig = running(rig())
    assert rig.instruct('go') == rig.status().epoch
    assert rig.tick().hold_reason == ''


def test_no_words_bring_the_robot_to_rest_and_then_send_nothing(any_rig):
    rig = any_rig()
    running(rig, speed=(0.0, 0.0, -0.15))
    ticks = rig.status().gate.ticks
    rig.instruct('')
    command = rig.tick()
    assert command is not None
    assert command.velocities.any()
    rig.tick(60)
    assert not rig.sent[-1].velocities.any()
    assert rig.tick(5) is None
    status = rig.status()
    assert status.mode is Mode.IDLE
    assert status.gate.ticks == ticks


def test_after_a_reset_it_starts_from_joints_measured_later(rig):
    rig = running(rig())
    elsewhere = rig.joints + 0.5
    elsewhere[7] = 0.01
    rig.measuring = False
    epoch = rig.core.reset(rig.now_ns)
    rig.now_ns += rig.tick_ns
    assert rig.core.tick(rig.now_ns) is None  # only joints from before the reset are known
    rig.measure(elsewhere)
    rig.now_ns += rig.tick_ns
    command = rig.core.tick(rig.now_ns)
    np.testing.assert_allclose(command.positions, elsewhere)
    assert (command.epoch, rig.status().instruction) == (epoch, 'go')


def test_a_robot_put_elsewhere_between_words_is_taken_over_where_it_is(rig):
    rig = running(rig())
    rig.instruct('')
    rig.tick(30)
    rig.joints = rig.joints + 0.4
    rig.joints[7] = 0.04
    rig.instruct('again')
    np.testing.assert_allclose(rig.tick().positions, rig.joints)


def test_a_robot_that_lags_behind_is_braked_by_other_words_not_halted(jointed, watch):
    rig = running(jointed(), ticks=20, speed=(0.5, 0.0, 0.0))
    oracle = watch(rig.contract)
    oracle.see_all(c.positions for c in rig.sent)
    rig.measuring = False
    for k in range(30):
        rig.now_ns += rig.tick_ns
        lagging = rig.sent[-1].positions.copy()
        lagging[0] -= 0.15  # more than first_step, less than a disagreement
        rig.measure(lagging)
        if k == 0:
            rig.instruct('other words')
        rig.sent.append(rig.core.tick(rig.now_ns))
        oracle.see(rig.sent[-1].positions)
    assert not rig.sent[-1].velocities.any()


def test_a_robot_far_from_its_command_in_motion_is_stopped(jointed):
    rig = running(jointed(), speed=(0.1, 0.0, 0.0))
    rig.measuring = False
    stuck = rig.joints.copy()
    stuck[0] -= 0.21  # twice a first step is what a disagreement may be
    rig.now_ns += rig.tick_ns
    rig.measure(stuck)
    command = rig.core.tick(rig.now_ns)
    assert (command.stop_reason, command.hold_reason) == ('disagreement', 'disagreement')
    assert 'a at 0.21' in rig.status().last_refusal
    for _ in range(30):
        rig.now_ns += rig.tick_ns
        rig.measure(stuck)
        command = rig.core.tick(rig.now_ns)
    rig.core.clear(rig.now_ns)
    rig.now_ns += rig.tick_ns
    np.testing.assert_allclose(rig.core.tick(rig.now_ns).positions, stuck)


# -- joints that turn without end ----------------------------------------------------------------


@pytest.mark.parametrize('strategy', ['receding_horizon', 'temporal_ensemble', 'async', 'rtc'])
@pytest.mark.parametrize('wrapped', [True, False])
def test_an_endless_joint_turns_on_whatever_turn_its_rows_and_encoder_are_on(
    endless, watch, strategy, wrapped
):
    rig = endless(strategy=strategy)
    rig.measuring = False
    oracle, per_row = watch(rig.contract), rig.step_ns // rig.tick_ns

    def seen():
        joints = rig.joints.copy()
        if wrapped:
            joints[[0, 5]] = (joints[[0, 5]] + np.pi) % (2 * np.pi) - np.pi
        return joints

    rig.measure(seen())
    rig.instruct()
    start, began = rig.joints.copy(), rig.now_ns
    for k in range(60 * per_row):
        if k % per_row == 0:
            ahead = (rig.now_ns - began + rig.step_ns * np.arange(1, 11)) / 1e9
            rows = np.tile(rig.row(start), (10, 1))
            turned = start[0] + 0.7 * ahead  # 8.4 rad in all
            rows[:, 1] = (turned + np.pi) % (2 * np.pi) - np.pi
            rig.send(rows)
        rig.now_ns += rig.tick_ns
        rig.measure(seen())
        command = rig.core.tick(rig.now_ns)
        oracle.see(command.positions)
        assert command.hold_reason == command.stop_reason == ''
        rig.joints = command.positions.copy()
    passed = (rig.now_ns - began) / 1e9
    assert rig.joints[0] == pytest.approx(start[0] + 0.7 * passed, abs=0.02)
    assert rig.status().gate.clipped == 0


# -- time ----------------------------------------------------------------------------------------


def test_a_clock_that_goes_back_is_silence_not_a_frozen_plan(rig):
    rig = running(rig(), speed=(0.0, 0.0, -0.1))
    rig.now_ns -= 50 * 10**9
    command = rig.tick()
    assert command.hold_reason == 'silence'
    rig.tick(30)
    assert not rig.sent[-1].velocities.any()
    rig.send(rig.glide())
    rig.tick(3)
    assert rig.status().mode is Mode.RUNNING


def test_a_clock_that_goes_forward_expires_what_was_planned(rig):
    rig = running(rig())
    rig.now_ns += 50 * 10**9
    assert rig.tick().hold_reason == 'silence'
    old = rig.chunk(rig.glide(), t0_ns=rig.now_ns - 10 * 10**9)
    with pytest.raises(ChunkRefused) as caught:
        rig.core.accept(old, rig.now_ns)
    assert caught.value.reason == 'expired'
    assert rig.status().chunks.expired == 1


# -- the plan ------------------------------------------------------------------------------------


def test_plan_is_what_will_be_commanded(any_rig):
    rig = any_rig()
    running(rig, ticks=7, speed=(0.0, 0.0, -0.03))
    plan = rig.core.plan(rig.now_ns)
    chunk_digest = rig.contract.digest
    assert (plan.t0_ns, plan.step_ns) == (rig.now_ns, rig.step_ns)
    assert (plan.columns, plan.contract_digest) == (rig.contract.action.columns, chunk_digest)
    assert (plan.epoch, plan.sequence, plan.instruction) == (rig.epoch, 1, 'go')
    np.testing.assert_allclose(plan.actions[0], rig.row(gripper=1.0), atol=1e-9)
    per_row = rig.step_ns // rig.tick_ns
    assert plan.horizon >= 16
    for k in range(1, plan.horizon):
        command = rig.tick(per_row)
        assert command.stamp_ns == plan.row_ns(k)
        np.testing.assert_allclose(rig.row(command.positions), plan.actions[k], atol=1.5e-3)
        assert command.sources == (1,)


def test_plan_of_a_robot_that_holds_is_where_it_holds(rig):
    rig = rig()
    rig.instruct()
    rig.tick(2)
    plan = rig.core.plan(rig.now_ns)
    assert plan.horizon == 1
    np.testing.assert_allclose(plan.actions[0], rig.row(gripper=1.0), atol=1e-9)
    assert plan.sequence == 0


def test_tool_pose_is_that_of_measured_joints(rig):
    rig = rig()
    rig.measure()
    np.testing.assert_allclose(rig.core.tool_now().matrix, rig.tool().matrix, atol=1e-12)


def test_tool_path_of_the_plan_starts_at_the_commanded_tool(any_rig):
    rig = running(any_rig())
    path = rig.core.tool_path(rig.core.plan(rig.now_ns))
    np.testing.assert_allclose(path[0], rig.tool().t, atol=1e-9)
    assert len(path) == rig.core.plan(rig.now_ns).horizon
    assert np.linalg.norm(path[-1] - path[0]) > 0.02


# -- what is not executed ------------------------------------------------------------------------


def test_a_refusal_from_outside_counts_as_any_other(rig):
    rig = running(rig(modes={'not_finite': 'stop'}))
    rig.core.refuse(ChunkRefused(Reason.MALFORMED, 'columns: names expected'))
    status = rig.status()
    assert (status.chunks.received, status.chunks.refused) == (2, 1)
    assert status.last_refusal == 'malformed: columns: names expected'
    assert status.stop_reason == ''
    rig.core.refuse(ChunkRefused(Reason.NOT_FINITE, 'data[3]'))
    assert rig.status().stop_reason == 'not_finite'


def test_a_watchdog_shorter_than_two_ticks_is_refused(contracts):
    with pytest.raises(SettingsError, match='watchdog_s: two control ticks'):
        ChunkExecutor(contracts['tabletop'], ExecutorSettings(watchdog_s=0.015))
