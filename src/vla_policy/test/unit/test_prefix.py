"""A head that is given the first rows clean learns to go on from them; any other is as before."""

import pytest
import torch
from torch import Tensor

from vla_policy.core.checkpoint import CONFIG, Checkpoint, CheckpointError
from vla_policy.core.config import ModelSizes, Sampler
from vla_policy.core.guidance import Guidance, soft_mask
from vla_policy.core.heads.flow import FlowHead
from vla_policy.core.training.settings import TrainingError, TrainSettings
from vla_policy.core.training.trainer import Trainer

H, MOST = 6, 3
SIZES = ModelSizes(condition=48, hidden=96, blocks=2)


def either_side(count: int, generator: torch.Generator) -> Tensor:
    """Return (N, H, 3) straight ways that go left or right, nothing tells which."""
    side = torch.randint(2, (count, 1), generator=generator) * 2.0 - 1.0
    rows = torch.zeros(count, H, 3)
    rows[..., 1] = side * torch.linspace(0.3, 1.3, H)
    return rows


@pytest.fixture(scope='module')
def head() -> FlowHead:
    torch.manual_seed(0)
    head, generator = FlowHead(SIZES, H, MOST), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(head.parameters(), 2e-3)
    condition = torch.zeros(128, 48)
    for _ in range(400):
        rows = either_side(128, generator)
        loss = head.losses(condition, rows, torch.ones(128, H), generator)['flow']
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return head.eval()


@torch.inference_mode()
def plan(head: FlowHead, rows: Tensor, frozen: int, seed: int = 2) -> Tensor:
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed))
    guidance = Guidance(rows, soft_mask(H, frozen, H))
    return head.plan(torch.zeros(len(rows), 48), noise, Sampler(steps=10), guidance)[0]


@pytest.mark.parametrize('frozen', [1, 2, 3])
def test_it_goes_on_to_the_side_that_it_has_begun_with(head, frozen):
    rows = either_side(64, torch.Generator().manual_seed(5))
    found = plan(head, rows, frozen)
    assert torch.equal(found[:, :frozen], rows[:, :frozen])
    assert float((found - rows)[:, frozen:].abs().mean()) < 0.12


def test_without_a_prefix_it_goes_to_either_side(head):
    rows = either_side(64, torch.Generator().manual_seed(5))
    right = plan(head, rows, 0)[:, -1, 1] > 0
    assert 0.25 < float(right.float().mean()) < 0.75
    assert bool((right != (rows[:, -1, 1] > 0)).any())


def test_no_more_rows_are_given_than_it_knows(head):
    rows = either_side(8, torch.Generator().manual_seed(5))
    found = plan(head, rows, 5)
    assert torch.equal(found[:, :MOST], rows[:, :MOST])
    assert not torch.equal(found[:, MOST], rows[:, MOST])


def test_given_rows_are_not_judged():
    torch.manual_seed(0)
    head, condition = FlowHead(SIZES, H, MOST), torch.zeros(4, 48)

    rows = either_side(4, torch.Generator().manual_seed(5)).requires_grad_(True)
    with torch.no_grad():
        head.enter.weight.zero_()  # now a row reaches the loss only by being judged
    generator = torch.Generator().manual_seed(9)
    loss = head.losses(condition, rows, torch.ones(4, H), generator)['flow']
    (judged,) = torch.autograd.grad(loss, rows)
    again = torch.Generator().manual_seed(9)
    torch.randn(4, H, 3, generator=again)
    torch.rand(4, generator=again)
    d = torch.randint(MOST + 1, (4, 1), generator=again)
    assert torch.equal(judged.abs().sum(-1) == 0.0, torch.arange(H) < d)
    assert len(d.unique()) > 1


def test_off_it_is_the_network_that_it_was():
    torch.manual_seed(0)
    off = FlowHead(SIZES, H, 0)
    assert off.enter.in_features == 3 * H
    assert FlowHead(SIZES, H, MOST).enter.in_features == 4 * H


class TestCheckpoint:
    @pytest.fixture
    def folder(self, contract, dataset, sizes, tmp_path):
        settings = TrainSettings(
            steps=3, pictures=8, warm_up=1, bf16=False, threads=1, rtc_max_delay=MOST
        )
        trainer = Trainer(dataset, contract, settings, tmp_path / 'work', sizes)
        trainer.run()
        trainer.export(tmp_path / 'out')
        return tmp_path / 'out'

    def test_it_says_what_it_learned(self, folder):
        checkpoint = Checkpoint.read(folder)
        assert checkpoint.config.rtc_max_delay == MOST
        assert checkpoint.load_model().head.rtc_max_delay == MOST
        assert 'continues up to 3 settled rows' in (folder / 'README.md').read_text()

    def test_a_prefix_as_long_as_the_chunk_is_refused(self, folder, dataset, contract, tmp_path):
        text = (folder / CONFIG).read_text()
        (folder / CONFIG).write_text(text.replace('rtc_max_delay: 3', 'rtc_max_delay: 6'))
        with pytest.raises(CheckpointError, match=r'rtc_max_delay: a whole number in 0\.\.5'):
            Checkpoint.read(folder)
        with pytest.raises(TrainingError, match='less than the 6 rows of a chunk expected, got 6'):
            Trainer(dataset, contract, TrainSettings(rtc_max_delay=6), tmp_path / 'other')

    def test_weights_of_another_kind_are_refused(self, folder):
        text = (folder / CONFIG).read_text()
        (folder / CONFIG).write_text(text.replace('rtc_max_delay: 3\n', ''))
        with pytest.raises(CheckpointError, match=r'head\.enter\.weight'):
            Checkpoint.read(folder).load_model()

    def test_one_that_learned_none_does_not_mention_it(self, tiny):
        assert 'rtc_max_delay' not in (tiny / CONFIG).read_text()
        assert Checkpoint.read(tiny).config.rtc_max_delay == 0
        assert Checkpoint.read(tiny).load_model().head.rtc_max_delay == 0
