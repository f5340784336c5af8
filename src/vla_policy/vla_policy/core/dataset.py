"""A folder of demonstrations: one safetensors file per episode, written whole or not at all.

Episodes are named by an index that the writer chooses, so that several processes may write at
once and an interrupted collection goes on with the indices that are missing. Reading maps the
files into memory.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from vla_core.contract import RobotContract
from vla_policy.core.demonstration import DatasetError, Demonstration, expected_shapes

MANIFEST = 'dataset.json'
FORMAT = 1
HELD_OUT = 17  # every 17th episode validates; prime, so that no round of tasks falls in step
DTYPES = {'U8': np.uint8, 'I32': np.int32, 'F32': np.float32}


@dataclass(frozen=True)
class Dataset:
    """A folder of demonstrations for one robot contract.

    Attributes:
        folder: Where it lies.
        digest: Digest of the contract it was made with.
        horizon: Rows H of each chunk.
        sentences: Sentences S that label each frame.
        columns: Names of the chunks' columns.
        shapes: Shape of one frame, by array.
    """

    folder: Path
    digest: str
    horizon: int
    sentences: int
    columns: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def create(
        cls, folder: Path | str, contract: RobotContract, horizon: int = 16, sentences: int = 6
    ) -> 'Dataset':
        """Make the folder, or open it where it exists.

        Raises:
            DatasetError: the folder holds demonstrations of another contract or shape.
        """
        folder = Path(folder)
        manifest = {
            'format': FORMAT,
            'robot': contract.robot,
            'contract_digest': contract.digest,
            'horizon': horizon,
            'sentences': sentences,
            'step_ns': contract.rates.step_ns,
            'columns': list(contract.action.columns),
            'state_names': list(contract.state.names),
        }
        path = folder / MANIFEST
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            _write_beside(path, json.dumps(manifest, indent=2).encode() + b'\n')
        found = _read_manifest(path)
        for key, value in manifest.items():
            if found.get(key) != value:
                raise DatasetError(
                    f'{path}: {key}', f'{value!r} expected, got {found.get(key)!r}; start afresh'
                )
        shapes = expected_shapes(contract, horizon, sentences)
        columns = contract.action.columns
        return cls(folder, contract.digest, horizon, sentences, columns, shapes)

    @classmethod
    def open(cls, folder: Path | str, contract: RobotContract) -> 'Dataset':
        """Open a folder that exists, with the horizon and number of sentences it has.

        Raises:
            DatasetError: it is missing, damaged or made with another contract.
        """
        found = _read_manifest(Path(folder) / MANIFEST)
        sizes = found.get('horizon'), found.get('sentences')
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            raise DatasetError(f'{folder}/{MANIFEST}', 'horizon and sentences > 0 expected')
        return cls.create(folder, contract, *sizes)  # type: ignore[arg-type]

    def path_of(self, index: int) -> Path:
        """Return where the episode of an index lies."""
        return self.folder / f'episode-{index:06d}.safetensors'

    def indices(self) -> list[int]:
        """Return the indices of the episodes that are there, in order."""
        names = (path.stem for path in self.folder.glob('episode-*.safetensors'))
        return sorted(int(name.removeprefix('episode-')) for name in names)

    def has(self, index: int) -> bool:
        """Whether the episode of an index is there."""
        return self.path_of(index).exists()

    def append_episode(self, index: int, episode: Demonstration) -> None:
        """Write an episode under its index, beside and renamed; an existing one is replaced.

        Raises:
            DatasetError: an array is missing, unknown or of the wrong shape.
        """
        arrays = episode.arrays()
        if arrays.keys() != self.shapes.keys():
            wrong = sorted(arrays.keys() ^ self.shapes.keys())
            raise DatasetError(f'episode {index}', f'arrays missing or unknown: {wrong}')
        for name, shape in self.shapes.items():
            if arrays[name].shape[1:] != shape:
                raise DatasetError(
                    f'episode {index}: {name}', f'(F, *{shape}) expected, got {arrays[name].shape}'
                )
        notes = {
            'texts': json.dumps(list(episode.texts)),
            'notes': json.dumps(dict(episode.notes)),
        }
        path = self.path_of(index)
        part = path.with_name(f'.{path.name}.{os.getpid()}.part')
        part.write_bytes(save(arrays, metadata=notes))
        os.replace(part, path)

    def episode(self, index: int) -> 'MappedEpisode':
        """Map one episode into memory.

        Raises:
            DatasetError: it is missing, cut short or of the wrong shape.
        """
        episode = MappedEpisode(self.path_of(index))
        for name, shape in self.shapes.items():
            if name not in episode.arrays or episode.arrays[name].shape[1:] != shape:
                raise DatasetError(f'{episode.path}: {name}', f'(F, *{shape}) expected')
        return episode

    def __iter__(self) -> Iterator['MappedEpisode']:
        for index in self.indices():
            yield self.episode(index)


class MappedEpisode:
    """One episode's arrays, mapped from its file, read only.

    Attributes:
        path: The file.
        arrays: By name on disk, first dimension frames.
        texts: Sentences that `arrays['sentence']` points to.
        notes: What the writer noted.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            data = np.asarray(np.memmap(path, np.uint8, mode='r'))
            (length,) = struct.unpack('<Q', bytes(data[:8]))
            header = json.loads(bytes(data[8 : 8 + length]))
            notes = header.pop('__metadata__')
            body = data[8 + length :]
            self.texts: tuple[str, ...] = tuple(json.loads(notes['texts']))
            self.notes: dict[str, str] = json.loads(notes['notes'])
            self.arrays = {}
            for name, entry in header.items():
                start, end = entry['data_offsets']
                raw = body[start:end].view(DTYPES[entry['dtype']])
                self.arrays[name] = raw.reshape(entry['shape'])
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            reason = getattr(error, 'strerror', None) or 'damaged or cut short'
            raise DatasetError(str(path), f'{reason}; delete it and collect it again') from None

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.arrays['tool_position'])


class Frames:
    """Many episodes as one numbered row of frames.

    Args:
        dataset: Where they lie.
        indices: Episodes, in the order in which their frames are numbered.
    """

    def __init__(self, dataset: Dataset, indices: list[int]):
        self.dataset = dataset
        self.episodes = [dataset.episode(index) for index in indices]
        self._counts = np.array([episode.frames for episode in self.episodes], int)
        self._ends = np.cumsum(self._counts)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Every sentence that occurs, sorted."""
        return tuple(sorted({text for episode in self.episodes for text in episode.texts}))

    @cached_property
    def _text_tables(self) -> list[np.ndarray]:
        number = {text: i for i, text in enumerate(self.texts)}
        return [np.array([number[t] for t in episode.texts]) for episode in self.episodes]

    def gather(self, frames: np.ndarray | None, name: str) -> np.ndarray:
        """Return (len(frames), ...) rows of one array; `sentence` then points to `texts`.

        None stands for every frame: for statistics, not for pictures.
        """
        if frames is None:
            whole = [episode.arrays[name] for episode in self.episodes]
            if name == 'sentence':
                whole = [t[w] for t, w in zip(self._text_tables, whole, strict=True)]
            return np.concatenate(whole)
        shape, dtype = self.dataset.shapes[name], self.episodes[0].arrays[name].dtype
        out = np.empty((len(frames), *shape), dtype)
        episodes = np.searchsorted(self._ends, frames, side='right')
        places = frames - (self._ends - self._counts)[episodes]
        for row, (e, place) in enumerate(zip(episodes.tolist(), places.tolist(), strict=True)):
            value = self.episodes[e].arrays[name][place]
            out[row] = self._text_tables[e][value] if name == 'sentence' else value
        return out


def split(dataset: Dataset) -> tuple[Frames, Frames]:
    """Return training and validation frames; an episode is never in both.

    Raises:
        DatasetError: there are too few episodes to validate.
    """
    indices = dataset.indices()
    held = [i for i in indices if i % HELD_OUT == HELD_OUT - 1]
    if not held or len(held) == len(indices):
        raise DatasetError(
            str(dataset.folder), f'{HELD_OUT} or more episodes expected, got {len(indices)}'
        )
    rest = [i for i in indices if i % HELD_OUT != HELD_OUT - 1]
    return Frames(dataset, rest), Frames(dataset, held)


def _read_manifest(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or 'no JSON'
        raise DatasetError(str(path), f'{reason}; a folder of demonstrations expected') from None
    if not isinstance(found, dict):
        raise DatasetError(str(path), 'a JSON object expected')
    return found


def _write_beside(path: Path, data: bytes) -> None:
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    part.write_bytes(data)
    os.replace(part, path)
