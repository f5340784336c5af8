"""`./vla bag to-lerobot` and `from-lerobot`: bags to a LeRobotDataset v3.0 and back."""

import os
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vla_core.contract import RobotContract, load
from vla_eval.core.bags.reader import Bag
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot import to_dataset
from vla_eval.core.lerobot.dataset import LerobotDataset
from vla_eval.core.lerobot.to_bag import write_bag
from vla_eval.core.lerobot.to_dataset import Conversion

ROBOT = 'tabletop'


def to_lerobot(given: Namespace, console: Console) -> None:
    """Convert bags.

    Raises:
        VlaError: a bag cannot be used, or the dataset not written.
    """
    contract = contract_of(given.robot or _noted(given.bag[0]))
    with _Bar(console) as bar:

        def look(progress: to_dataset.Progress) -> None:
            name = progress.bag or 'joining'
            bar.show(name, progress.done_s, progress.total_s, f'{progress.episodes} episodes')

        conversion = Conversion(
            given.bag, contract, given.out, given.codec, given.task or '', look, given.workers
        )
        done = conversion.run(given.force)
    notes = [f'{done.resumed} of them from the run before'] if done.resumed else []
    notes += [f'{done.short} stretches of one frame left out'] if done.short else []
    _say(
        console,
        f'{done.episodes} episode{"s" * (done.episodes != 1)}, {done.frames} frames, '
        f'video {done.codec}' + ''.join(f'; {note}' for note in notes),
    )
    _say(console, str(given.out))


def from_lerobot(given: Namespace, console: Console) -> None:
    """Write a bag of a dataset.

    Raises:
        VlaError: the dataset is damaged or of another robot, or the bag cannot be written.
    """
    (folder,) = given.bag
    dataset = LerobotDataset(folder)
    told = str(dataset.info.get('robot_type') or '')
    contract = contract_of(given.robot or told)
    episodes = [] if given.episode is None else [given.episode]
    total = sum(e.length for e in dataset.episodes if not episodes or e.index in episodes)
    with _Bar(console) as bar:
        frames = write_bag(
            dataset,
            contract,
            given.out,
            episodes,
            given.force,
            lambda frames: bar.show(folder.name, frames, total, f'{frames} frames'),
        )
    _say(console, f'{frames} frames')
    _say(console, str(given.out))


def _noted(bag: Path) -> str:
    """Return the robot that a bag's recorder noted, '' for none; nothing else is read."""
    found = Bag(bag)
    for _ in found.messages():
        break
    return found.reading.about.get('robot', '')


def contract_of(robot: str) -> RobotContract:
    """Return the contract of a robot; '' for the simulated one.

    Raises:
        DatasetFormatError: there is none of that name.
    """
    folder = Path(os.environ.get('VLA_ROOT', '.')).resolve() / 'config' / 'robots'
    known = sorted(file.stem for file in folder.glob('*.yaml'))
    if robot and robot not in known:
        raise DatasetFormatError(
            f'robot {robot!r}: no contract of it in config/robots; add --robot, one of '
            f'{", ".join(known)}'
        )
    return load(folder / f'{robot or ROBOT}.yaml')


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False, markup=False)


class _Bar:
    """Progress on a terminal; elsewhere nothing."""

    def __init__(self, console: Console):
        self._bar = Progress(
            TextColumn('{task.description}'),
            BarColumn(),
            TextColumn('{task.percentage:3.0f} %'),
            TextColumn('{task.fields[note]}'),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task('reading', total=None, note='')

    def __enter__(self) -> '_Bar':
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, name: str, done: float, total: float, note: str) -> None:
        """Show where it stands."""
        self._bar.update(
            self._task, description=name, completed=done, total=total or None, note=note
        )
