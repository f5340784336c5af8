"""The two lessons beside the action: where things are, and where to look."""

import torch
from torch import Tensor, nn

from vla_policy.core.model.vision import STRIDE, tokens_along

TOLD = 2  # the first queries are told where to look: at the named object, at the plate


def position_loss(predicted: Tensor, positions: Tensor) -> Tensor:
    """Return the smooth L1 error (N, 6) of normalised object and plate positions."""
    return nn.functional.smooth_l1_loss(predicted, positions, beta=0.1)


def look_loss(logits: Tensor, uv: Tensor, height: int, width: int) -> Tensor:
    """Return the cross-entropy between where queries look and where their things are.

    The target is bilinear over the four tokens around the pixel; what is out of view is ignored.

    Args:
        logits: (..., T) over tokens, row by row.
        uv: (..., 2) pixels, NaN where out of view.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
    """
    rows, columns = tokens_along(height), tokens_along(width)
    seen = torch.isfinite(uv).all(-1)
    if not bool(seen.any()):
        return logits.sum() * 0.0
    logits, uv = logits[seen], uv[seen]
    # token (i, j) is centred on pixel coordinate STRIDE * (j + 1/2)
    x = (uv[:, 0] / STRIDE - 0.5).clamp(0.0, columns - 1.0)
    y = (uv[:, 1] / STRIDE - 0.5).clamp(0.0, rows - 1.0)
    x0, y0 = x.floor().clamp(max=columns - 2), y.floor().clamp(max=rows - 2)
    fx, fy = x - x0, y - y0
    corner = (y0 * columns + x0).long()
    cells = torch.stack([corner, corner + 1, corner + columns, corner + columns + 1], 1)
    weights = torch.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy], 1)
    return -(logits.log_softmax(-1).gather(1, cells) * weights).sum(1).mean()
