"""Reads a LeRobotDataset v3.0, whoever wrote it: checked when opened, one episode at a time."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vla_core.contract import RobotContract
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot import layout, video
from vla_eval.core.lerobot.layout import ACTION, PICTURES, STATE, Place

DAMAGE = (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, pa.ArrowException)


@dataclass(frozen=True)
class Episode:
    """Where the parts of one episode lie.

    Attributes:
        index: Its number.
        length: Frames.
        tasks: Its words.
        row: What else meta/episodes says of it.
    """

    index: int
    length: int
    tasks: tuple[str, ...]
    row: Mapping[str, Any]


class LerobotDataset:
    """A dataset on the disk.

    Attributes:
        folder: Where it lies.
        info: meta/info.json.
        fps: Frames a second.
        episodes: In their order.

    Args:
        folder: Its root, which holds `meta/`.

    Raises:
        DatasetFormatError: it is none, of another version, or files are missing.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.info = self._info()
        self.fps = int(self.info['fps'])
        self.episodes = self._episodes()

    @property
    def features(self) -> Mapping[str, Any]:
        """`features` of info.json."""
        features: Mapping[str, Any] = self.info['features']
        return features

    @property
    def cameras(self) -> tuple[str, ...]:
        """Camera keys, without what the format puts before them."""
        videos = (name for name in self.features if _is_video(self, name))
        return tuple(name.removeprefix(PICTURES) for name in videos)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Words by task index."""
        table = self._table(self.folder / layout.TASKS)
        try:
            (name,) = (n for n in table.column_names if n != 'task_index')
            words = dict(
                zip(table['task_index'].to_pylist(), table[name].to_pylist(), strict=True)
            )
            return tuple(str(words[k]) for k in range(len(words)))
        except DAMAGE as error:
            raise self._broken(layout.TASKS, error) from None

    def check(self, contract: RobotContract) -> None:
        """Refuse a dataset that is of another robot.

        Raises:
            DatasetFormatError: names, widths, cameras, picture sizes or the rate differ.
        """
        for feature, names in (
            (STATE, contract.state.names),
            (ACTION, contract.output.joints),
        ):
            self._check_vector(feature, names, contract.robot)
        for key, camera in contract.cameras.items():
            name = f'{PICTURES}{key}'
            if not _is_video(self, name):
                had = ', '.join(self.cameras) or 'none'
                raise DatasetFormatError(
                    f'{self.folder}: no videos of camera {key} ({name}), which robot '
                    f'{contract.robot} has; there are: {had}'
                )
            shape, wanted = list(self.features[name]['shape']), [camera.height, camera.width, 3]
            if shape != wanted:
                raise DatasetFormatError(
                    f'{self.folder}: {name}: shape {shape}; {wanted} expected for robot '
                    f'{contract.robot}'
                )
        fps = layout.frames_per_second(contract)
        if self.fps != fps:
            raise DatasetFormatError(
                f'{self.folder}: {self.fps} frames a second; robot {contract.robot} has '
                f'{fps} (rates.chunk_step_s)'
            )

    def _check_vector(self, feature: str, names: tuple[str, ...], robot: str) -> None:
        described = self.features.get(feature)
        if described is None:
            raise DatasetFormatError(f'{self.folder}: no feature {feature}')
        width, said = int(np.prod(described['shape'])), described.get('names')
        if width != len(names):
            raise DatasetFormatError(
                f'{self.folder}: {feature}: {width} wide; {len(names)} expected for robot '
                f'{robot}: {", ".join(names)}'
            )
        if isinstance(said, list) and len(said) == width and tuple(said) != names:
            raise DatasetFormatError(
                f'{self.folder}: {feature}: names {", ".join(map(str, said))}; robot {robot} has '
                f'{", ".join(names)}'
            )

    def rows(self, episode: Episode) -> dict[str, np.ndarray]:
        """Return an episode's numbers by feature: (F, D), or (F,) of what is one wide.

        Raises:
            DatasetFormatError: they are missing, or not as wide as info.json says.
        """
        place = Place(int(episode.row['data/chunk_index']), int(episode.row['data/file_index']))
        relative = place.path(self.info['data_path'])
        table = self._table(self.folder / relative, episode.index)
        if table.num_rows != episode.length:
            raise DatasetFormatError(
                f'{self.folder / relative}: {table.num_rows} frames of episode {episode.index}; '
                f'{episode.length} expected'
            )
        found = {}
        for name, described in self.features.items():
            if described['dtype'] in ('video', 'image', 'string'):
                continue
            try:
                values = np.array(table[name].to_pylist())
            except DAMAGE as error:
                raise self._broken(f'{relative}: {name}', error) from None
            width = int(np.prod(described['shape']))
            if values.size != episode.length * width or values.dtype.kind not in 'fiub':
                raise DatasetFormatError(
                    f'{self.folder / relative}: {name}: {width} numbers a frame expected'
                )
            found[name] = values.reshape(-1) if width == 1 else values.reshape(-1, width)
        return found

    def pictures(self, episode: Episode, key: str) -> Iterator[np.ndarray]:
        """Yield a camera's frames of an episode, (H, W, 3) uint8 RGB, one at a time.

        Raises:
            DatasetFormatError: the video is missing, cut, or of another size.
        """
        name = f'{PICTURES}{key}'
        try:
            chunk, file, begin = (
                episode.row[f'videos/{name}/{part}']
                for part in ('chunk_index', 'file_index', 'from_timestamp')
            )
        except KeyError as error:
            raise self._broken('meta/episodes', error) from None
        path = self.folder / Place(int(chunk), int(file)).path(self.info['video_path'], name)
        shape = tuple(self.features[name]['shape'])
        for image in video.frames(path, float(begin), episode.length, self.fps):
            if image.shape != shape:
                raise DatasetFormatError(f'{path}: {image.shape}; {shape} expected')
            yield image

    def _info(self) -> dict[str, Any]:
        file = self.folder / layout.INFO
        if not file.is_file():
            raise DatasetFormatError(f'{self.folder}: no LeRobotDataset: {layout.INFO} is missing')
        try:
            info = json.loads(file.read_text(encoding='utf-8'))
            version = info['codebase_version']
        except DAMAGE as error:
            raise self._broken(layout.INFO, error) from None
        if version != layout.VERSION:
            raise DatasetFormatError(
                f'{file}: version {version}; {layout.VERSION} is read here (LeRobot converts '
                'older ones)'
            )
        try:
            int(info['fps'])
            for described in info['features'].values():
                np.prod(described['shape'])
                described['dtype']
            info['data_path'].format(chunk_index=0, file_index=0)
            if any(described['dtype'] == 'video' for described in info['features'].values()):
                info['video_path'].format(chunk_index=0, file_index=0, video_key='')
        except DAMAGE as error:
            raise self._broken(layout.INFO, error) from None
        return dict(info)

    def _episodes(self) -> tuple[Episode, ...]:
        files = sorted((self.folder / 'meta' / 'episodes').glob('chunk-*/file-*.parquet'))
        if not files:
            raise DatasetFormatError(f'{self.folder}: no LeRobotDataset: meta/episodes is missing')
        found = []
        for file in files:
            table = self._table(file)
            named = [name for name in table.column_names if not name.startswith('stats/')]
            for row in table.select(named).to_pylist():
                try:
                    tasks = tuple(str(task) for task in row['tasks'])
                    one = Episode(int(row['episode_index']), int(row['length']), tasks, row)
                    row['data/chunk_index'], row['data/file_index']
                except DAMAGE as error:
                    raise self._broken(str(file.relative_to(self.folder)), error) from None
                found.append(one)
        if len(found) != self.info.get('total_episodes', len(found)):
            raise DatasetFormatError(
                f'{self.folder}: {len(found)} episodes in meta/episodes; {layout.INFO} says '
                f'{self.info["total_episodes"]}'
            )
        return tuple(sorted(found, key=lambda episode: episode.index))

    def _table(self, file: Path, episode: int | None = None) -> pa.Table:
        if not file.is_file():
            raise DatasetFormatError(f'{file}: missing')
        chosen = None if episode is None else [('episode_index', '=', episode)]
        try:
            return pq.read_table(file, filters=chosen)
        except DAMAGE as error:
            raise self._broken(str(file.relative_to(self.folder)), error) from None

    def _broken(self, what: str, error: BaseException) -> DatasetFormatError:
        said = ' '.join(str(error).split())[:120]
        return DatasetFormatError(f'{self.folder}: {what}: not as {layout.VERSION} says ({said})')


def _is_video(dataset: LerobotDataset, name: str) -> bool:
    return dataset.features.get(name, {}).get('dtype') == 'video'
