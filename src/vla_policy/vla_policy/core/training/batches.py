"""Frames to tensors: order, noise and labels, all from (seed, step)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vla_core.contract import RobotContract
from vla_policy.core.dataset import Frames
from vla_policy.core.features import gripper_group, state_features, tool_group
from vla_policy.core.projection import project
from vla_policy.core.statistics import Spread, Statistics, constant_rotation
from vla_policy.core.text import PAD, Tokenizer
from vla_policy.core.training.settings import TrainSettings

POOL = 2**21  # normal numbers drawn once; each picture's noise is a stretch of them


@dataclass(frozen=True)
class Batch:
    """B pictures with S sentences each, N = B * S in that order.

    Attributes:
        images: Camera key -> (B, 3, height, width) in 0..1.
        state: (B, 9) normalised.
        tokens: (U, words) of the U different sentences, cut to the longest.
        sentence: (B, S) which of them.
        rows: (N, H, 3) normalised tool positions relative to the tool.
        gripper: (N, H) 0 closed or 1 open.
        positions: (N, 6) normalised named object and plate relative to the tool.
        uv: Camera key -> (N, 2, 2) pixels (u, v) of the named object and of the plate, NaN out
            of view.
    """

    images: Mapping[str, Tensor]
    state: Tensor
    tokens: Tensor
    sentence: Tensor
    rows: Tensor
    gripper: Tensor
    positions: Tensor
    uv: Mapping[str, Tensor]


class Labels:
    """Reads one contract's frames as what the network takes and should answer.

    `chosen` are frame numbers; None stands for every frame.
    """

    def __init__(self, contract: RobotContract, frames: Frames):
        tool, gripper = tool_group(contract), gripper_group(contract)
        start = contract.action.slice_of(tool).start
        self.frames = frames
        self.position_columns = slice(start, start + 3)
        self.rotation_columns = slice(start + 3, start + 9)
        self.gripper_column = contract.action.slice_of(gripper).start
        self.finger = contract.state.names.index(gripper.names[0])
        self.cameras = {k: (c.height, c.width) for k, c in contract.cameras.items()}

    def state(self, chosen: np.ndarray | None, noise: np.ndarray | float = 0.0) -> np.ndarray:
        """Return (B, 9) features, with noise (B, 3) on the measured tool position, m."""
        read = self.frames.gather
        return state_features(
            read(chosen, 'tool_position') + noise,
            read(chosen, 'commanded_position'),
            read(chosen, 'state')[:, self.finger],
            read(chosen, 'state_velocity')[:, self.finger],
            read(chosen, 'gripper'),
        )

    def rows(self, chosen: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, H, 3) positions relative to the tool in m, and (N, H) gripper."""
        chunks = self.frames.gather(chosen, 'chunks')
        tool = self.frames.gather(chosen, 'tool_position')[:, None, None]
        rows = chunks[..., self.position_columns] - tool
        return rows.reshape(-1, *rows.shape[2:]), chunks[..., self.gripper_column].reshape(
            -1, chunks.shape[2]
        )

    def positions(self, chosen: np.ndarray | None) -> np.ndarray:
        """Return (N, 6) named object and plate relative to the tool, m."""
        tool = self.frames.gather(chosen, 'tool_position')[:, None]
        named = self.frames.gather(chosen, 'object_position')
        plate = np.broadcast_to(self.frames.gather(chosen, 'plate_position')[:, None], named.shape)
        return np.concatenate([named - tool, plate - tool], -1).reshape(-1, 6)

    def pixels(self, chosen: np.ndarray, key: str) -> np.ndarray:
        """Return (N, 2, 2) pixels of the named object and of the plate in one camera."""
        named = self.frames.gather(chosen, 'object_position')
        plate = np.broadcast_to(self.frames.gather(chosen, 'plate_position')[:, None], named.shape)
        points = np.stack([named, plate], 2)
        count = points.shape[1] * 2
        K = np.repeat(self.frames.gather(chosen, f'intrinsics.{key}'), count, 0)
        T = np.repeat(self.frames.gather(chosen, f'camera_poses.{key}'), count, 0)
        height, width = self.cameras[key]
        return project(points.reshape(-1, 3), K, T, width, height).reshape(-1, 2, 2)

    def statistics(self) -> Statistics:
        """Measure every frame."""
        rows, _ = self.rows(None)
        chunks = self.frames.gather(None, 'chunks')
        rotation = constant_rotation(chunks[..., self.rotation_columns].reshape(-1, 6))
        return Statistics(
            Spread.of(self.state(None)),
            Spread.of(rows),
            Spread.of(self.positions(None)),
            rotation,
        )


class Batches:
    """Makes the batch of any step; the same (seed, step) gives the same batch."""

    def __init__(
        self,
        labels: Labels,
        statistics: Statistics,
        tokenizer: Tokenizer,
        settings: TrainSettings,
    ):
        self.labels, self.statistics, self.settings = labels, statistics, settings
        self._tokens = np.stack([tokenizer.encode(text) for text in labels.frames.texts])
        most = max(3 * height * width for height, width in labels.cameras.values())
        generator = torch.Generator().manual_seed(settings.seed)
        self._pool = torch.randn(POOL + most, generator=generator)

    def at(self, step: int) -> Batch:
        """Return the augmented batch of a training step."""
        s = self.settings
        rng = np.random.default_rng([s.seed, step, 0])
        count = len(self.labels.frames)
        chosen = np.sort(rng.choice(count, min(s.pictures, count), replace=False))
        noise = rng.normal(0.0, s.position_noise_m, (len(chosen), 3)).astype(np.float32)
        images = {}
        for key in self.labels.cameras:
            raw = self.labels.frames.gather(chosen, f'images.{key}')
            images[key] = self._augment(_to_tensor(raw), rng)
        return self._batch(chosen, images, noise)

    def plain(self, chosen: np.ndarray) -> Batch:
        """Return chosen frames as they are, for validation."""
        read = self.labels.frames.gather
        images = {key: _to_tensor(read(chosen, f'images.{key}')) for key in self.labels.cameras}
        return self._batch(chosen, images, 0.0)

    def _augment(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        s, count = self.settings, len(images)
        gain = 1.0 + s.gain * rng.uniform(-1, 1, (count, 3, 1, 1))
        gain *= 1.0 + s.brightness * rng.uniform(-1, 1, (count, 1, 1, 1))
        speckle = torch.empty_like(images)
        pixels = speckle[0].numel()
        for one, start in zip(speckle, rng.integers(0, POOL, count), strict=True):
            one.view(-1).copy_(self._pool[int(start) : int(start) + pixels])
        gains = torch.from_numpy(gain.astype(np.float32))
        return speckle.mul_(s.noise).addcmul_(images, gains).clamp_(0.0, 1.0)

    def _batch(
        self, chosen: np.ndarray, images: Mapping[str, Tensor], noise: np.ndarray | float
    ) -> Batch:
        rows, gripper = self.labels.rows(chosen)
        uv = {key: self.labels.pixels(chosen, key) for key in self.labels.cameras}
        sentences = self.labels.frames.gather(chosen, 'sentence')
        different, sentence = np.unique(sentences, return_inverse=True)
        tokens = self._tokens[different]
        tokens = tokens[:, : int((tokens != PAD).sum(1).max())]
        stats = self.statistics
        return Batch(
            images=images,
            state=torch.from_numpy(stats.state.normalise(self.labels.state(chosen, noise))),
            tokens=torch.from_numpy(tokens),
            sentence=torch.from_numpy(sentence.reshape(sentences.shape)),
            rows=torch.from_numpy(stats.rows.normalise(rows)),
            gripper=torch.from_numpy(gripper),
            positions=torch.from_numpy(stats.positions.normalise(self.labels.positions(chosen))),
            uv={key: torch.from_numpy(pixels) for key, pixels in uv.items()},
        )


def _to_tensor(images: np.ndarray) -> Tensor:
    """Return (B, 3, height, width) in 0..1 for (B, height, width, 3) uint8."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255.0).contiguous()
