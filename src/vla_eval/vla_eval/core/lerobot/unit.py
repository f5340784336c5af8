"""One episode on its way into a dataset: a folder that is there as a whole or not at all."""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vla_core.contract import RobotContract
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot import layout, video
from vla_eval.core.lerobot.frames import Frame
from vla_eval.core.lerobot.statistics import Pictures

ROWS, NOTE = 'rows.parquet', 'episode.json'
FLUSH = 512  # rows


@dataclass(frozen=True)
class Unit:
    """A finished episode.

    Attributes:
        folder: Where it lies.
        task: Its words.
        length: Frames.
        about: What else is noted of it.
        pictures: Statistics by camera key.
    """

    folder: Path
    task: str
    length: int
    about: Mapping[str, Any]
    pictures: Mapping[str, Pictures]

    @classmethod
    def read(cls, folder: Path) -> 'Unit':
        """Read what `UnitWriter` has written."""
        note = json.loads((folder / NOTE).read_text(encoding='utf-8'))
        pictures = {
            key: Pictures(np.array(one['counts'], np.int64), one['pictures'])
            for key, one in note['pictures'].items()
        }
        return cls(folder, note['task'], note['length'], note['about'], pictures)

    def rows(self) -> pa.Table:
        """Return the frames' numbers."""
        return pq.read_table(self.folder / ROWS)

    def video(self, key: str) -> Path:
        """Return a camera's video."""
        return self.folder / f'{key}.mp4'


class UnitWriter:
    """Writes one episode, frame by frame, beside its folder.

    Args:
        folder: It will lie there.
        contract: The robot.
        codec: Of the videos.
        about: What is noted of it.
    """

    def __init__(
        self, folder: Path, contract: RobotContract, codec: str, about: Mapping[str, Any]
    ):
        self._folder, self._about, self._task = folder, about, ''
        self._part = folder.with_name(f'{folder.name}.part')
        shutil.rmtree(self._part, ignore_errors=True)
        self._part.mkdir(parents=True)
        fps = layout.frames_per_second(contract)
        vectors = layout.vectors(contract)
        shapes = {name: (v.dtype, len(v.names)) for name, v in vectors.items()}
        names = [*shapes]
        self._schema = pa.schema([layout.schema(shapes).field(name) for name in names])
        self._rows: list[dict[str, np.ndarray]] = []
        self._table = pq.ParquetWriter(self._part / ROWS, self._schema, compression='snappy')
        self._pictures = {key: Pictures() for key in contract.cameras}
        self._videos = {
            key: video.VideoWriter(
                self._part / f'{key}.mp4', codec, fps, c.width, c.height, self._pictures[key].add
            )
            for key, c in contract.cameras.items()
        }
        self.length = 0

    def add(self, frame: Frame) -> None:
        """Append a frame.

        Raises:
            DatasetFormatError: a video cannot be written.
        """
        self._task = frame.observation.instruction
        self._rows.append(layout.row(frame))
        for key, view in frame.observation.views.items():
            self._videos[key].add(view.image)
        self.length += 1
        if len(self._rows) == FLUSH:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        columns = [
            pa.array([row[field.name].tolist() for row in self._rows], field.type)
            if pa.types.is_fixed_size_list(field.type)
            else pa.array([row[field.name].item() for row in self._rows], field.type)
            for field in self._schema
        ]
        self._table.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        """Make it whole.

        Raises:
            DatasetFormatError: a video cannot be written.
        """
        self._flush()
        self._table.close()
        for writer in self._videos.values():
            writer.close()
        note = {
            'task': self._task,
            'length': self.length,
            'about': dict(self._about),
            'pictures': {
                key: {'counts': one.counts.tolist(), 'pictures': one.pictures}
                for key, one in self._pictures.items()
            },
        }
        (self._part / NOTE).write_text(json.dumps(note), encoding='utf-8')
        for file in self._part.iterdir():
            sync(file)
        self._part.rename(self._folder)
        sync(self._folder.parent)

    def abandon(self) -> None:
        """Leave nothing of it."""
        self._table.close()
        for writer in self._videos.values():
            with contextlib.suppress(DatasetFormatError):
                writer.close()
        shutil.rmtree(self._part, ignore_errors=True)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
