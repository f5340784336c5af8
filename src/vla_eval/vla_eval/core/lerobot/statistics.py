"""What LeRobotDataset says of each feature: extremes, mean, deviation, count, quantiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np

QUANTILES = {'q01': 0.01, 'q10': 0.10, 'q50': 0.50, 'q90': 0.90, 'q99': 0.99}
LEVELS = 256
CHANNELS = np.array([0, LEVELS, 2 * LEVELS], np.int64)
EVERY = 4  # pixels, along both sides


def of_rows(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return the statistics of (N, D) rows, each (D,); `count` is (1,)."""
    values = rows.astype(np.float64)
    found = {
        'min': values.min(0),
        'max': values.max(0),
        'mean': values.mean(0),
        'std': values.std(0),
        'count': np.array([len(values)]),
    }
    levels = np.quantile(values, list(QUANTILES.values()), axis=0)
    return {**found, **dict(zip(QUANTILES, levels, strict=True))}


class Pictures:
    """Statistics of one camera's pictures, exact over every fourth pixel of each row and column.

    Attributes:
        counts: (3, 256) pixels by channel and level.
        pictures: How many were seen.
    """

    def __init__(self, counts: np.ndarray | None = None, pictures: int = 0):
        self.counts = np.zeros((3, LEVELS), np.int64) if counts is None else counts
        self.pictures = pictures

    def add(self, image: np.ndarray) -> None:
        """Take a picture in, (H, W, 3) uint8."""
        some = image[::EVERY, ::EVERY] + CHANNELS  # each channel counts in a range of its own
        self.counts += np.bincount(some.ravel(), minlength=3 * LEVELS).reshape(3, LEVELS)
        self.pictures += 1

    @classmethod
    def together(cls, several: Sequence['Pictures']) -> 'Pictures':
        """Return the statistics of all pictures of several."""
        counts = np.sum([one.counts for one in several], axis=0)
        return cls(counts, sum(one.pictures for one in several))

    def result(self) -> dict[str, np.ndarray]:
        """Return the statistics, each (3, 1, 1) in 0..1; `count` is (1,), pictures."""
        levels = np.arange(LEVELS) / (LEVELS - 1)
        total = self.counts.sum(1)
        mean = self.counts @ levels / total
        spread = np.sqrt(np.maximum(self.counts @ levels**2 / total - mean**2, 0.0))
        reached = np.cumsum(self.counts, axis=1)
        found = {'mean': mean, 'std': spread}
        found['min'] = levels[np.argmax(self.counts > 0, axis=1)]
        found['max'] = levels[LEVELS - 1 - np.argmax(self.counts[:, ::-1] > 0, axis=1)]
        for name, share in QUANTILES.items():
            # the level of the pixel at that place of the sorted row, as numpy's `lower`
            place = np.floor(share * (total - 1)).astype(np.int64)
            found[name] = levels[np.argmax(reached > place[:, None], axis=1)]
        shaped = {name: value.reshape(3, 1, 1) for name, value in found.items()}
        return {**shaped, 'count': np.array([self.pictures])}


def plain(statistics: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """Return statistics as lists of numbers, for JSON."""
    return {
        feature: {name: value.tolist() for name, value in one.items()}
        for feature, one in statistics.items()
    }
