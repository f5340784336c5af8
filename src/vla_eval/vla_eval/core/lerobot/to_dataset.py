"""Bags to a LeRobotDataset: episode by episode, resumable after any kill."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_core.contract import RobotContract
from vla_core.errors import VlaError
from vla_eval.core import pool
from vla_eval.core.bags.tape import Tape
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot import layout, video
from vla_eval.core.lerobot.assembly import assemble
from vla_eval.core.lerobot.frames import Frame, Frames
from vla_eval.core.lerobot.unit import Unit, UnitWriter, sync

SHORTEST = 2  # frames of an episode
NOTED = ('task', 'seed', 'outcome', 'policy', 'checkpoint_digest', 'strategy')
PLAN, EPISODES, DATASET = 'plan.json', 'episodes', 'dataset'


@dataclass(frozen=True)
class Progress:
    """Where a conversion stands.

    Attributes:
        bag: Name of the bag under way, '' while files are joined.
        done_s: Seconds of it that are done.
        total_s: Its length.
        episodes: Finished so far, those of an earlier run included.
    """

    bag: str
    done_s: float
    total_s: float
    episodes: int


@dataclass(frozen=True)
class Converted:
    """What became of bags.

    Attributes:
        episodes: How many.
        frames: In all of them.
        resumed: Episodes that were there from an earlier run.
        short: Stretches of fewer than `SHORTEST` frames, which are no episodes.
        codec: Of the videos.
    """

    episodes: int
    frames: int
    resumed: int
    short: int
    codec: str


@dataclass(frozen=True)
class Settings:
    """What decides the episodes of a bag.

    Attributes:
        work: Folder of the conversion.
        contract: The robot.
        codec: Of the videos.
        task: Words instead of the bags'.
    """

    work: Path
    contract: RobotContract
    codec: str
    task: str


class BagConverter:
    """Makes episodes of single bags.

    Args:
        settings: What decides them.
        look: Told of the progress.
    """

    def __init__(self, settings: Settings, look: Callable[[Progress], None] = lambda _: None):
        self._settings, self._look = settings, look

    def convert(self, job: tuple[int, Path]) -> int:
        """Convert the bag of a number; return how many stretches were too short.

        Raises:
            BagError: it cannot be used.
            DatasetFormatError: a video cannot be written.
        """
        number, path = job
        settings = self._settings
        mark = settings.work / f'bag-{number:05d}.done'
        if mark.exists():
            return int(mark.read_text(encoding='utf-8'))
        tape = Tape(path, settings.contract)
        begun = sum(f.suffix != '.part' for f in (settings.work / EPISODES).glob('[0-9]*'))

        def look(done_s: float) -> None:
            self._look(Progress(path.name, done_s, tape.found.seconds, begun))

        short = self._episodes(number, tape, look)
        _write(mark, str(short))
        look(tape.found.seconds)
        return short

    def _episodes(self, number: int, tape: Tape, look: Callable[[float], None]) -> int:
        settings, stretch, short = self._settings, -1, 0
        writer: UnitWriter | None = None
        try:
            for frame in Frames(tape, settings.contract, settings.task).frames(look):
                if frame.begins:
                    short += _finish(writer)
                    stretch += 1
                    writer = self._begin(f'{number:05d}-{stretch:05d}', tape, frame)
                if writer is not None:
                    writer.add(frame)
            short += _finish(writer)
            writer = None
        finally:
            if writer is not None:
                writer.abandon()
        return short

    def _begin(self, name: str, tape: Tape, frame: Frame) -> UnitWriter | None:
        """Begin an episode; None where it is there from an earlier run."""
        settings = self._settings
        folder = settings.work / EPISODES / name
        if folder.exists():
            return None
        about: dict[str, Any] = {
            'bag': tape.path.name,
            'begin_ns': frame.observation.stamp_ns,
            **{key: value for key, value in tape.about.items() if key in NOTED},
        }
        return UnitWriter(folder, settings.contract, settings.codec, about)


def build(settings: Settings) -> Callable[[tuple[int, Path]], int]:
    """Return what converts a bag, in a worker."""
    return BagConverter(settings).convert


def _finish(writer: UnitWriter | None) -> int:
    """End an episode; return 1 where it is none."""
    if writer is None:
        return 0
    if writer.length < SHORTEST:
        writer.abandon()
        return 1
    writer.close()
    return 0


class Conversion:
    """Converts bags to one dataset.

    What is finished lies beside `out` until all is; a run that was killed goes on there.

    Args:
        bags: In their order.
        contract: The robot, which names the bags' topics.
        out: Folder of the dataset.
        codec: `auto`, or one of `video.CODECS`.
        task: Words instead of the bags'.
        look: Told of the progress.
        workers: Processes, where there are several bags; what comes out does not depend on it.
    """

    def __init__(
        self,
        bags: Sequence[Path],
        contract: RobotContract,
        out: Path,
        codec: str = 'auto',
        task: str = '',
        look: Callable[[Progress], None] = lambda _: None,
        workers: int = 1,
    ):
        self._workers = workers
        self._bags, self._contract, self._out, self._task = bags, contract, out, task
        self._codec = video.codec(codec)
        self._look = look
        self._work = out.with_name(f'.{out.name}.partial')

    def run(self, force: bool = False) -> Converted:
        """Convert what is missing.

        Args:
            force: Replace a dataset that lies there, and begin anew.

        Raises:
            BagError: a bag cannot be used.
            DatasetFormatError: a dataset lies there, another conversion is under way there, or
                nothing was found to convert.
        """
        layout.frames_per_second(self._contract)
        if (self._out / layout.INFO).exists() and not force:
            raise DatasetFormatError(f'{self._out}: holds a dataset; add --force to replace it')
        if self._out.exists() and not (self._out / layout.INFO).exists() and any_in(self._out):
            raise DatasetFormatError(f'{self._out}: holds something else; name another folder')
        if force:
            shutil.rmtree(self._work, ignore_errors=True)
        self._agree()
        before = {unit.folder for unit in self._units()}
        try:
            short = self._convert()
        except VlaError:
            if not self._units():  # nothing to go on with
                shutil.rmtree(self._work)
            raise
        units = self._units()
        if not units:
            raise DatasetFormatError(
                f'{", ".join(str(bag) for bag in self._bags)}: no episode: nothing was both seen '
                'and commanded under an instruction'
            )
        made = self._work / DATASET
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        origin = {
            'robot': self._contract.robot,
            'contract_digest': self._contract.digest,
            'bags': [bag.name for bag in self._bags],
        }
        self._look(Progress('', 0.0, 0.0, len(units)))
        assemble(units, self._contract, made, origin)
        if self._out.exists():
            shutil.rmtree(self._out)
        made.rename(self._out)
        sync(self._out.parent)
        shutil.rmtree(self._work)
        frames = sum(unit.length for unit in units)
        return Converted(len(units), frames, len(before), short, self._codec)

    def _convert(self) -> int:
        """Convert the bags; return how many stretches were too short."""
        settings = Settings(self._work, self._contract, self._codec, self._task)
        jobs = list(enumerate(self._bags))
        if min(self._workers, len(jobs)) == 1:
            one = BagConverter(settings, self._look)
            return sum(one.convert(job) for job in jobs)
        short = 0
        for done, (_, found) in enumerate(pool.run(build, settings, jobs, self._workers), 1):
            short += found
            count = f'{done} of {len(jobs)} bags'
            self._look(Progress(count, done, len(jobs), len(self._units())))
        return short

    def _agree(self) -> None:
        """Note what is converted, or make sure that it is what was begun."""
        plan: dict[str, Any] = {
            'bags': [str(bag) for bag in self._bags],
            'contract_digest': self._contract.digest,
            'codec': self._codec,
            'task': self._task,
        }
        file = self._work / PLAN
        if not file.exists():
            shutil.rmtree(self._work, ignore_errors=True)
            (self._work / EPISODES).mkdir(parents=True)
            _write(file, json.dumps(plan))
            return
        begun = json.loads(file.read_text(encoding='utf-8'))
        differ = [key for key, value in plan.items() if begun.get(key) != value]
        if differ:
            raise DatasetFormatError(
                f'{self._work}: a conversion with other {", ".join(differ)} was begun there; '
                'finish it, or add --force to begin anew'
            )

    def _units(self) -> list[Unit]:
        folders = (self._work / EPISODES).glob('[0-9]*')
        return [Unit.read(f) for f in sorted(folders) if f.is_dir() and f.suffix != '.part']


def any_in(folder: Path) -> bool:
    """Whether a folder holds anything, or is a file."""
    return not folder.is_dir() or any(folder.iterdir())


def _write(file: Path, text: str) -> None:
    """Write a small file, whole or not at all."""
    beside = file.with_name(f'{file.name}.part')
    beside.write_text(text, encoding='utf-8')
    sync(beside)
    beside.rename(file)
