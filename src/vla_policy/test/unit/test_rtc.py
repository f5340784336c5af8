"""What is settled of a coming chunk, read from the plan by time; and what a policy makes of it."""

from dataclasses import replace

import numpy as np
import pytest

from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus, Mode
from vla_core.errors import FieldError
from vla_core.latency import Latency
from vla_core.timing import Timing
from vla_policy.core.registry import load_policy
from vla_policy.core.rtc import Rtc, RtcSettings, refuse_delay, roll_forward, settled_rows

RED = 'go to the red block'
STEP = 100_000_000
NOW = 50 * STEP
H = 6  # of the tiny checkpoint


def plan_of(contract, xs, t0_ns=NOW, grippers=None) -> ActionChunk:
    """Return a plan along x with the given way-points."""
    actions = np.zeros((len(xs), 10))
    actions[:, 0] = xs
    actions[:, 3] = actions[:, 7] = 1.0
    actions[:, 9] = 1.0 if grippers is None else grippers
    return ActionChunk(t0_ns, STEP, t0_ns, 1, 3, contract.digest, contract.action.columns, actions)


def status(strategy='rtc', executed=()) -> ExecutorStatus:
    return ExecutorStatus(NOW, Mode.RUNNING, 3, RED, strategy, executed=tuple(executed))


def first_row(sequence: int, at_ns: int) -> tuple[int, Timing]:
    return sequence, Timing(first_row_ns=at_ns)


class TestSettledRows:
    def test_rows_are_aligned_by_time_and_counted(self, contract):
        plan = plan_of(contract, [0.30, 0.31, 0.32, 0.33, 0.34], grippers=[1, 1, 0, 0, 1])
        found = settled_rows(plan, NOW + STEP, STEP, H, 2, contract)
        np.testing.assert_allclose(found.positions[:4, 0], [0.31, 0.32, 0.33, 0.34])
        np.testing.assert_array_equal(found.gripper[:4], [1, 0, 0, 1])
        np.testing.assert_array_equal(found.covered, [1, 1, 1, 1, 0, 0])
        assert (found.frozen, found.end) == (2, 4)

    def test_between_rows_the_plan_is_interpolated(self, contract):
        plan = plan_of(contract, [0.30, 0.32, 0.36], NOW + STEP // 4, [1, 0, 1])
        found = settled_rows(plan, NOW + STEP, STEP, H, 1, contract)
        np.testing.assert_allclose(found.positions[:2, 0], [0.315, 0.35])
        np.testing.assert_array_equal(found.gripper[:2], [1, 0])  # the bit in force, no mixture
        assert found.end == 2

    def test_what_lies_before_the_plan_is_not_made_up(self, contract):
        plan = plan_of(contract, [0.30, 0.31, 0.32], NOW + 2 * STEP)
        found = settled_rows(plan, NOW + STEP, STEP, H, 3, contract)
        np.testing.assert_array_equal(found.covered, [0, 1, 1, 1, 0, 0])

    def test_a_plan_that_is_over_settles_nothing(self, contract):
        plan = plan_of(contract, [0.30, 0.31], NOW - 3 * STEP)
        assert settled_rows(plan, NOW + STEP, STEP, H, 1, contract) is None

    def test_the_delay_is_bounded_by_the_plan(self, contract):
        found = settled_rows(plan_of(contract, [0.3, 0.31]), NOW + STEP, STEP, H, 4, contract)
        assert (found.frozen, found.end) == (1, 1)


class TestRtc:
    def rtc(self, *delays_ms: float, **settings) -> Rtc:
        found = Rtc(RtcSettings(**settings))
        found.heed(status())
        for delay in delays_ms:
            found.delay.add(round(delay * 1e6))
        return found

    def ahead(self, rtc, world, contract, xs):
        plan = plan_of(contract, xs) if xs is not None else None
        return rtc.ahead(world.observation(RED, NOW), plan, contract, H, STEP)

    def test_the_delay_is_from_the_stamp_to_the_first_command(self, world, contract):
        rtc = self.rtc()
        self.ahead(rtc, world, contract, None)  # sequence 7
        rtc.heed(status(executed=[first_row(7, NOW + 230_000_000), first_row(8, NOW)]))
        assert rtc.delay.estimate_ns() == 230_000_000
        assert rtc.figures()['delay_ms'] == 230.0

    @pytest.mark.parametrize(('ms', 'frozen'), [(0, 0), (99.9, 0), (100, 1), (250, 2)])
    def test_frozen_are_the_rows_within_the_delay(self, world, contract, ms, frozen):
        ahead = self.ahead(self.rtc(ms), world, contract, np.linspace(0.3, 0.36, 7))
        assert ahead.settled.frozen == frozen
        assert ahead.settled.end == 6

    @pytest.mark.parametrize('xs', [None, [0.3]])
    def test_without_a_plan_nothing_is_settled(self, world, contract, xs):
        rtc = self.rtc(100)
        assert self.ahead(rtc, world, contract, xs).settled is None
        assert rtc.figures()['guided'] == 0

    def test_before_a_delay_was_measured_nothing_is_settled(self, world, contract):
        assert self.ahead(self.rtc(), world, contract, [0.3, 0.31]).settled is None

    def test_under_another_strategy_nothing_is_settled(self, world, contract):
        rtc = self.rtc(100)
        rtc.heed(status('receding_horizon'))
        assert self.ahead(rtc, world, contract, [0.3, 0.31]).settled is None
        rtc.heed(status('rtc'))
        assert self.ahead(rtc, world, contract, [0.3, 0.31]).settled is not None

    def test_a_delay_as_long_as_the_chunk_is_not_guided_and_counted(self, world, contract):
        rtc = self.rtc(600)
        assert self.ahead(rtc, world, contract, np.linspace(0.3, 0.36, 12)).settled is None
        assert rtc.figures()['too_late'] == 1

    def test_rolled_forward_the_chunk_begins_where_the_plan_leads(self, world, contract):
        rtc = self.rtc(250, roll_forward=True)
        ahead = self.ahead(rtc, world, contract, [0.30, 0.31, 0.33, 0.36, 0.40])
        np.testing.assert_allclose(ahead.shift, [0.03, 0, 0], atol=1e-12)
        assert ahead.later_ns == 2 * STEP
        np.testing.assert_allclose(ahead.settled.positions[:2, 0], [0.36, 0.40])
        assert (ahead.settled.frozen, ahead.settled.end) == (0, 2)

    def test_a_plan_that_does_not_reach_that_far_rolls_nothing(self, contract):
        ahead = roll_forward(NOW, plan_of(contract, [0.3, 0.31]), contract, 2 * STEP)
        assert ahead.later_ns == 0
        assert not ahead.shift.any()


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'mask': 'fuzzy'}, 'rtc_mask: one of soft, hard expected'),
        ({'beta': 0.0}, r'rtc_beta: a number in \(0, 100\] expected'),
        ({'beta': float('nan')}, 'rtc_beta'),
    ],
)
def test_wrong_settings_are_refused_in_one_line(changes, said):
    with pytest.raises(FieldError, match=said):
        RtcSettings(**changes)


@pytest.mark.parametrize('text', ['1600', 'normal:2000:10', 'uniform:1600:1700'])
def test_a_delay_as_long_as_the_chunk_is_refused_where_it_is_known(text):
    with pytest.raises(FieldError, match='less than the 1600 ms of a chunk expected'):
        refuse_delay(Latency.parse(text), 16, STEP)
    refuse_delay(Latency.parse('1599'), 16, STEP)


def test_a_prefix_longer_than_the_policy_knows_is_refused_and_counted(world, contract):
    with pytest.raises(FieldError, match=r'less than 400 ms expected, got 400: .* at most 3 rows'):
        refuse_delay(Latency.parse('400'), 16, STEP, longest=3)
    refuse_delay(Latency.parse('399'), 16, STEP, longest=3)
    rtc = Rtc(longest=3)
    rtc.heed(status())
    for delay, cut in ((399, 0), (430, 1)):
        rtc.delay.clear()
        rtc.delay.add(delay * 1_000_000)
        plan = plan_of(contract, np.linspace(0.3, 0.36, 7))
        rtc.ahead(world.observation(RED, NOW), plan, contract, H, STEP)
        assert rtc.figures()['cut'] == cut


class TestFlowPolicy:
    @pytest.fixture
    def policy(self, tiny, contract):
        return load_policy(str(tiny), contract, tiny.parent, threads=1)

    @pytest.fixture
    def aside(self, policy, contract, world):
        """A plan that goes where the policy would not: 3 cm beside its own rows."""
        own = policy.infer(world.observation(RED, NOW), None)
        actions = np.vstack([own.actions[:1], own.actions])
        actions[:, 1] += 0.03
        actions[:, 9] = [1, 0, 1, 0, 1, 0, 1]
        return own.with_changes(t0_ns=NOW, actions=actions)

    def guided(self, policy, aside, world, delay_ms, strategy='rtc') -> np.ndarray:
        policy.reset(3)
        policy.heed(status(strategy))
        policy.rtc.delay.add(round(delay_ms * 1e6))
        return policy.infer(world.observation(RED, NOW), aside).actions

    def test_settled_rows_are_met_and_their_gripper_bits_kept(self, policy, aside, world):
        free = self.guided(policy, aside, world, 300, 'receding_horizon')
        chunk = self.guided(policy, aside, world, 300)
        missed = [np.abs(rows[:3, 1] - aside.actions[1:4, 1]).mean() for rows in (free, chunk)]
        assert missed[1] < 0.4 * missed[0]
        np.testing.assert_array_equal(chunk[:3, 9], [0, 1, 0])
        np.testing.assert_array_equal(chunk[3:, 9], free[3:, 9])

    def test_the_delay_settles_rows_and_a_soft_mask_pulls_those_after(
        self, policy, aside, world, tiny, contract
    ):
        hard = load_policy(
            str(tiny), contract, tiny.parent, threads=1, rtc=RtcSettings(mask='hard')
        )

        def missed(policy, ms, rows):
            chunk = self.guided(policy, aside, world, ms)
            return np.abs(chunk - aside.actions[1:])[rows, :3].mean()

        assert missed(hard, 400, slice(2, 4)) < 0.7 * missed(hard, 200, slice(2, 4))
        assert missed(policy, 200, slice(2, 4)) < 0.7 * missed(hard, 200, slice(2, 4))

    def test_without_a_plan_no_bit_changes(self, policy, world):
        observation = world.observation(RED, NOW)
        free = policy.infer(observation, None).actions
        policy.heed(status())
        policy.rtc.delay.add(STEP)
        np.testing.assert_array_equal(policy.infer(observation, None).actions, free)

    def test_a_new_epoch_forgets_the_delay(self, policy, aside, world):
        free = self.guided(policy, aside, world, 300, 'receding_horizon')
        self.guided(policy, aside, world, 300)
        policy.reset(4)
        np.testing.assert_array_equal(
            policy.infer(world.observation(RED, NOW), aside).actions, free
        )

    def test_rolled_forward_it_is_as_if_it_stood_there(self, tiny, contract, world, aside):
        rolled = load_policy(
            str(tiny), contract, tiny.parent, threads=1, rtc=RtcSettings(roll_forward=True)
        )
        rolled.rtc.delay.add(2 * STEP)
        observation = world.observation(RED, NOW)
        chunk = rolled.infer(observation, aside)
        assert chunk.t0_ns == NOW + 3 * STEP
        assert chunk.observation_stamp_ns == NOW
        shift = aside.actions[2, :3] - aside.actions[0, :3]
        there = observation.with_changes(
            T_base_tool=replace(observation.T_base_tool, t=observation.T_base_tool.t + shift)
        )
        rolled.reset(3)  # no delay known: nothing is rolled
        told = plan_of(contract, [0.0])
        actions = told.actions.copy()
        actions[0] = aside.actions[0]
        actions[0, :3] += shift
        actions[0, 9] = aside.actions[2, 9]
        expected = rolled.infer(there, told.with_changes(actions=actions))
        np.testing.assert_allclose(chunk.actions, expected.actions, atol=1e-5)
