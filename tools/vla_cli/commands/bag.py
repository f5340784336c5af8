"""`./vla bag`: what a bag holds, a whole one made of one that was cut, datasets and back."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, names, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp

ACTIONS = ['info', 'repair', 'to-lerobot', 'from-lerobot']
CODECS = ['auto', 'av1', 'h264']
WHOLE = {'to-lerobot': 'meta/info.json', 'from-lerobot': 'metadata.yaml'}
ONLY = {  # option: the action that it goes with
    'task': ('to-lerobot',),
    'codec': ('to-lerobot',),
    'workers': ('to-lerobot',),
    'episode': ('from-lerobot',),
    'out': ('to-lerobot', 'from-lerobot'),
    'robot': ('to-lerobot', 'from-lerobot'),
}


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    parser.add_argument(
        'action',
        type=values.one_of(ACTIONS, 'action'),
        metavar='|'.join(ACTIONS),
        help='info: what it holds and what is noted of it; repair: write every whole message of '
        'a bag that was cut into a complete one, BAG_repaired, beside it; to-lerobot: bags into a '
        'LeRobotDataset v3.0, resumable; from-lerobot: such a dataset into a bag',
    )
    parser.add_argument(
        'bag', metavar='BAG', nargs='+', help='folder of a bag, or one file of it; or of a dataset'
    )
    parser.add_argument('--out', metavar='DIR', help='dataset or bag to make')
    parser.add_argument(
        '--robot',
        type=values.one_of(names.robots(places), 'robot'),
        metavar='NAME',
        help='contract (default: the one that bag or dataset name, else tabletop)',
    )
    parser.add_argument('--task', metavar='WORDS', help="words instead of the bag's")
    parser.add_argument(
        '--codec',
        type=values.one_of(CODECS, 'codec'),
        metavar='NAME',
        help='of the videos: av1 or h264 (default: av1 where it is there)',
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--workers',
        type=values.whole(1),
        metavar='N',
        help=f'bags that are converted at once (default {cores})',
    )
    parser.add_argument(
        '--episode', type=values.whole(0), metavar='N', help='only this one (default: all)'
    )
    parser.add_argument('--force', action='store_true', help='replace what was made before')


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Check that something is there; return what looks at it."""
    bags = [Path(bag).expanduser().absolute() for bag in given.bag]
    for bag, word in zip(bags, given.bag, strict=True):
        if not bag.exists():
            parser.error(f'BAG: there is no {word!r}')
    if len(bags) > 1 and given.action != 'to-lerobot':
        parser.error(f'{given.bag[1]}: {given.action} takes one BAG')
    for option, actions in ONLY.items():
        if getattr(given, option) is not None and given.action not in actions:
            parser.error(f'--{option} {getattr(given, option)}: goes with {" or ".join(actions)}')
    out = None
    if given.action in WHOLE:
        if given.out is None:
            parser.error(f'{given.action}: --out DIR is missing: where to')
        out = Path(given.out).expanduser().absolute()
        _check_out(parser, given, out)
    if given.action == 'repair':
        _check_repaired(parser, given, bags[0])
    return partial(_run, given, bags, out, places)


def _check_out(parser: ArgumentParser, given: Namespace, out: Path) -> None:
    """Refuse a folder that holds a finished result or something else, or cannot be made."""
    if (out / WHOLE[given.action]).exists():
        if not given.force:
            parser.error(
                f'--out {given.out}: holds a finished result; name another folder or add --force'
            )
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        parser.error(f'--out {given.out}: holds something else; name another folder')
    above = next(folder for folder in out.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        parser.error(f'--out {given.out}: {above} cannot be written')


def _check_repaired(parser: ArgumentParser, given: Namespace, bag: Path) -> None:
    """Refuse a bag that was repaired before."""
    target = bag.with_name(f'{bag.stem if bag.is_file() else bag.name}_repaired')
    if target.exists() and not given.force:
        parser.error(f'{target}: there already; add --force to replace it')


def _run(given: Namespace, bags: list[Path], out: Path | None, places: Places) -> int:
    environment = SetUp(places).ensure(wait=False)
    environment.lock.keep_over_exec()
    words = [given.action, *map(str, bags), *(['--force'] if given.force else [])]
    workers = given.workers or len(os.sched_getaffinity(0))
    words += ['--workers', str(workers)] if given.action == 'to-lerobot' else []
    words += ['--out', str(out)] if out else []
    for option in ('robot', 'task', 'codec', 'episode'):
        value = getattr(given, option)
        words += [f'--{option}', str(value)] if value is not None else []
    env = handover.command_environment(environment.variables, places.root)
    handover.run(places.python, env, 'vla_eval.commands.bag', words)
