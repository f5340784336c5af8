"""Errors of a network on frames it never trained on, in numbers a person can judge."""

import numpy as np
import torch

from vla_policy.core.config import PolicyConfig
from vla_policy.core.model.vla import VlaModel
from vla_policy.core.statistics import Statistics
from vla_policy.core.training.batches import Batch

ROW = 5  # the row whose error is told: about where the next chunk takes over


@torch.inference_mode()
def validate(
    model: VlaModel, batch: Batch, statistics: Statistics, config: PolicyConfig
) -> dict[str, float]:
    """Compare with the labels.

    Returns:
        `object_mm`: median distance between where the named object is and where the network
        thinks it is; `row_mm`: median distance of row 5 (or the last) from the expert's;
        `gripper`: share of gripper rows that agree.
    """
    condition = model.trunk(
        batch.images, batch.state, model.trunk.read(batch.tokens)[batch.sentence]
    )
    vector = condition.vector.flatten(0, 1)
    rows, gripper = model.head.plan(vector, torch.zeros_like(batch.rows), config.sampler)
    spread = statistics.positions.std[:3] * 1000.0
    guessed = condition.positions.flatten(0, 1)[:, :3] - batch.positions[:, :3]
    row = min(ROW, config.horizon - 1)
    missed = (rows - batch.rows)[:, row].numpy() * statistics.rows.std[row] * 1000.0
    return {
        'object_mm': _median_length(guessed.numpy() * spread),
        'row_mm': _median_length(missed),
        'gripper': float(((gripper > 0) == (batch.gripper > 0.5)).float().mean()),
    }


def _median_length(vectors: np.ndarray) -> float:
    return float(np.median(np.linalg.norm(vectors, axis=-1)))
