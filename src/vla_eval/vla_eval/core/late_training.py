"""Demonstrations of the late decision, and the training of its policy: minutes on one thread."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from vla_eval.core import late_policy
from vla_eval.core.late_policy import AXES, LateConfig, WayNet, features
from vla_sim.core import late_decision, seeds
from vla_sim.core.late_decision import LEFT, RIGHT


@dataclass(frozen=True)
class LateTraining:
    """How the checkpoint is made; the same settings give the same weights on the same machine.

    Attributes:
        seed: Of demonstrations, weights and batches.
        episodes: Demonstrations.
        frames: Of each.
        steps: Of AdamW.
        batch: Frames a step.
        rate: Largest learning rate.
        prefix: Share of a batch that is given settled rows.
        longest_prefix: Rows.
    """

    seed: int = 0
    episodes: int = 6000
    frames: int = 40
    steps: int = 8000
    batch: int = 1024
    rate: float = 2e-3
    prefix: float = 0.4
    longest_prefix: int = 8


HORIZON = 16
WIDTH = 256
LAG_S = (0.026, 0.003)  # by which the measured tool is behind the commanded one: mean, spread
LAG_NOISE = 0.0003  # m
RESTS = 0.12  # share of frames at which the tool stands still
HURRIES = 0.1  # share of frames at which it is faster than the expert: a late chunk catches up
DECAY = 0.999  # of the running mean of the weights


def demonstrate(settings: LateTraining) -> tuple[np.ndarray, np.ndarray]:
    """Return states (N, 6) and rows (N, H, 2) relative to the commanded place, m.

    The expert is disturbed now and then, so that the policy learns the way back; where it has not
    decided yet, the side of its answer is drawn anew for every frame.
    """
    rng = seeds.stream(settings.seed, 'late demonstrations')
    count = settings.episodes
    courses = late_decision.courses(rng, count)
    at, post, goal = (
        np.array([getattr(c, name) for c in courses]) for name in ('start', 'post', 'goal')
    )
    side = rng.choice([LEFT, RIGHT], count)
    velocity, push, states, rows = np.zeros((count, 2)), np.zeros((count, 2)), [], []
    for _ in range(settings.frames):
        moved = rng.random(count) < 0.01
        goal = goal + moved[:, None] * np.stack(
            [rng.uniform(-0.1, 0.1, count), np.zeros(count)], 1
        )
        velocity[rng.random(count) < RESTS] = 0.0
        hurried = (rng.random(count) < HURRIES)[:, None]
        velocity = np.where(hurried, velocity * rng.uniform(1.0, 2.5, (count, 1)), velocity)
        lag = velocity * rng.normal(*LAG_S, (count, 1)) + rng.normal(0, LAG_NOISE, (count, 2))
        open_ = late_decision.undecided(at, post)
        side = np.where(open_, rng.choice([LEFT, RIGHT], count), side)
        ahead = late_decision.roll_out(at, post, goal, side, np.hypot(*velocity.T), HORIZON)
        states.append(features(at, at - lag, post, goal))
        rows.append(ahead - at[:, None])
        begins, ends = rng.random(count) < 0.06, rng.random(count) < 0.3
        drawn = rng.normal(0, 0.006, (count, 2)) * np.array([1.0, 0.6])
        push = np.where(begins[:, None], drawn, np.where(ends[:, None], 0.0, push))
        step = ahead[:, 0] - at + push
        velocity, at = step / 0.1, at + step
    return np.concatenate(states), np.concatenate(rows).astype(np.float32)


def train(settings: LateTraining, folder: Path, tell: Callable[[int, float], None]) -> None:
    """Make the checkpoint.

    Args:
        settings: See there.
        folder: Where it goes.
        tell: Called now and then with the step and the mean loss since.
    """
    torch.manual_seed(settings.seed)
    noise = torch.Generator().manual_seed(settings.seed)
    states, rows = demonstrate(settings)
    scale = np.maximum(rows.std(axis=(0, 2)), 0.002)
    S, R = torch.from_numpy(states), torch.from_numpy(rows / scale[:, None])
    net = WayNet(HORIZON, WIDTH)
    mean = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(DECAY)
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.rate, settings.steps, pct_start=0.03
    )
    total, every = 0.0, max(1, settings.steps // 10)
    for step in range(1, settings.steps + 1):
        picked = torch.randint(len(S), (settings.batch,), generator=noise)
        loss = _loss(net, S[picked], R[picked], settings, noise)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean.update_parameters(net)
        total += loss.item()
        if step % every == 0:
            tell(step, total / every)
            total = 0.0
    config = LateConfig(
        horizon=HORIZON,
        width=WIDTH,
        longest_prefix=settings.longest_prefix,
        method='euler',
        steps=20,
        row_scale=tuple(round(float(s), 6) for s in scale),
        training=asdict(settings),
    )
    late_policy.write(folder, config, mean.module)


def _loss(
    net: WayNet,
    state: torch.Tensor,
    rows: torch.Tensor,
    settings: LateTraining,
    generator: torch.Generator,
) -> torch.Tensor:
    """Flow matching over the rows that are not settled (Lipman et al. 2023, eq. 23)."""
    count = len(rows)
    noise = torch.randn(count, HORIZON, AXES, generator=generator)
    t = torch.rand(count, generator=generator)
    length = torch.randint(1, settings.longest_prefix + 1, (count,), generator=generator)
    given = torch.rand(count, generator=generator) < settings.prefix
    settled = (torch.arange(HORIZON) < (length * given)[:, None]).float()
    at = torch.where(settled[..., None] > 0, 1.0, t[:, None, None])
    v = net.velocity((1.0 - at) * noise + at * rows, t, state, settled)
    free = (1.0 - settled)[..., None]
    return ((v - (rows - noise)) * free).square().sum() / (free.sum() * AXES)
