"""Wrappers and the policy that holds."""

import itertools

import numpy as np
import pytest

from vla_core.errors import VlaError
from vla_policy.core.hold import HoldPolicy
from vla_policy.core.registry import load_policy
from vla_policy.core.wrappers import BLOCK_S, FAULTS, JUMP, LATE_S, Ablated, Faulty, Timed


class Spy:
    """Remembers what it was asked and answers with a hold."""

    def __init__(self, contract):
        self.seen, self.epochs, self._hold = [], [], HoldPolicy(contract)

    def reset(self, epoch):
        self.epochs.append(epoch)

    def infer(self, observation, committed):
        self.seen.append(observation)
        return self._hold.infer(observation, committed)


def ticking():
    return itertools.count(1000, 10).__next__


def test_hold_commands_the_measured_pose(contract, world, tmp_path):
    observation = world.observation('wait')
    chunk = load_policy('hold', contract, tmp_path).infer(observation, None)
    np.testing.assert_allclose(chunk.actions[:, :3], np.tile(world.tool, (16, 1)))
    assert (chunk.actions[:, 9] == 1.0).all()
    assert chunk.t0_ns == observation.stamp_ns + contract.rates.step_ns


def test_timed_stamps_the_stages_in_order(contract, world, tiny):
    timing = (
        Timed(load_policy(str(tiny), contract, tiny), ticking())
        .infer(world.observation('go to the red block'), None)
        .timing
    )
    assert (timing.received_ns, timing.preprocessed_ns, timing.inferred_ns) == (1000, 1010, 1020)
    assert timing.captured_ns == 10**9


def test_timed_takes_a_policy_without_stages(contract, world):
    timing = Timed(Spy(contract), ticking()).infer(world.observation('wait'), None).timing
    assert (timing.received_ns, timing.preprocessed_ns, timing.inferred_ns) == (1000, 1000, 1010)


def test_wrong_words_reach_the_policy_only(contract, world):
    spy = Spy(contract)
    chunk = Ablated(spy, 'wrong-words', 'go to the green block').infer(
        world.observation('go to the red block'), None
    )
    assert spy.seen[0].instruction == 'go to the green block'
    assert chunk.instruction == 'go to the red block'
    assert spy.seen[0].views['scene'].image.any()


def test_no_vision_blackens_every_picture(contract, world):
    spy = Spy(contract)
    observation = world.observation('go to the red block')
    Ablated(spy, 'no-vision').infer(observation, None)
    assert not any(view.image.any() for view in spy.seen[0].views.values())
    assert all(view.image.any() for view in observation.views.values())
    assert spy.seen[0].instruction == observation.instruction


def test_a_reset_passes_through(contract):
    spy = Spy(contract)
    Ablated(Timed(spy, ticking()), 'no-vision').reset(5)
    assert spy.epochs == [5]


@pytest.mark.parametrize(('kind', 'words'), [('no-hearing', 'x'), ('wrong-words', '')])
def test_an_unknown_ablation_is_refused(contract, kind, words):
    with pytest.raises(VlaError, match='ablate'):
        Ablated(Spy(contract), kind, words)


@pytest.fixture
def faulty(contract):
    """Return what makes a faulty policy: it, and the waits that it was asked for."""

    def make(kind, seed=0):
        waits = []
        policy = Faulty(Spy(contract), contract, seed, waits.append)
        policy.kind = kind
        return policy, waits

    return make


def chunks_of(policy, world, count=8):
    return [
        policy.infer(world.observation('wait').with_changes(sequence=k), None)
        for k in range(count)
    ]


@pytest.mark.parametrize('kind', FAULTS)
def test_a_fault_keeps_shape_and_stamps_and_ends_at_once(faulty, world, contract, kind):
    policy, _ = faulty(kind)
    good = Spy(contract).infer(world.observation('wait'), None)
    chunks = chunks_of(policy, world)
    assert {c.actions.shape for c in chunks} == {good.actions.shape}
    assert {(c.t0_ns, c.epoch) for c in chunks} == {(good.t0_ns, good.epoch)}
    policy.kind = 'none'
    (again,) = chunks_of(policy, world, 1)
    np.testing.assert_array_equal(again.actions, good.actions)


def test_nan_is_one_number_of_each_chunk_elsewhere_each_time(faulty, world):
    wrong = [~np.isfinite(c.actions) for c in chunks_of(faulty('nan')[0], world)]
    assert all(w.sum() == 1 for w in wrong)
    assert len({w.tobytes() for w in wrong}) > 1


@pytest.mark.parametrize(('kind', 'seconds'), [('block', BLOCK_S), ('late', LATE_S)])
def test_what_is_slow_waits_as_long_as_it_says(faulty, world, kind, seconds):
    policy, waits = faulty(kind)
    chunks_of(policy, world, 2)
    assert waits == [seconds, seconds]


def test_again_gives_the_chunk_of_before_the_fault(faulty, world):
    policy, _ = faulty('none')
    (last,) = chunks_of(policy, world, 1)
    policy.kind = 'again'
    assert all(c is last for c in chunks_of(policy, world))


def test_a_jump_moves_places_only_and_by_the_same_way_in_all_rows(faulty, world, contract):
    good = Spy(contract).infer(world.observation('wait'), None).actions
    jumps = [c.actions - good for c in chunks_of(faulty('jump')[0], world)]
    for jump in jumps:
        np.testing.assert_allclose(np.linalg.norm(jump[:, :3], axis=1), JUMP)
        np.testing.assert_allclose(jump - jump[0], 0.0, atol=1e-12)
        assert not jump[:, 3:].any()
    assert np.linalg.norm(jumps[0] - jumps[1]) > 0.01


@pytest.mark.parametrize('kind', ['nan', 'jump'])
def test_the_same_seed_goes_wrong_in_the_same_way(faulty, world, kind):
    once, again, other = (
        [c.actions for c in chunks_of(faulty(kind, seed)[0], world)] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other, equal_nan=True)
