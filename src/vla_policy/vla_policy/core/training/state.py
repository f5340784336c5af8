"""The resumable state of a training run: one safetensors file, written beside and renamed."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vla_policy.core.training.settings import TrainingError

NAME = 'state.safetensors'


@dataclass
class Progress:
    """What a run has besides weights.

    Attributes:
        step: Optimiser steps done.
        settings: `TrainSettings.decisive` of the run.
        frames: Training frames it draws from.
        validation: Last validation, name -> number.
    """

    step: int
    settings: dict[str, Any]
    frames: int
    validation: dict[str, float]


def save(
    folder: Path,
    progress: Progress,
    model: nn.Module,
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write the state; a crash at any moment leaves the previous one whole."""
    tensors = {}
    for name, parameter in model.named_parameters():
        tensors[f'model.{name}'] = parameter.detach()
        tensors[f'average.{name}'] = average[name]
        for key, value in optimiser.state[parameter].items():
            tensors[f'optimiser.{key}.{name}'] = value
    part = folder / f'.{NAME}.{os.getpid()}.part'
    tensors = {key: value.contiguous() for key, value in tensors.items()}
    save_file(tensors, part, metadata={'progress': json.dumps(progress.__dict__)})
    os.replace(part, folder / NAME)


def load(
    folder: Path,
    model: nn.Module,
    average: dict[str, Tensor],
    optimiser: torch.optim.Optimizer,
) -> Progress | None:
    """Restore the state in place; None where there is none.

    Raises:
        TrainingError: the file is damaged or of another network.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        with safe_open(path, framework='pt') as file:
            progress = Progress(**json.loads(file.metadata()['progress']))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(tensors[f'model.{name}'])
                average[name].copy_(tensors[f'average.{name}'])
                optimiser.state[parameter] = {
                    key: tensors[f'optimiser.{key}.{name}']
                    for key in ('step', 'exp_avg', 'exp_avg_sq')
                }
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError):
        raise TrainingError(
            str(path), 'damaged or of another network; start with --fresh'
        ) from None
    return progress
