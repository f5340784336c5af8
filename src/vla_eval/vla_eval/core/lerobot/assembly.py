"""Makes the dataset's files of finished episodes: joined, numbered, with statistics."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vla_core.contract import RobotContract
from vla_eval.core.lerobot import layout, statistics, video
from vla_eval.core.lerobot.layout import Place, below
from vla_eval.core.lerobot.statistics import Pictures
from vla_eval.core.lerobot.unit import Unit, sync

MB = 1 << 20
ORIGIN = 'meta/vla.json'  # where it comes from; no part of the format


@dataclass
class _Files:
    """A row of files that are filled one after another."""

    most: int
    place: Place = field(default_factory=Place)
    held: int = 0

    def take(self, size: int) -> bool:
        """Count a part in; return whether it begins a file."""
        begins = not self.held
        if self.held and self.held + size > self.most:
            self.place, self.held, begins = self.place.next(), 0, True
        self.held += size
        return begins


def assemble(
    units: Sequence[Unit],
    contract: RobotContract,
    folder: Path,
    origin: Mapping[str, Any],
    look: Callable[[], None] = lambda: None,
    data_mb: float = layout.DATA_MB,
    video_mb: float = layout.VIDEO_MB,
) -> None:
    """Write a dataset.

    Args:
        units: Its episodes, one or more.
        contract: The robot.
        folder: To be filled; there, and empty.
        origin: Where it comes from.
        look: Told of each episode.
        data_mb: Size above which the next file of numbers is begun, MB.
        video_mb: Likewise, of videos.

    Raises:
        DatasetFormatError: a video cannot be written.
    """
    fps = layout.frames_per_second(contract)
    tasks = list(dict.fromkeys(unit.task for unit in units))
    rows = _videos(units, contract, folder, fps, round(video_mb * MB))
    _data(units, rows, tasks, folder, fps, round(data_mb * MB), look)
    _episodes(rows, folder)
    _tasks(tasks, folder)
    whole = _whole_statistics(units, contract, folder)
    _json(folder, layout.STATS, statistics.plain(whole))
    first = {
        key: video.facts(folder / Place().path(layout.VIDEO, f'{layout.PICTURES}{key}'), fps)
        for key in contract.cameras
    }
    info = {
        'codebase_version': layout.VERSION,
        'robot_type': contract.robot,
        'total_episodes': len(units),
        'total_frames': sum(unit.length for unit in units),
        'total_tasks': len(tasks),
        'chunks_size': layout.FILES_PER_CHUNK,
        'data_files_size_in_mb': layout.DATA_MB,
        'video_files_size_in_mb': layout.VIDEO_MB,
        'fps': fps,
        'splits': {'train': f'0:{len(units)}'},
        'data_path': layout.DATA,
        'video_path': layout.VIDEO,
        'features': layout.features(contract, first),
    }
    _json(folder, ORIGIN, {**origin, 'episodes': [dict(unit.about) for unit in units]})
    _json(folder, layout.INFO, info)
    for file in folder.rglob('*'):
        sync(file)


def _videos(
    units: Sequence[Unit], contract: RobotContract, folder: Path, fps: int, most: int
) -> list[dict[str, Any]]:
    """Write the videos; return what the episodes' rows say of them."""
    rows: list[dict[str, Any]] = [{} for _ in units]
    for key in contract.cameras:
        name = f'{layout.PICTURES}{key}'
        files, parts = _Files(most), dict[Place, list[tuple[Path, int]]]()
        for unit, row in zip(units, rows, strict=True):
            path = unit.video(key)
            files.take(path.stat().st_size)
            held = parts.setdefault(files.place, [])
            from_s = sum(frames for _, frames in held) / fps
            held.append((path, unit.length))
            row[f'videos/{name}/chunk_index'] = files.place.chunk
            row[f'videos/{name}/file_index'] = files.place.file
            row[f'videos/{name}/from_timestamp'] = from_s
            row[f'videos/{name}/to_timestamp'] = from_s + unit.length / fps
        for place, held in parts.items():
            video.join(held, below(folder, place.path(layout.VIDEO, name)), fps)
    return rows


def _data(
    units: Sequence[Unit],
    rows: list[dict[str, Any]],
    tasks: list[str],
    folder: Path,
    fps: int,
    most: int,
    look: Callable[[], None],
) -> None:
    """Write the numbers; add what the episodes' rows say of them, statistics included."""
    files, writer, begin = _Files(most), None, 0
    try:
        for index, (unit, row) in enumerate(zip(units, rows, strict=True)):
            table = _numbered(unit, index, begin, tasks.index(unit.task), fps)
            if files.take((unit.folder / 'rows.parquet').stat().st_size):
                if writer is not None:
                    writer.close()
                path = below(folder, files.place.path(layout.DATA))
                writer = pq.ParquetWriter(path, table.schema, compression='snappy')
            assert writer is not None
            writer.write_table(table)
            end = begin + unit.length
            head = {
                'episode_index': index,
                'tasks': [unit.task],
                'length': unit.length,
                'data/chunk_index': files.place.chunk,
                'data/file_index': files.place.file,
                'dataset_from_index': begin,
                'dataset_to_index': end,
                'meta/episodes/chunk_index': 0,
                'meta/episodes/file_index': 0,
            }
            names = table.column_names
            found = {name: statistics.of_rows(_numbers(table, name)) for name in names}
            for key, pictures in unit.pictures.items():
                found[f'{layout.PICTURES}{key}'] = pictures.result()
            flat = {
                f'stats/{feature}/{kind}': value
                for feature, one in statistics.plain(found).items()
                for kind, value in one.items()
            }
            rows[index] = {**head, **row, **flat}
            begin = end
            look()
    finally:
        if writer is not None:
            writer.close()


def _numbered(unit: Unit, index: int, begin: int, task: int, fps: int) -> pa.Table:
    """Return an episode's rows with the columns that depend on its place in the dataset."""
    table, count = unit.rows(), np.arange(unit.length)
    counted: dict[str, np.ndarray] = {
        'timestamp': (count / fps).astype(np.float32),
        'frame_index': count,
        'episode_index': np.full(unit.length, index),
        'index': begin + count,
        'task_index': np.full(unit.length, task),
    }
    for name, values in counted.items():
        table = table.append_column(name, pa.array(values.astype(layout.COUNTED[name])))
    return table


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as (N, D)."""
    column = table[name].combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        width = column.type.list_size
        return np.asarray(column.flatten().to_numpy(zero_copy_only=False)).reshape(-1, width)
    return np.asarray(column.to_numpy(zero_copy_only=False)).reshape(-1, 1)


def _episodes(rows: list[dict[str, Any]], folder: Path) -> None:
    path = below(folder, Place().path(layout.EPISODES))
    pq.write_table(pa.Table.from_pylist(rows), path, compression='snappy')


def _tasks(tasks: list[str], folder: Path) -> None:
    """Write the tasks as the frame that pandas would: the words are its index."""
    index = '__index_level_0__'
    described = [
        {'name': 'task_index', 'field_name': 'task_index', 'pandas_type': 'int64',
         'numpy_type': 'int64', 'metadata': None},
        {'name': None, 'field_name': index, 'pandas_type': 'unicode',
         'numpy_type': 'object', 'metadata': None},
    ]  # fmt: skip
    about = {
        'index_columns': [index],
        'column_indexes': [
            {'name': None, 'field_name': None, 'pandas_type': 'unicode',
             'numpy_type': 'object', 'metadata': {'encoding': 'UTF-8'}}
        ],
        'columns': described,
        'creator': {'library': 'pyarrow', 'version': pa.__version__},
        'pandas_version': '2.2.0',
    }  # fmt: skip
    columns = {'task_index': pa.array(range(len(tasks)), pa.int64()), index: pa.array(tasks)}
    table = pa.table(columns).replace_schema_metadata({'pandas': json.dumps(about)})
    pq.write_table(table, below(folder, layout.TASKS), compression='snappy')


def _whole_statistics(
    units: Sequence[Unit], contract: RobotContract, folder: Path
) -> dict[str, dict[str, np.ndarray]]:
    """Return the statistics over all episodes; one feature is in memory at a time."""
    files = sorted((folder / 'data').rglob('*.parquet'))
    found = {}
    for name in pq.read_schema(files[0]).names:
        columns = [_numbers(pq.read_table(file, columns=[name]), name) for file in files]
        found[name] = statistics.of_rows(np.concatenate(columns))
    for key in contract.cameras:
        several = [unit.pictures[key] for unit in units]
        found[f'{layout.PICTURES}{key}'] = Pictures.together(several).result()
    return found


def _json(folder: Path, relative: str, values: Mapping[str, Any]) -> None:
    text = json.dumps(values, indent=4, ensure_ascii=False, allow_nan=False)
    below(folder, relative).write_text(text, encoding='utf-8')
