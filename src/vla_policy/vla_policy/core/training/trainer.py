"""The training loop: resumable at any step, the same numbers whether interrupted or not."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vla_core.contract import RobotContract
from vla_policy.core import losses
from vla_policy.core.checkpoint import save_checkpoint
from vla_policy.core.config import ModelSizes, PolicyConfig
from vla_policy.core.dataset import Dataset, split
from vla_policy.core.model.vla import VlaModel
from vla_policy.core.text import Tokenizer
from vla_policy.core.training import state
from vla_policy.core.training.batches import Batch, Batches, Labels
from vla_policy.core.training.settings import TrainingError, TrainSettings
from vla_policy.core.training.validation import validate


@dataclass(frozen=True)
class Tick:
    """Where a run stands, for who shows it.

    Attributes:
        step: Steps done.
        steps: Steps in all.
        losses: Of this step, by name; `loss` is their weighted sum.
        validation: Last validation, name -> number (mm, or a share).
    """

    step: int
    steps: int
    losses: dict[str, float]
    validation: dict[str, float]


class Trainer:
    """One run over one dataset.

    Args:
        dataset: Demonstrations.
        contract: Robot contract they were made with.
        settings: Every number of the run.
        work: Folder of the resumable state; a state found there is resumed.
        sizes: Widths and depths of the network.

    Raises:
        TrainingError: the state found belongs to a run with other settings or demonstrations, or
            a prefix is to be as long as a chunk.
    """

    def __init__(
        self,
        dataset: Dataset,
        contract: RobotContract,
        settings: TrainSettings,
        work: Path,
        sizes: ModelSizes | None = None,
    ):
        torch.set_num_threads(settings.threads or len(os.sched_getaffinity(0)))
        work.mkdir(parents=True, exist_ok=True)
        self.settings, self.work = settings, work
        sizes = sizes or ModelSizes()
        if settings.rtc_max_delay >= dataset.horizon:
            raise TrainingError(
                'rtc_max_delay',
                f'less than the {dataset.horizon} rows of a chunk expected, '
                f'got {settings.rtc_max_delay}',
            )
        train, held = split(dataset)
        labels = Labels(contract, train)
        self.statistics = labels.statistics()
        tokenizer = Tokenizer.from_texts(train.texts, sizes.text_length)
        self.config = PolicyConfig(
            head=settings.head,
            robot=contract.robot,
            contract_digest=contract.digest,
            cameras={key: (c.height, c.width) for key, c in contract.cameras.items()},
            state_names=contract.state.names,
            columns=contract.action.columns,
            horizon=dataset.horizon,
            step_ns=contract.rates.step_ns,
            vocabulary=tokenizer.vocabulary,
            sizes=sizes,
            rtc_max_delay=settings.rtc_max_delay,
            training={
                'seed': settings.seed,
                'steps': settings.steps,
                'episodes': len(dataset.indices()),
                'frames': len(train),
                'sentences_per_frame': dataset.sentences,
            },
        )
        self.batches = Batches(labels, self.statistics, tokenizer, settings)
        self.held = Batches(Labels(contract, held), self.statistics, tokenizer, settings)
        torch.manual_seed(settings.seed)
        self.model = VlaModel(self.config)
        self.average = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.progress = state.Progress(0, settings.decisive(), len(train), {})
        found = state.load(work, self.model, self.average, self.optimiser)
        if found is not None:
            self._agree(found)
            self.progress = found

    def _agree(self, found: state.Progress) -> None:
        wanted = self.progress
        for key, value in wanted.settings.items():
            if found.settings.get(key) != value:
                raise TrainingError(
                    key,
                    f'the run in {self.work} has {found.settings.get(key)!r}, not {value!r}; '
                    'continue it with its own settings or start with --fresh',
                )
        if found.frames != wanted.frames:
            raise TrainingError(
                'demonstrations',
                f'the run in {self.work} draws from {found.frames} frames, not {wanted.frames}; '
                'start with --fresh',
            )

    @property
    def step(self) -> int:
        """Steps done."""
        return self.progress.step

    @property
    def finished(self) -> bool:
        """Whether every step is done."""
        return self.step >= self.settings.steps

    def run(
        self,
        show: Callable[[Tick], None] = lambda tick: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Train until done or `stop` says so; the state is saved either way.

        Returns:
            Whether the run is finished.
        """
        s = self.settings
        while not self.finished and not stop():
            found = self.train_step()
            done = self.step
            if done % s.validate_every == 0 or self.finished:
                self.progress.validation = self.validate()
            if done % s.save_every == 0 or self.finished:
                self.save()
            show(Tick(done, s.steps, found, dict(self.progress.validation)))
        if self.step:
            self.save()
        return self.finished

    def save(self) -> None:
        """Write the resumable state."""
        state.save(self.work, self.progress, self.model, self.average, self.optimiser)

    def train_step(self) -> dict[str, float]:
        """Take one optimiser step and return its losses."""
        s, step = self.settings, self.step
        batch = self.batches.at(step)
        generator = torch.Generator().manual_seed(_mixed(s.seed, step))
        for group in self.optimiser.param_groups:
            group['lr'] = s.learning_rate * schedule(step, s.warm_up, s.steps)
        with torch.autocast('cpu', torch.bfloat16, enabled=s.bf16 and _has_bf16()):
            parts = self.losses(batch, generator)
        total = torch.stack([weight * loss for weight, loss in parts.values()]).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), s.clip)
        self.optimiser.step()
        decay = min(s.ema, (1.0 + step) / (10.0 + step))
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                self.average[name].lerp_(parameter, 1.0 - decay)
        self.progress.step = step + 1
        found = {name: float(loss.detach()) for name, (_, loss) in parts.items()}
        loss = float(total.detach())
        if not math.isfinite(loss):
            raise TrainingError('loss', f'not finite at step {step}: {found}; start with --fresh')
        return {'loss': loss, **found}

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, tuple[float, Tensor]]:
        """Return weight and loss by name."""
        s, trunk = self.settings, self.model.trunk
        condition = trunk(batch.images, batch.state, trunk.read(batch.tokens)[batch.sentence])
        vector = condition.vector.flatten(0, 1)
        parts = self.model.head.losses(vector, batch.rows, batch.gripper, generator)
        found = {name: (1.0, loss) for name, loss in parts.items()}
        positions = losses.position_loss(condition.positions.flatten(0, 1), batch.positions)
        found['position'] = (s.position_weight, positions)
        looks = []
        for key, logits in condition.looks.items():
            told = logits[:, :, : losses.TOLD].flatten(0, 1)
            looks.append(losses.look_loss(told, batch.uv[key], *self.config.cameras[key]))
        found['look'] = (s.look_weight, torch.stack(looks).mean())
        return found

    def averaged(self) -> VlaModel:
        """Return a network with the averaged weights."""
        model = VlaModel(self.config)
        model.load_state_dict(self.average)
        return model.eval()

    def validate(self) -> dict[str, float]:
        """Return errors of the averaged weights on frames never trained on."""
        count = min(self.settings.validation_frames, len(self.held.labels.frames))
        chosen = np.linspace(0, len(self.held.labels.frames) - 1, count).astype(int)
        found = validate(self.averaged(), self.held.plain(chosen), self.statistics, self.config)
        if not self.settings.position_weight:
            del found['object_mm']  # nothing was told of where things are
        return found

    def export(self, folder: Path) -> None:
        """Write the checkpoint folder of the averaged weights."""
        validation = {key: round(value, 4) for key, value in self.progress.validation.items()}
        config = PolicyConfig(
            **{**self.config.__dict__, 'training': {**self.config.training, **validation}}
        )
        save_checkpoint(folder, config, self.average, self.statistics)


def schedule(step: int, warm_up: int, steps: int) -> float:
    """Return the share of the peak learning rate: linear warm-up, then a cosine to zero."""
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def _has_bf16() -> bool:
    able = torch.cpu.get_capabilities()
    return bool(able.get('avx512_bf16') or able.get('amx_bf16'))


def _mixed(seed: int, step: int) -> int:
    return int(np.random.default_rng([seed, step, 1]).integers(2**62))
