"""Flow matching over a chunk's tool positions, with the gripper as logits beside it.

Time runs from t = 0 (noise) to t = 1 (action) along the straight path x_t = (1 - t) x_0 + t x_1
with velocity x_1 - x_0 (Lipman et al. 2023, eq. 20 to 23 with sigma_min = 0). Texts that put the
data at t = 0 mean 1 - t.
"""

import math

import torch
from torch import Tensor, nn

from vla_policy.core.config import ModelSizes, Sampler
from vla_policy.core.guidance import Guidance, guided
from vla_policy.core.solvers import Velocity, integrate

AXES = 3
GUIDED_STEPS = 10  # at least: with five, the last one alone closes most of the gap, with a kink


class FlowHead(nn.Module):
    """Velocity network over (horizon, 3) tool positions, conditioned on the trunk's vector.

    Args:
        sizes: Widths and depths.
        horizon: Rows H of a chunk.
        rtc_max_delay: Longest prefix that it learns to continue, rows; 0 for none.
    """

    def __init__(self, sizes: ModelSizes, horizon: int, rtc_max_delay: int = 0):
        super().__init__()
        width = sizes.condition
        self.horizon, self.rtc_max_delay = horizon, rtc_max_delay
        self.enter = nn.Linear(horizon * (AXES + bool(rtc_max_delay)), width)
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(
            ModulatedBlock(width, sizes.hidden) for _ in range(sizes.blocks)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, horizon * AXES))
        self.gripper = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, horizon))

    def velocity(
        self, x: Tensor, t: Tensor, condition: Tensor, given: Tensor | None = None
    ) -> Tensor:
        """Return dx/dt at one time each; of no meaning in rows that are given.

        Args:
            x: (N, H, 3); rows that are given are clean, at time 1.
            t: (N,) time of the other rows.
            condition: (N, width).
            given: (N, H) bool, None where the head knows no prefix.

        Returns:
            (N, H, 3).
        """
        context = condition + self.time(_wave(t))
        rows = x.flatten(1) if given is None else torch.cat([x.flatten(1), given.to(x)], -1)
        h = self.enter(rows)
        for block in self.blocks:
            h = block(h, context)
        return self.leave(h).to(x.dtype).view_as(x)

    def losses(
        self, condition: Tensor, rows: Tensor, gripper: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return `flow` (Lipman et al. 2023, eq. 23) and `gripper` (binary cross-entropy).

        A head that learns to continue a prefix is given the first d rows clean, d drawn from
        0..rtc_max_delay for each example, and judged by the others (Black et al. 2025,
        "Training-Time Action Conditioning for Efficient Real-Time Chunking").

        Args:
            condition: (N, width).
            rows: (N, H, 3) normalised tool positions relative to the tool now.
            gripper: (N, H) 0 closed or 1 open.
            generator: Source of noise and times.
        """
        noise = torch.randn(rows.shape, generator=generator, dtype=rows.dtype)
        t = torch.rand(len(rows), generator=generator, dtype=rows.dtype)
        at = t[:, None, None]
        x = (1.0 - at) * noise + at * rows
        given = None
        if self.rtc_max_delay:
            d = torch.randint(self.rtc_max_delay + 1, (len(rows), 1), generator=generator)
            given = torch.arange(self.horizon) < d
            x = torch.where(given[..., None], rows, x)
        error = (self.velocity(x, t, condition, given) - (rows - noise)).square()
        logits = self.gripper(condition).to(rows.dtype)
        return {
            'flow': error.mean() if given is None else error[~given].mean(),
            'gripper': nn.functional.binary_cross_entropy_with_logits(
                logits, gripper.to(rows.dtype)
            ),
        }

    def plan(
        self,
        condition: Tensor,
        start: Tensor,
        sampler: Sampler,
        guidance: Guidance | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Integrate from t = 0 to t = 1.

        A head that learned to continue a prefix is given the first rows of weight 1 as they are,
        as many as it knows; any other is guided, which costs a backward pass a step, of which
        there are `GUIDED_STEPS` at least.

        Args:
            condition: (N, width).
            start: (N, H, 3) noise at t = 0; zeros make the answer repeatable.
            sampler: Method and number of steps.
            guidance: Rows to agree with, in the same space as the answer; None for none.

        Returns:
            (N, H, 3) normalised tool positions relative to the tool now, (N, H) gripper logits.
        """

        if self.rtc_max_delay:
            rows = self._continued(condition, start, sampler, guidance)
        elif guidance is None or guidance.empty:
            rows = integrate(self._field(condition), start, sampler.method, sampler.steps)
        else:
            with torch.inference_mode(False):
                v = guided(self._field(condition.clone()), guidance)
            rows = integrate(v, start, sampler.method, max(sampler.steps, GUIDED_STEPS))
        return rows, self.gripper(condition).float()

    def _field(self, condition: Tensor, given: Tensor | None = None) -> Velocity:
        return lambda x, t: self.velocity(x, x.new_full((len(x),), t), condition, given)

    def _continued(
        self, condition: Tensor, start: Tensor, sampler: Sampler, guidance: Guidance | None
    ) -> Tensor:
        """Return rows (N, H, 3) that continue the settled ones, which stay as they are."""
        count = 0 if guidance is None else min(_leading_ones(guidance.weights), self.rtc_max_delay)
        given = (torch.arange(self.horizon) < count).expand(len(start), -1)
        free = ~given[..., None]
        if guidance is not None:
            start = torch.where(free, start, guidance.target)
        v = self._field(condition, given)
        return integrate(lambda x, t: free * v(x, t), start, sampler.method, sampler.steps)


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


def _leading_ones(weights: Tensor) -> int:
    return int((weights == 1.0).long().cumprod(0).sum())


def _wave(t: Tensor) -> Tensor:
    """Return (N, 64) sines and cosines of times in 0..1, periods from 2 pi to 2 pi / 1000."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(1000.0), 32, dtype=t.dtype))
    angles = t[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], -1)
