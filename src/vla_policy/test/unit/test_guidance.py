"""Guidance against what it promises: golden numbers, finite differences, no effect of nothing."""

import math

import pytest
import torch
from torch import Tensor, nn

from vla_core.errors import FieldError
from vla_policy.core.config import ModelSizes, Sampler
from vla_policy.core.guidance import Guidance, gain, guided, soft_mask
from vla_policy.core.heads.flow import FlowHead
from vla_policy.core.solvers import METHODS, integrate

H, D = 6, 3


def field(seed: int = 0):
    """Return a velocity field over (N, H, D) that mixes all rows and bends with time."""
    generator = torch.Generator().manual_seed(seed)
    A = 0.3 * torch.randn(H * D, H * D, generator=generator, dtype=torch.float64)
    B = 0.3 * torch.randn(H * D, H * D, generator=generator, dtype=torch.float64)

    def v(x: Tensor, t: float) -> Tensor:
        flat = x.flatten(1)
        return (torch.tanh(flat @ A) @ B + math.sin(t) * flat).view_as(x)

    return v


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def guidance(beta: float = 5.0) -> Guidance:
    return Guidance(drawn(1, 2, H, D), soft_mask(H, 2, 5), beta)


def test_the_mask_of_the_paper():
    expected = [1.0, 1.0, 0.5706, 0.2871, 0.1145, 0.0258, 0.0, 0.0]
    torch.testing.assert_close(soft_mask(8, 2, 6), torch.tensor(expected), atol=5e-5, rtol=0)


@pytest.mark.parametrize(
    ('frozen', 'end', 'hard', 'ones', 'zeros'),
    [
        (0, 0, False, 0, 8),  # no plan
        (0, 8, False, 0, 0),  # no delay, and the plan covers everything
        (3, 8, True, 3, 5),
        (8, 8, False, 8, 0),
        (5, 2, False, 2, 6),  # the plan ends before the delay does
        (5, 2, True, 2, 6),
    ],
)
def test_ends_of_the_mask(frozen, end, hard, ones, zeros):
    W = soft_mask(8, frozen, end, hard)
    assert (W == 1.0).sum() == ones
    assert (W == 0.0).sum() == zeros
    assert bool((W.diff() <= 0).all())


def test_rows_that_are_none_are_refused():
    for frozen, end in ((9, 9), (-1, 3), (0, 9)):
        with pytest.raises(FieldError, match=r'mask: rows in 0\.\.8 expected'):
            soft_mask(8, frozen, end)
    with pytest.raises(FieldError, match='beta'):
        guidance(beta=0.0)
    with pytest.raises(FieldError, match='guidance'):
        Guidance(torch.zeros(1, 5, 3), torch.zeros(6))


def test_the_gain_is_bounded_at_both_ends_and_least_between():
    assert gain(0.0) == gain(1.0) == 5.0
    assert gain(0.5) == pytest.approx(2.0)
    assert gain(0.2) == pytest.approx((0.8 / 0.2) * (0.04 + 0.64) / 0.64)
    assert gain(0.001, beta=40.0) == 40.0


@pytest.mark.parametrize('t', [0.0, 0.2, 0.5, 0.8])
def test_the_pull_is_the_gradient_of_the_weighted_error(t):
    v, g, x = field(), guidance(), drawn(2, 2, H, D)
    W = g.weights.double()[:, None]

    def loss(x: Tensor) -> float:
        x1 = x + (1.0 - t) * v(x, t)
        return float(-0.5 * (W * (g.target - x1).square()).sum())

    h, differences = 1e-6, torch.zeros_like(x)
    for i in range(x.numel()):
        step = torch.zeros_like(x)
        step.view(-1)[i] = h
        differences.view(-1)[i] = (loss(x + step) - loss(x - step)) / (2 * h)
    pull = (guided(v, g)(x, t) - v(x, t)) / gain(t)
    torch.testing.assert_close(pull, differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('t', [0.0, 0.2, 0.8])
def test_it_is_not_the_pull_of_an_identity_jacobian(t):
    v, g, x = field(), guidance(), drawn(2, 2, H, D)
    x1 = x + (1.0 - t) * v(x, t)
    naive = g.weights.double()[:, None] * (g.target - x1)
    pull = (guided(v, g)(x, t) - v(x, t)) / gain(t)
    assert float((pull - naive).abs().max()) > 0.1
    assert float(pull[:, -1].abs().max()) > 0.01  # a free row is pulled along through the network
    assert float(naive[:, -1].abs().max()) == 0.0


def test_under_inference_mode_it_gives_the_same():
    v, g, x = field(), guidance(), drawn(2, 2, H, D)
    outside = integrate(guided(v, g), x, 'euler', 5)
    with torch.inference_mode():
        inside = integrate(
            guided(v, Guidance(g.target * 1.0, g.weights * 1.0)), x * 1.0, 'euler', 5
        )
    assert torch.equal(inside, outside)
    with torch.no_grad():
        assert torch.equal(integrate(guided(v, g), x, 'euler', 5), outside)


@pytest.mark.parametrize('method', METHODS)
def test_settled_rows_are_met_by_every_solver(method):
    v, x = field(), torch.zeros(2, H, D, dtype=torch.float64)
    target = drawn(1, 2, H, D)
    g = Guidance(target, soft_mask(H, 2, 5))
    free, pulled = integrate(v, x, method, 5), integrate(guided(v, g), x, method, 5)
    before, after = ((chunk - target)[:, :2].norm() for chunk in (free, pulled))
    assert after < 0.35 * before


class TestHead:
    sizes = ModelSizes(condition=32, hidden=48, blocks=2)

    @pytest.fixture
    def head(self) -> FlowHead:
        torch.manual_seed(0)
        return FlowHead(self.sizes, H).eval()

    @torch.inference_mode()
    def plan(self, head: nn.Module, guidance: Guidance | None) -> Tensor:
        """Plan as the policy does live: everything it is given is an inference tensor."""
        condition = drawn(3, 2, 32).float() * 1.0
        return head.plan(condition, torch.zeros(2, H, D), Sampler(), guidance)[0]

    def test_nothing_settled_changes_no_bit(self, head):
        target = torch.full((2, H, D), 7.0)
        free = self.plan(head, None)
        assert torch.equal(self.plan(head, Guidance(target, torch.zeros(H))), free)

    def test_settled_rows_pull_live(self, head):
        target = drawn(4, 2, H, D).float()
        free = self.plan(head, None)
        pulled = self.plan(head, Guidance(target, soft_mask(H, 2, 5)))
        apart = [float((chunk - target)[:, :2].norm()) for chunk in (free, pulled)]
        assert apart[1] < 0.35 * apart[0]
        assert not pulled.requires_grad
        assert all(parameter.grad is None for parameter in head.parameters())
