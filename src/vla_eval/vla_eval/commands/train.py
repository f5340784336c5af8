"""`./vla train`: demonstrations, then training, then a checkpoint; the same command resumes."""

import hashlib
import json
import os
import shutil
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vla_core.contract import RobotContract, load
from vla_core.errors import VlaError
from vla_eval.core import demonstrations
from vla_eval.core.demonstrations import Collection
from vla_policy.core.dataset import Dataset
from vla_policy.core.training.run import train
from vla_policy.core.training.settings import TrainSettings

DONE, FAILED, WRONG = 0, 1, 2
ROBOT = 'tabletop'
CONFIG = 'config.yaml'  # of a checkpoint; written last
MADE = 'finished.json'  # settings of the run that made the checkpoint
UNTOLD = {'position_weight': 0.0, 'look_weight': 0.0}  # a dataset does not tell where things are
LINE_EVERY = 100  # episodes between lines where there is no terminal


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='train', allow_abbrev=False)
    parser.add_argument('--head', default='flow')
    parser.add_argument('--config')
    parser.add_argument('--steps', type=int)
    parser.add_argument('--demonstrations', type=int, default=Collection.episodes)
    parser.add_argument('--data', type=Path)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--fresh', action='store_true')
    parser.add_argument('--force', action='store_true')
    options = parser.parse_args(argv)
    try:
        return _train(options, Console())
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED


def _train(options: Namespace, console: Console) -> int:
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    work = _work_folder(options, root)
    changes: dict[str, Any] = {'head': options.head}
    changes |= {'steps': options.steps} if options.steps else {}
    if options.data:
        changes |= UNTOLD
    settings = (
        TrainSettings.read(options.config, **changes)
        if options.config
        else TrainSettings(**changes)
    )
    if (options.out / CONFIG).exists() and not work.exists() and not options.force:
        print(
            f'--out {options.out}: holds a checkpoint that this command did not make; '
            'name another folder or add --force',
            file=sys.stderr,
        )
        return WRONG
    if options.fresh:
        shutil.rmtree(work, ignore_errors=True)
    made = work / MADE
    source = {'data': _mark(options.data)} if options.data else {}
    wanted = json.dumps({**settings.decisive(), **source}, sort_keys=True)
    if (options.out / CONFIG).exists() and made.exists() and made.read_text() == wanted:
        console.print(
            f'training is finished: {settings.steps} steps, {options.out}', soft_wrap=True
        )
        return DONE
    if options.data:
        contract, dataset = _from_lerobot(options.data, work, console)
        return _finish(
            train(dataset, contract, settings, work / 'state', options.out, console), made, wanted
        )
    contract_file = root / 'config' / 'robots' / f'{ROBOT}.yaml'
    contract = load(contract_file)
    collection = Collection(
        contract_file, work / 'demonstrations', episodes=options.demonstrations
    )
    dataset = _demonstrate(collection, contract, options.workers, console)
    return _finish(
        train(dataset, contract, settings, work / 'state', options.out, console), made, wanted
    )


def _finish(status: int, made: Path, wanted: str) -> int:
    if status == DONE:
        made.write_text(wanted)
    return status


def _from_lerobot(folder: Path, work: Path, console: Console) -> tuple[RobotContract, Dataset]:
    """Return a LeRobotDataset as demonstrations of its robot."""
    from vla_eval.commands.lerobot import contract_of  # parquet and video: only for this
    from vla_eval.core.lerobot.dataset import LerobotDataset
    from vla_eval.core.lerobot.lessons import Lessons

    source = LerobotDataset(folder)
    contract = contract_of(str(source.info.get('robot_type') or ''))
    lessons = Lessons(source, contract, Collection.horizon)
    dataset = Dataset.create(work / f'data-{_mark(folder)}', contract, Collection.horizon, 1)
    total = len(source.episodes)
    have = sum(dataset.has(lessons.index(count)) for count in range(total))
    if have < total:
        with _Bar(console, have, total) as bar:
            for frames in lessons.write(dataset):
                bar.add(frames)
    return contract, dataset


def _mark(folder: Path) -> str:
    """Return what tells a dataset from another one."""
    parts = [str(folder.resolve()).encode()]
    parts += [file.read_bytes() for file in sorted((folder / 'meta').glob('*.json'))]
    return hashlib.sha256(b'\0'.join(parts)).hexdigest()[:8]


def _work_folder(options: Namespace, root: Path) -> Path:
    """Return where demonstrations and state lie: in `out` if that is under runs/, else beside.

    A checkpoint folder elsewhere holds nothing but the checkpoint.
    """
    runs = root / 'runs'
    out = options.out.resolve()
    if out.is_relative_to(runs):
        return out / 'work'
    mark = hashlib.sha256(str(out).encode()).hexdigest()[:8]
    return runs / f'train-{options.head}-{mark}' / 'work'


def _demonstrate(
    collection: Collection, contract: RobotContract, workers: int, console: Console
) -> Dataset:
    dataset = Dataset.create(collection.folder, contract, collection.horizon, collection.sentences)
    have = sum(dataset.has(index) for index in range(collection.episodes))
    if 0 < have < collection.episodes:
        console.print(f'resuming demonstrations from {have} of {collection.episodes}')
    if have < collection.episodes:
        with _Bar(console, have, collection.episodes) as bar:
            for frames in demonstrations.collect(collection, workers):
                bar.add(frames)
    return dataset


class _Bar:
    """Progress over demonstrations."""

    def __init__(self, console: Console, done: int, total: int):
        self._console, self._done, self._total, self._frames = console, done, total, 0
        self._bar = Progress(
            TextColumn('demonstrations'),
            BarColumn(),
            TextColumn('{task.completed}/{task.total}'),
            TextColumn('{task.fields[frames]}'),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task('', total=total, completed=done, frames='')

    def __enter__(self) -> '_Bar':
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def add(self, frames: int) -> None:
        """Count an episode."""
        self._done += 1
        self._frames += frames
        self._bar.update(self._task, advance=1, frames=f'{self._frames} frames')
        if not self._console.is_terminal and (
            self._done % LINE_EVERY == 0 or self._done == self._total
        ):
            self._console.print(f'demonstrations {self._done}/{self._total}')
