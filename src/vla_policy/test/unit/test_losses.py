"""Losses: against brute force, and their gradients against central differences."""

import numpy as np
import torch

from vla_policy.core.config import ModelSizes, Sampler
from vla_policy.core.heads.flow import FlowHead
from vla_policy.core.losses import look_loss, position_loss
from vla_policy.core.model.vision import Gaze, PatchEncoder, tokens_along

TINY = ModelSizes(condition=8, hidden=12, blocks=2)


def differences(loss, parameter, entries, step=1e-6):
    """Return central differences of `loss()` over some entries of a parameter."""
    found, flat = [], parameter.data.view(-1)
    for k in entries:
        kept = flat[k].item()
        flat[k] = kept + step
        above = float(loss().detach())
        flat[k] = kept - step
        below = float(loss().detach())
        flat[k] = kept
        found.append((above - below) / (2 * step))
    return torch.tensor(found, dtype=torch.float64)


def test_gradients_of_the_flow_head_are_those_of_its_losses():
    torch.manual_seed(0)
    head = FlowHead(TINY, 4).double()
    condition = torch.randn(5, 8, dtype=torch.float64)
    rows = torch.randn(5, 4, 3, dtype=torch.float64)
    gripper = torch.randint(0, 2, (5, 4))

    def loss():
        generator = torch.Generator().manual_seed(3)
        return sum(head.losses(condition, rows, gripper, generator).values())

    loss().backward()
    rng = np.random.default_rng(0)
    for name, parameter in head.named_parameters():
        entries = rng.choice(parameter.numel(), min(4, parameter.numel()), replace=False)
        torch.testing.assert_close(
            parameter.grad.view(-1)[entries],
            differences(loss, parameter, entries),
            rtol=1e-5,
            atol=1e-8,
            msg=lambda text, name=name: f'{name}: {text}',
        )


def test_gradients_of_looking_are_those_of_the_look_loss():
    torch.manual_seed(0)
    eye, gaze = PatchEncoder(8, 8).double(), Gaze(8, 4, 4, 3).double()
    image = torch.rand(2, 3, 16, 16, dtype=torch.float64)
    queries = torch.randn(2, 3, 8, dtype=torch.float64)
    uv = torch.tensor(
        [[[3.0, 9.0], [15.5, 0.2]], [[8.0, 8.0], [np.nan, np.nan]]], dtype=torch.float64
    )

    def loss():
        seen, logits = gaze(eye(image), queries)
        return look_loss(logits[:, :2], uv, 16, 16) + seen.square().mean()

    loss().backward()
    for parameter in (gaze.key.weight, gaze.value.weight, eye.layers[0].weight):
        entries = parameter.grad.view(-1).abs().topk(3).indices.tolist()
        torch.testing.assert_close(
            parameter.grad.view(-1)[entries],
            differences(loss, parameter, entries),
            rtol=1e-5,
            atol=1e-8,
        )


def test_a_perfect_velocity_has_no_flow_loss_and_integrates_to_the_action():
    rows = torch.randn(6, 4, 3)

    class Perfect(FlowHead):
        def velocity(self, x, t, condition, given=None):
            return (rows - x) / (1.0 - t[:, None, None]).clamp(min=1e-6)

    head = Perfect(TINY, 4)
    condition = torch.zeros(6, 8)
    parts = head.losses(condition, rows, torch.ones(6, 4), torch.Generator().manual_seed(0))
    assert float(parts['flow']) < 1e-6
    planned, _ = head.plan(condition, torch.zeros(6, 4, 3), Sampler('euler', 5))
    torch.testing.assert_close(planned, rows, rtol=1e-5, atol=1e-5)


def test_look_loss_is_least_where_the_query_looks_at_the_thing():
    height = width = 32
    side = tokens_along(width)
    uv = torch.tensor([[13.0, 22.0]])
    column, row = int(13 / 4), int(22 / 4)  # the token whose 4 x 4 pixels hold the thing
    losses = []
    for k in range(side * side):
        logits = torch.zeros(1, side * side)
        logits[0, k] = 4.0
        losses.append(float(look_loss(logits, uv, height, width)))
    assert int(np.argmin(losses)) == row * side + column


def test_look_loss_spreads_over_the_four_tokens_around_the_pixel():
    logits = torch.randn(1, 64, generator=torch.Generator().manual_seed(0))
    shares = logits.log_softmax(-1).view(8, 8)
    # u = 14 is token 3.0, v = 23 is token 5.25
    expected = -(0.75 * shares[5, 3] + 0.25 * shares[6, 3])
    found = look_loss(logits, torch.tensor([[14.0, 23.0]]), 32, 32)
    torch.testing.assert_close(found, expected)


def test_things_out_of_view_teach_nothing():
    logits = torch.randn(3, 64, requires_grad=True)
    loss = look_loss(logits, torch.full((3, 2), torch.nan), 32, 32)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert float(logits.grad.abs().max()) == 0.0


def test_position_loss_is_linear_far_away_and_quadratic_near():
    zero = torch.zeros(1, 6)
    far = float(position_loss(zero + 2.0, zero)) - float(position_loss(zero + 1.0, zero))
    assert np.isclose(far, 1.0, rtol=1e-5)
    near = float(position_loss(zero + 0.02, zero)) / float(position_loss(zero + 0.01, zero))
    assert np.isclose(near, 4.0, rtol=1e-5)
