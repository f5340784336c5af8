"""Guided inpainting of a flow: rows that are settled already pull the rest of a chunk along.

After Black, Galliker & Levine 2025, "Real-Time Execution of Action Chunking Flow Policies". Flow
time t runs from 0 (noise) to 1 (action), as there and as everywhere here.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vla_core.errors import FieldError
from vla_policy.core.solvers import Velocity

BETA = 5.0  # the paper's largest gain


@dataclass(frozen=True, eq=False)
class Guidance:
    """What a chunk is to agree with.

    Attributes:
        target: (N, H, D) rows Y, in the head's normalised space; of no meaning where the weight
            is 0, but finite.
        weights: (H,) W in 0..1: 1 where a row is settled, 0 where it is free.
        beta: Largest gain, > 0.
    """

    target: Tensor
    weights: Tensor
    beta: float = BETA

    def __post_init__(self) -> None:
        if self.target.ndim != 3 or self.weights.shape != self.target.shape[1:2]:
            raise FieldError(
                'guidance',
                f'(N, H, D) rows and (H,) weights expected, got {tuple(self.target.shape)} and '
                f'{tuple(self.weights.shape)}',
            )
        if not (math.isfinite(self.beta) and self.beta > 0):
            raise FieldError('beta', f'a number > 0 expected, got {self.beta}')

    @property
    def empty(self) -> bool:
        """Whether every row is free."""
        return not bool(self.weights.any())


def soft_mask(horizon: int, frozen: int, end: int, hard: bool = False) -> Tensor:
    """Return the weights (H,) of a chunk's rows (eq. 5).

    1 for the `frozen` rows that will have been executed before the chunk arrives, then falling to
    0 at row `end`, from which on nothing is settled. With H - s = end and d = frozen,
    W_i = c_i (exp(c_i) - 1) / (e - 1), c_i = (H - s - i) / (H - s - d + 1).

    Args:
        horizon: Rows H.
        frozen: Rows d, 0..H.
        end: First row that the plan says nothing about, 0..H; it bounds `frozen`.
        hard: Whether the rows between are free instead (the paper's ablation).
    """
    if not (0 <= frozen <= horizon and 0 <= end <= horizon):
        raise FieldError('mask', f'rows in 0..{horizon} expected, got {frozen} and {end}')
    frozen = min(frozen, end)
    rows = torch.arange(horizon, dtype=torch.float64)
    fixed = rows < frozen
    if hard:
        return fixed.float()
    c = ((end - rows) / (end - frozen + 1)).clamp(0.0, 1.0)
    return torch.where(fixed, 1.0, c * torch.expm1(c) / (math.e - 1.0)).float()


def gain(t: float, beta: float = BETA) -> float:
    """Return min(beta, (1 - t) / (t r^2)) with r^2 = (1 - t)^2 / (t^2 + (1 - t)^2) (eq. 2, 4).

    It is `beta` at both ends, where the fraction has no bound.
    """
    below = t * (1.0 - t)
    return min(beta, (t * t + (1.0 - t) ** 2) / below) if below > 0.0 else beta


def guided(v: Velocity, guidance: Guidance) -> Velocity:
    """Return the velocity field that is pulled towards the settled rows (eq. 2 to 4).

    v' = v + k J^T e with x1 = x + (1 - t) v(x, t), e = W (Y - x1) and J = d x1 / d x, a true
    vector-Jacobian product through the network. Works inside `torch.inference_mode`, for which
    whatever `v` closes over must be no inference tensor. Nothing settled: `v` itself.
    """
    if guidance.empty:
        return v
    with torch.inference_mode(False):
        target = guidance.target.clone()
        weights = guidance.weights.clone()[:, None]

    def pulled(x: Tensor, t: float) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            at = x.detach().clone().requires_grad_(True)  # before v, or its Jacobian is lost
            velocity = v(at, t)
            x1 = at + (1.0 - t) * velocity
            error = weights.to(x) * (target.to(x) - x1.detach())
            (pull,) = torch.autograd.grad(x1, at, error)
        return velocity.detach() + gain(t, guidance.beta) * pull

    return pulled
