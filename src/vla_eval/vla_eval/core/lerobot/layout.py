"""Where the parts of a LeRobotDataset v3.0 lie, and what its features are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vla_core.contract import RobotContract
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot.frames import Frame

VERSION = 'v3.0'
FILES_PER_CHUNK = 1000
DATA_MB, VIDEO_MB = 100, 200
DATA = 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
VIDEO = 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4'
EPISODES = 'meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet'
INFO, STATS, TASKS = 'meta/info.json', 'meta/stats.json', 'meta/tasks.parquet'
STATE, ACTION, PICTURES = 'observation.state', 'action', 'observation.images.'
# What a dataset of ours says besides, so that nothing is lost on the way back; others ignore it.
VELOCITY, STAMPS, POSES, OPTICS = 'vla.state_velocity', 'vla.stamps', 'vla.poses', 'vla.optics'
COUNTED = {  # columns that every dataset has
    'timestamp': 'float32',
    'frame_index': 'int64',
    'episode_index': 'int64',
    'index': 'int64',
    'task_index': 'int64',
}
DTYPES = {'float32': np.float32, 'float64': np.float64, 'int64': np.int64, 'int32': np.int32}
OPTIC = ('fx', 'fy', 'cx', 'cy')  # pixels
POSE = ('x', 'y', 'z', 'qw', 'qx', 'qy', 'qz')


@dataclass(frozen=True)
class Place:
    """A file of a numbered row of files.

    Attributes:
        chunk: Number of its folder.
        file: Its number in there.
    """

    chunk: int = 0
    file: int = 0

    def path(self, pattern: str, key: str = '') -> str:
        """Return where it lies, relative to the dataset."""
        return pattern.format(chunk_index=self.chunk, file_index=self.file, video_key=key)

    def next(self) -> 'Place':
        """Return the one after it."""
        if self.file + 1 < FILES_PER_CHUNK:
            return Place(self.chunk, self.file + 1)
        return Place(self.chunk + 1, 0)


@dataclass(frozen=True)
class Vector:
    """A feature of numbers.

    Attributes:
        names: Of its elements.
        dtype: `float32` or `int64`.
    """

    names: tuple[str, ...]
    dtype: str = 'float32'


def vectors(contract: RobotContract) -> dict[str, Vector]:
    """Return the features of numbers that a contract's dataset has."""
    keys = tuple(contract.cameras)
    framed = ('tool', *keys)
    return {
        STATE: Vector(contract.state.names),
        ACTION: Vector(contract.output.joints),
        VELOCITY: Vector(contract.state.names),
        STAMPS: Vector(('observation', 'state', *keys), 'int64'),
        POSES: Vector(tuple(f'{name}.{axis}' for name in framed for axis in POSE)),
        OPTICS: Vector(tuple(f'{key}.{name}' for key in keys for name in OPTIC)),
    }


def row(frame: Frame) -> dict[str, np.ndarray]:
    """Return a frame's numbers, by feature."""
    seen = frame.observation
    views = tuple(seen.views.values())
    poses = [seen.T_base_tool, *(view.T_base_camera for view in views)]
    K = [view.K for view in views]
    return {
        STATE: seen.state,
        ACTION: frame.action,
        VELOCITY: seen.state_velocity,
        STAMPS: np.array([seen.stamp_ns, seen.state_stamp_ns, *(v.stamp_ns for v in views)]),
        POSES: np.concatenate([np.concatenate([T.t, T.quaternion]) for T in poses]),
        OPTICS: np.array([k[i, j] for k in K for i, j in ((0, 0), (1, 1), (0, 2), (1, 2))]),
    }


def features(contract: RobotContract, videos: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return `features` of info.json.

    Args:
        contract: The robot.
        videos: Camera key -> what is known of its videos' codec.
    """
    found: dict[str, Any] = {
        name: {'dtype': v.dtype, 'shape': [len(v.names)], 'names': list(v.names)}
        for name, v in vectors(contract).items()
    }
    for key, camera in contract.cameras.items():
        found[f'{PICTURES}{key}'] = {
            'dtype': 'video',
            'shape': [camera.height, camera.width, 3],
            'names': ['height', 'width', 'channels'],
            'info': dict(videos[key]),
        }
    for name, dtype in COUNTED.items():
        found[name] = {'dtype': dtype, 'shape': [1], 'names': None}
    return found


def schema(shapes: Mapping[str, tuple[str, int]]) -> pa.Schema:
    """Return the columns of a data file.

    Args:
        shapes: Feature -> (dtype, width), of those that are not counted.
    """
    kinds = {dtype: pa.from_numpy_dtype(np.dtype(dtype)) for dtype in DTYPES}
    fields = [
        (name, pa.list_(kinds[dtype], width) if width > 1 else kinds[dtype])
        for name, (dtype, width) in shapes.items()
    ]
    return pa.schema([*fields, *((name, kinds[dtype]) for name, dtype in COUNTED.items())])


def frames_per_second(contract: RobotContract) -> int:
    """Return the frame rate that the chunk step gives.

    Raises:
        DatasetFormatError: it is no whole number, which the format asks for.
    """
    rate = 1.0 / contract.rates.chunk_step_s
    if abs(rate - round(rate)) > 1e-6 or round(rate) < 1:
        raise DatasetFormatError(
            f'{contract.robot}: rates.chunk_step_s: {contract.rates.chunk_step_s:g} s is '
            f'{rate:.3f} frames a second; the format asks for a whole number'
        )
    return round(rate)


def below(folder: Path, relative: str) -> Path:
    """Return a path in a dataset, its folder made."""
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
