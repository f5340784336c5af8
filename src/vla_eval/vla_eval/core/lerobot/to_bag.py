"""A LeRobotDataset's episodes as a bag: what was seen and commanded, on the contract's topics."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_eval.core.bags import messages, room
from vla_eval.core.bags.encoder import Encoder
from vla_eval.core.bags.messages import COMMAND, IMAGE, INFO, JOINTS, STRING, TF
from vla_eval.core.bags.qos import Offered
from vla_eval.core.bags.writer import BagWriter
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot import layout
from vla_eval.core.lerobot.dataset import Episode, LerobotDataset

FIRST_NS = SECOND  # of a dataset that tells no times: stamps are times > 0
APART_NS = SECOND  # between episodes that tell no times
ORDER_NS = 1_000_000  # what is stamped alike comes one after another: joints, pictures, command


@dataclass(frozen=True)
class Moment:
    """When a frame was."""

    stamp_ns: int
    state_ns: int
    pictures_ns: tuple[int, ...]


def write_bag(
    dataset: LerobotDataset,
    contract: RobotContract,
    folder: Path,
    episodes: Sequence[int] = (),
    force: bool = False,
    look: Callable[[int], None] = lambda _: None,
) -> int:
    """Write episodes into one bag; return the frames.

    Args:
        dataset: Where they are from.
        contract: The robot; it names topics and frames.
        folder: Of the bag; whole or not there.
        episodes: Their numbers, none for all.
        force: Replace a bag.
        look: Told of the frames done, now and then.

    Raises:
        BagError: the folder holds a bag or cannot be written.
        DatasetFormatError: the dataset is of another robot, or damaged.
    """
    dataset.check(contract)
    for key, camera in contract.cameras.items():
        if camera.crop is not None or camera.rotation:
            raise DatasetFormatError(
                f'{dataset.folder}: robot {contract.robot} crops or turns camera {key}, and what '
                'lay outside is not in a dataset'
            )
    known = {episode.index: episode for episode in dataset.episodes}
    wanted = episodes or tuple(known)
    missing = [number for number in wanted if number not in known]
    if missing:
        raise DatasetFormatError(
            f'{dataset.folder}: no episode {missing[0]}; there are 0 to {len(known) - 1}'
        )
    room.free(folder, force)
    beside = folder.with_name(f'.{folder.name}.partial')
    shutil.rmtree(beside, ignore_errors=True)
    writer = _Writer(dataset, contract, beside / folder.name)
    try:
        for number in wanted:
            writer.episode(known[number], look)
        writer.close()
        room.clear(folder)
        (beside / folder.name).rename(folder)
    finally:
        writer.abandon()
        shutil.rmtree(beside, ignore_errors=True)
    return writer.frames


class _Writer:
    def __init__(self, dataset: LerobotDataset, contract: RobotContract, folder: Path):
        self._dataset, self._contract = dataset, contract
        self._encoder = Encoder()
        about = {'robot': contract.robot, 'dataset': dataset.folder.name}
        self._bag = BagWriter(folder, about)
        self._end_ns = FIRST_NS - APART_NS
        self._epoch = 0
        self.frames = 0
        for camera in contract.cameras.values():
            self._add(camera.topic, IMAGE)
            self._add(camera.camera_info, INFO)
        self._add(contract.state.topic, JOINTS)
        self._add('tf', TF)
        self._add('vla/command', COMMAND)
        self._add('vla/instruction', STRING, latched=True)

    def close(self) -> None:
        self._bag.close()

    def abandon(self) -> None:
        self._bag.abandon()

    def episode(self, episode: Episode, look: Callable[[int], None]) -> None:
        dataset, contract = self._dataset, self._contract
        rows = dataset.rows(episode)
        self._epoch += 1
        words = dataset.tasks[int(rows['task_index'][0])]
        streams = [dataset.pictures(episode, key) for key in contract.cameras]
        pictures = zip(*streams, strict=True)
        begin_ns = self._end_ns + APART_NS
        for count, (moment, shown) in enumerate(
            zip(self._moments(rows, begin_ns), pictures, strict=True)
        ):
            if count == 0:
                if moment.stamp_ns <= self._end_ns:
                    raise DatasetFormatError(
                        f'{dataset.folder}: episode {episode.index} begins before the one before '
                        'it ends; name one --episode'
                    )
                self._say(words, moment)
            self._frame(moment, {name: values[count] for name, values in rows.items()}, shown)
            self.frames += 1
            self._end_ns = moment.stamp_ns
            if self.frames % 10 == 0:
                self._bag.flush()
                look(self.frames)
        look(self.frames)

    def _moments(self, rows: dict[str, np.ndarray], begin_ns: int) -> Iterator[Moment]:
        if layout.STAMPS in rows:
            for stamps in rows[layout.STAMPS].tolist():
                yield Moment(stamps[0], stamps[1], tuple(stamps[2:]))
            return
        step_ns = SECOND // self._dataset.fps
        for count in range(len(rows['frame_index'])):
            at_ns = begin_ns + count * step_ns
            yield Moment(at_ns, at_ns, (at_ns,) * len(self._contract.cameras))

    def _say(self, words: str, moment: Moment) -> None:
        self._bag.note(instruction=words)
        self._put('vla/instruction', STRING, {'data': words}, moment.stamp_ns - ORDER_NS)

    def _frame(
        self, moment: Moment, row: dict[str, np.ndarray], shown: tuple[np.ndarray, ...]
    ) -> None:
        contract, at_ns = self._contract, max(moment.stamp_ns, *moment.pictures_ns)
        felt = row[layout.STATE], row.get(layout.VELOCITY)
        state = messages.joint_state(moment.state_ns, contract.state.names, *felt)
        self._put(contract.state.topic, JOINTS, state, at_ns)
        numbers = self.frames + 1, self._epoch
        told = contract.output.joints, row[layout.ACTION]
        self._put(
            'vla/command', COMMAND, messages.command(moment.stamp_ns, *numbers, *told), at_ns
        )
        if layout.POSES in row:
            self._transforms(moment, np.asarray(row[layout.POSES], np.float64), at_ns)
        cameras = contract.cameras.values()
        for k, (camera, image, stamp_ns) in enumerate(
            zip(cameras, shown, moment.pictures_ns, strict=True)
        ):
            said = stamp_ns, camera.optical_frame
            if layout.OPTICS in row:
                size, optics = image.shape[1::-1], row[layout.OPTICS][4 * k : 4 * k + 4]
                info = messages.camera_info(*said, size, optics)
                self._put(camera.camera_info, INFO, info, at_ns + ORDER_NS)
            self._put(camera.topic, IMAGE, messages.image(*said, image), at_ns + ORDER_NS)

    def _transforms(self, moment: Moment, poses: np.ndarray, at_ns: int) -> None:
        base = self._contract.model.base_link
        frames = [self._contract.model.tool]
        frames += [camera.optical_frame for camera in self._contract.cameras.values()]
        stamps = [moment.stamp_ns, *moment.pictures_ns]
        edges = [
            messages.edge(stamp_ns, base, frame, SE3.from_quaternion(pose[3:], pose[:3]))
            for frame, stamp_ns, pose in zip(frames, stamps, poses.reshape(-1, 7), strict=True)
        ]
        self._put('/tf', TF, {'transforms': edges}, at_ns)

    def _add(self, topic: str, kind: str, latched: bool = False) -> None:
        definition = self._encoder.definition(kind)
        self._bag.add_topic(_full(topic), definition, Offered(latched=latched))

    def _put(self, topic: str, kind: str, values: dict[str, Any], now_ns: int) -> None:
        self._bag.write(_full(topic), self._encoder.encode(kind, values), now_ns)


def _full(topic: str) -> str:
    return f'/{topic.lstrip("/")}'
