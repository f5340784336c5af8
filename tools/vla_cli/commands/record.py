"""`./vla record`: everything that a running graph says, into a bag."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, joining, options, outputs, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp

FINISHED = 'metadata.yaml'
BEST = 100  # quality of a JPEG
COMPRESSIONS = ['none', 'lz4', 'zstd']


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    options.add_robot(parser, places)
    parser.add_argument(
        '--per-episode',
        action='store_true',
        help='a bag of its own for each episode, in folders 000, 001, ... (default: one bag)',
    )
    parser.add_argument(
        '--seconds',
        type=values.whole(1),
        metavar='N',
        help='end by itself after that long (default: with Ctrl-C)',
    )
    parser.add_argument(
        '--compression',
        type=values.one_of(COMPRESSIONS, 'compression'),
        default='none',
        metavar='NAME',
        help=f'how the parts of a file are packed: {", ".join(COMPRESSIONS)} (default none)',
    )
    parser.add_argument(
        '--jpeg',
        type=values.whole(1),
        metavar='QUALITY',
        help='keep colour pictures as JPEG of this quality, 1 to 100 (default: as they came)',
    )
    parser.add_argument(
        '--max-file-mb',
        type=values.whole(1),
        default=2048,
        metavar='N',
        help='size above which the next file of the bag is begun (default 2048)',
    )
    parser.add_argument('--out', metavar='DIR', help='the bag (default runs/<date-time>-record)')
    parser.add_argument('--force', action='store_true', help='replace a bag that lies there')


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Claim the bag's folder; return what records."""
    if given.jpeg and given.jpeg > BEST:
        parser.error(f'--jpeg {given.jpeg}: a quality of 1 to {BEST} expected')
    out = (
        outputs.claim(parser, given.out, given.force, FINISHED)
        if given.out
        else outputs.claim_new(places, 'record')
    )
    return partial(_run, given, out, places)


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure(wait=False)
    environment.lock.keep_over_exec()
    env = handover.command_environment(environment.variables, places.root)
    env = joining.environment('record', env, places)
    words = ['--robot', given.robot, '--compression', given.compression]
    words += ['--max-file-mb', str(given.max_file_mb), '--out', str(out)]
    words += ['--jpeg', str(given.jpeg)] if given.jpeg else []
    words += ['--per-episode'] if given.per_episode else []
    words += ['--seconds', str(given.seconds)] if given.seconds else []
    words += ['--force'] if given.force else []
    handover.run(places.python, env, 'vla_eval.commands.record', words)
