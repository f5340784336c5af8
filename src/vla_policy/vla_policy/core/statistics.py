"""Means and spreads that inputs and outputs are normalised with, and the tool's rotation."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vla_core import rotations
from vla_core.errors import FieldError
from vla_policy.core.features import STATE_FEATURES

LEAST_SPREAD = 1e-3  # m, m/s; a feature that never changed must not be magnified
LARGEST_TILT = 0.02  # rad


class StatisticsError(FieldError):
    """Statistics are missing, malformed or not finite."""


@dataclass(frozen=True, eq=False)
class Spread:
    """Normalisation of one array.

    Attributes:
        mean: Same shape as one sample.
        std: Same shape, > 0.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray) -> 'Spread':
        """Measure (N, ...) samples."""
        mean = samples.mean(0, dtype=np.float64)
        std = np.maximum(samples.std(0, dtype=np.float64), LEAST_SPREAD)
        return cls(mean.astype(np.float32), std.astype(np.float32))

    def normalise(self, x: np.ndarray) -> np.ndarray:
        """Return (x - mean) / std."""
        return ((x - self.mean) / self.std).astype(np.float32)

    def restore(self, x: np.ndarray) -> np.ndarray:
        """Return the inverse of `normalise`."""
        return x * self.std + self.mean


@dataclass(frozen=True, eq=False)
class Statistics:
    """All of a checkpoint's statistics.

    Attributes:
        state: Of (9,) `STATE_FEATURES`.
        rows: Of (H, 3) tool positions relative to the tool at the observation, base axes, m.
        positions: Of (6,) named object and plate relative to the tool, base axes, m.
        rotation: (3, 3) R_base_tool that every row commands.
    """

    state: Spread
    rows: Spread
    positions: Spread
    rotation: np.ndarray

    def to_json(self) -> str:
        """Return the text of statistics.json."""
        plain: dict[str, Any] = {
            name: {'mean': spread.mean.tolist(), 'std': spread.std.tolist()}
            for name, spread in self._spreads().items()
        }
        plain['state']['names'] = list(STATE_FEATURES)
        plain['rotation'] = np.asarray(self.rotation, float).tolist()
        return json.dumps(plain, indent=1) + '\n'

    def _spreads(self) -> Mapping[str, Spread]:
        return {'state': self.state, 'rows': self.rows, 'positions': self.positions}

    @classmethod
    def from_json(cls, text: str, horizon: int) -> 'Statistics':
        """Read statistics.json.

        Raises:
            StatisticsError: something is missing, of the wrong shape, or not finite.
        """
        try:
            plain = json.loads(text)
        except ValueError as error:
            raise StatisticsError('statistics', f'JSON expected: {error}') from None
        if not isinstance(plain, dict):
            raise StatisticsError('statistics', 'a JSON object expected')
        shapes = {'state': (len(STATE_FEATURES),), 'rows': (horizon, 3), 'positions': (6,)}
        spreads = {}
        for name, shape in shapes.items():
            block = plain.get(name)
            if not isinstance(block, dict):
                raise StatisticsError(name, 'missing; a mapping with mean and std expected')
            mean = _numbers(f'{name}.mean', block.get('mean'), shape)
            std = _numbers(f'{name}.std', block.get('std'), shape)
            if not (std > 0).all():
                raise StatisticsError(f'{name}.std', 'numbers > 0 expected')
            spreads[name] = Spread(mean, std)
        if plain['state'].get('names') != list(STATE_FEATURES):
            raise StatisticsError('state.names', f'{list(STATE_FEATURES)} expected')
        rotation = _numbers('rotation', plain.get('rotation'), (3, 3)).astype(float)
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > 1e-3 or np.linalg.det(rotation) < 0:
            raise StatisticsError('rotation', 'a rotation matrix expected')
        return cls(spreads['state'], spreads['rows'], spreads['positions'], rotation)


def constant_rotation(columns_6d: np.ndarray) -> np.ndarray:
    """Return the one rotation that all rows share.

    Args:
        columns_6d: (N, 6) rotation columns of the demonstrations.

    Raises:
        StatisticsError: rotations differ, so this kind of policy cannot follow them.
    """
    R = rotations.from_6d(columns_6d.mean(0, dtype=np.float64))
    worst = float(np.abs(columns_6d - rotations.to_6d(R)).max())
    if worst > LARGEST_TILT:
        raise StatisticsError(
            'rotation',
            f'one rotation in all demonstrations expected, columns differ by {worst:.3f}',
        )
    return R


def _numbers(key: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    try:
        array = np.array(value, np.float32)
    except (TypeError, ValueError):
        array = np.zeros(0, np.float32)
    if array.shape != shape:
        raise StatisticsError(key, f'numbers of shape {list(shape)} expected')
    if not np.isfinite(array).all():
        raise StatisticsError(key, 'finite numbers expected, got NaN or Inf')
    return array
