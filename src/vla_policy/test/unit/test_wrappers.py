"""Wrappers and the policy that holds."""

import itertools

import numpy as np
import pytest

from vla_core.errors import VlaError
from vla_policy.core.hold import HoldPolicy
from vla_policy.core.registry import load_policy
from vla_policy.core.wrappers import Ablated, Timed


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
