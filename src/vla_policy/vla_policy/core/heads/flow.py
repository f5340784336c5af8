"""Flow matching over a chunk's tool positions, with the gripper as logits beside it.

Time runs from t = 0 (noise) to t = 1 (action) along the straight path x_t = (1 - t) x_0 + t x_1
with velocity x_1 - x_0 (Lipman et al. 2023, eq. 20 to 23 with sigma_min = 0). Texts that put the
data at t = 0 mean 1 - t.
"""

import math

import torch
from torch import Tensor, nn

from vla_policy.core.config import ModelSizes, Sampler
from vla_policy.core.solvers import integrate

AXES = 3


class FlowHead(nn.Module):
    """Velocity network over (horizon, 3) tool positions, conditioned on the trunk's vector.

    Args:
        sizes: Widths and depths.
        horizon: Rows H of a chunk.
    """

    def __init__(self, sizes: ModelSizes, horizon: int):
        super().__init__()
        width = sizes.condition
        self.horizon = horizon
        self.enter = nn.Linear(horizon * AXES, width)
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(
            ModulatedBlock(width, sizes.hidden) for _ in range(sizes.blocks)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, horizon * AXES))
        self.gripper = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, horizon))

    def velocity(self, x: Tensor, t: Tensor, condition: Tensor) -> Tensor:
        """Return dx/dt (N, H, 3) at x (N, H, 3), time t (N,), condition (N, width)."""
        context = condition + self.time(_wave(t))
        h = self.enter(x.flatten(1))
        for block in self.blocks:
            h = block(h, context)
        return self.leave(h).to(x.dtype).view_as(x)

    def losses(
        self, condition: Tensor, rows: Tensor, gripper: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return `flow` (Lipman et al. 2023, eq. 23) and `gripper` (binary cross-entropy).

        Args:
            condition: (N, width).
            rows: (N, H, 3) normalised tool positions relative to the tool now.
            gripper: (N, H) 0 closed or 1 open.
            generator: Source of noise and times.
        """
        noise = torch.randn(rows.shape, generator=generator, dtype=rows.dtype)
        t = torch.rand(len(rows), generator=generator, dtype=rows.dtype)
        at = t[:, None, None]
        v = self.velocity((1.0 - at) * noise + at * rows, t, condition)
        logits = self.gripper(condition).to(rows.dtype)
        return {
            'flow': (v - (rows - noise)).square().mean(),
            'gripper': nn.functional.binary_cross_entropy_with_logits(
                logits, gripper.to(rows.dtype)
            ),
        }

    def plan(self, condition: Tensor, start: Tensor, sampler: Sampler) -> tuple[Tensor, Tensor]:
        """Integrate from t = 0 to t = 1.

        Args:
            condition: (N, width).
            start: (N, H, 3) noise at t = 0; zeros make the answer repeatable.
            sampler: Method and number of steps.

        Returns:
            (N, H, 3) normalised tool positions relative to the tool now, (N, H) gripper logits.
        """

        def v(x: Tensor, t: float) -> Tensor:
            return self.velocity(x, x.new_full((len(x),), t), condition)

        return integrate(v, start, sampler.method, sampler.steps), self.gripper(condition).float()


class ModulatedBlock(nn.Module):
    """Residual MLP whose norm is shifted, scaled and gated by a context (Peebles & Xie 2023)."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(width, 3 * width))
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Return (N, width)."""
        shift, scale, gate = self.modulate(context).chunk(3, -1)
        return x + (1.0 + gate) * self.mlp(self.norm(x) * (1.0 + scale) + shift)


def _wave(t: Tensor) -> Tensor:
    """Return (N, 64) sines and cosines of times in 0..1, periods from 2 pi to 2 pi / 1000."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(1000.0), 32, dtype=t.dtype))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)
