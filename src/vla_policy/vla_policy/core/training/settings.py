"""Every number of a training run, described once."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from vla_core.errors import FieldError
from vla_policy.core import heads


class TrainingError(FieldError):
    """A training run cannot start or go on."""


@dataclass(frozen=True)
class TrainSettings:
    """A training run.

    Attributes:
        head: Action head, one of `heads.NAMES`.
        steps: Optimiser steps.
        pictures: Frames per step; each comes with every sentence that labels it.
        seed: Of weights, data order, augmentation and noise.
        learning_rate: Peak, reached after `warm_up` steps, then a cosine to zero.
        warm_up: Steps.
        weight_decay: Of AdamW (Loshchilov & Hutter 2019).
        clip: Largest gradient norm.
        ema: Decay of the averaged weights, which are what is exported.
        position_weight: Weight of the position loss.
        look_weight: Weight of the look loss.
        rtc_max_delay: Longest prefix, rows, that the head learns to continue; 0 for none.
        gain: Spread of each colour channel's gain, +-.
        brightness: Spread of the common gain, +-.
        noise: Standard deviation of pixel noise, of 1.
        position_noise_m: Standard deviation of noise on the measured tool position.
        threads: Of torch; 0 for as many as there are cores.
        bf16: Whether the forward pass runs in bfloat16, on processors that calculate in it.
        save_every: Steps between resumable states.
        validate_every: Steps between validations.
        validation_frames: Frames per validation.
    """

    head: str = 'flow'
    steps: int = 1000
    pictures: int = 64
    seed: int = 0
    learning_rate: float = 1e-3
    warm_up: int = 150
    weight_decay: float = 0.02
    clip: float = 1.0
    ema: float = 0.999
    position_weight: float = 0.5
    look_weight: float = 0.3
    rtc_max_delay: int = 0
    gain: float = 0.08
    brightness: float = 0.15
    noise: float = 0.01
    position_noise_m: float = 0.001
    threads: int = 0
    bf16: bool = True
    save_every: int = 20
    validate_every: int = 100
    validation_frames: int = 256

    def __post_init__(self) -> None:
        if self.head not in heads.NAMES:
            raise TrainingError(
                'head', f'one of {", ".join(heads.NAMES)} expected, got {self.head}'
            )
        for name in ('steps', 'pictures', 'save_every', 'validate_every', 'validation_frames'):
            if getattr(self, name) < 1:
                raise TrainingError(name, f'1 or more expected, got {getattr(self, name)}')
        for name in ('seed', 'warm_up', 'threads', 'rtc_max_delay'):
            if getattr(self, name) < 0:
                raise TrainingError(name, f'0 or more expected, got {getattr(self, name)}')
        if not 0.0 < self.ema < 1.0:
            raise TrainingError('ema', f'a number between 0 and 1 expected, got {self.ema}')

    @classmethod
    def read(cls, path: Path | str, **changes: Any) -> 'TrainSettings':
        """Read a YAML file of settings; `changes` win over it.

        Raises:
            TrainingError: it is missing, no YAML, or holds an unknown key or a wrong type.
        """
        try:
            values = yaml.safe_load(Path(path).read_text(encoding='utf-8')) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = getattr(error, 'strerror', None) or 'no YAML'
            raise TrainingError(str(path), f'{reason}; training settings expected') from None
        if not isinstance(values, dict):
            raise TrainingError(str(path), 'a mapping expected')
        kinds = {f.name: type(f.default) for f in fields(cls)}
        for key, value in values.items():
            if key not in kinds:
                raise TrainingError(f'{path}: {key}', f'one of {", ".join(kinds)} expected')
            kind = kinds[key]
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                values[key] = value = float(value)
            if type(value) is not kind:
                raise TrainingError(f'{path}: {key}', f'{kind.__name__} expected, got {value!r}')
        return cls(**{**values, **changes})

    def decisive(self) -> dict[str, Any]:
        """Return what a run's numbers depend on: a resumed run must have the same."""
        free = {'threads', 'save_every', 'validate_every', 'validation_frames'}
        return {key: value for key, value in asdict(self).items() if key not in free}
