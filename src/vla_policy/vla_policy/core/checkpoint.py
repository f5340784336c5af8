"""A checkpoint folder: config.yaml, model.safetensors, statistics.json, README.md; no pickle."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
import yaml
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vla_core.errors import FieldError
from vla_policy.core import heads
from vla_policy.core.card import model_card
from vla_policy.core.config import ConfigError, PolicyConfig
from vla_policy.core.model.vla import VlaModel
from vla_policy.core.statistics import Statistics, StatisticsError
from vla_policy.core.text import TextError, Tokenizer

CONFIG, WEIGHTS, STATISTICS, CARD = (
    'config.yaml',
    'model.safetensors',
    'statistics.json',
    'README.md',
)


class CheckpointError(FieldError):
    """A checkpoint is missing, damaged, or does not fit the robot."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose texts were read and checked; weights are loaded by `load_model`.

    Attributes:
        folder: Where it lies.
        config: Its config.yaml.
        statistics: Its statistics.json.
        tokenizer: Over its vocabulary.
    """

    folder: Path
    config: PolicyConfig
    statistics: Statistics
    tokenizer: Tokenizer

    @classmethod
    def read(cls, folder: Path | str) -> 'Checkpoint':
        """Read everything but the weights.

        Raises:
            CheckpointError: a file is missing or malformed; one line.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise CheckpointError(str(folder), 'no such folder; a checkpoint expected')
        for name in (CONFIG, WEIGHTS, STATISTICS):
            if not (folder / name).is_file():
                raise CheckpointError(str(folder / name), 'missing; a whole checkpoint expected')
        try:
            config = PolicyConfig.from_mapping(yaml.safe_load(_text(folder / CONFIG)))
            tokenizer = Tokenizer(config.vocabulary, config.sizes.text_length)
        except yaml.YAMLError:
            raise CheckpointError(str(folder / CONFIG), 'no YAML') from None
        except (ConfigError, TextError) as error:
            raise CheckpointError(f'{folder / CONFIG}: {error.field}', error.problem) from None
        if config.head not in heads.NAMES:
            known = ', '.join(heads.NAMES)
            raise CheckpointError(
                f'{folder / CONFIG}: head', f'one of {known} expected, got {config.head!r}'
            )
        try:
            statistics = Statistics.from_json(_text(folder / STATISTICS), config.horizon)
        except StatisticsError as error:
            raise CheckpointError(f'{folder / STATISTICS}: {error.field}', error.problem) from None
        return cls(folder, config, statistics, tokenizer)

    @cached_property
    def weights_digest(self) -> str:
        """SHA-256 of the weights alone, by which reports and bags name them."""
        return hashlib.sha256((self.folder / WEIGHTS).read_bytes()).hexdigest()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over config, weights and statistics."""
        found = hashlib.sha256()
        for name in (CONFIG, WEIGHTS, STATISTICS):
            found.update((self.folder / name).read_bytes())
        return found.hexdigest()

    def load_model(self) -> VlaModel:
        """Build the network and fill in the weights, as float32.

        Raises:
            CheckpointError: weights are cut short, missing, unknown, or of the wrong shape.
        """
        path = self.folder / WEIGHTS
        model = VlaModel(self.config).eval()
        wanted = model.state_dict()
        try:
            with safe_open(path, framework='pt') as file:
                names = set(file.keys())
                if names != wanted.keys():
                    name = sorted(names ^ wanted.keys())[0]
                    word = 'missing' if name in wanted else 'unknown'
                    raise CheckpointError(f'{path}: {name}', f'{word} for this config.yaml')
                for name, tensor in wanted.items():
                    loaded = file.get_tensor(name)
                    if loaded.shape != tensor.shape:
                        raise CheckpointError(
                            f'{path}: {name}',
                            f'{list(tensor.shape)} expected, got {list(loaded.shape)}',
                        )
                    if not (loaded.is_floating_point() and bool(torch.isfinite(loaded).all())):
                        raise CheckpointError(f'{path}: {name}', 'finite floats expected')
                    tensor.copy_(loaded)
        except (OSError, SafetensorError) as error:
            reason = getattr(error, 'strerror', None) or 'cut short or no safetensors'
            raise CheckpointError(str(path), f'{reason}; copy the checkpoint again') from None
        return model


def _before(card: Path) -> str:
    try:
        return card.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError):
        return ''


def save_checkpoint(
    folder: Path, config: PolicyConfig, weights: Mapping[str, Tensor], statistics: Statistics
) -> None:
    """Write a checkpoint, weights as float16; each file beside and renamed, config.yaml last."""
    folder.mkdir(parents=True, exist_ok=True)
    half = {name: tensor.detach().half().contiguous() for name, tensor in weights.items()}
    part = folder / f'.{WEIGHTS}.part'
    content = save(half)  # save_file would make it readable by its owner only
    part.write_bytes(content)
    os.replace(part, folder / WEIGHTS)
    texts = {
        STATISTICS: statistics.to_json(),
        CARD: model_card(config, hashlib.sha256(content).hexdigest(), _before(folder / CARD)),
        CONFIG: yaml.safe_dump(config.to_mapping(), sort_keys=False, width=99),
    }
    for name, text in texts.items():
        part = folder / f'.{name}.part'
        part.write_text(text, encoding='utf-8')
        os.replace(part, folder / name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'not UTF-8'
        raise CheckpointError(str(path), reason) from None
