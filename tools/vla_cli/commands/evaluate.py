"""`./vla eval`: many episodes, in virtual time or through the live graph."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, options, outputs, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp

ABLATIONS = ['wrong-words', 'no-vision']
PHRASINGS = ['known', 'held-out']


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    options.add_episodes(parser, places, default=50)
    options.add_robot(parser, places)
    parser.add_argument(
        '--graph',
        action='store_true',
        help='through the live graph, at wall speed (default: virtual time, in one process)',
    )
    parser.add_argument(
        '--latency-ms',
        type=values.latency,
        default='0',
        metavar='L',
        help=f'delay the arrival of every chunk: {values.LATENCY} (default 0)',
    )
    parser.add_argument(
        '--ablate',
        type=values.one_of(ABLATIONS, 'ablation'),
        metavar='WHAT',
        help="wrong-words: another object's instruction; no-vision: black pictures",
    )
    parser.add_argument(
        '--phrasing',
        type=values.one_of(PHRASINGS, 'phrasing'),
        default='known',
        metavar='WHICH',
        help='known: wordings of the training set (default); held-out: wordings never trained on',
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--workers',
        type=values.whole(1),
        default=cores,
        metavar='N',
        help=f'processes in virtual time; results do not depend on it (default {cores})',
    )
    options.add_out(parser, 'runs/<date-time>-eval')
    options.add_transport(parser)


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Claim the output folder; return what runs the evaluation."""
    out = (
        outputs.claim(parser, given.out, given.force)
        if given.out
        else outputs.claim_new(places, 'eval')
    )
    return partial(_run, given, out, places)


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure()
    environment.lock.keep_over_exec()
    words = options.episode_words(given)
    words += ['--robot', given.robot, '--latency-ms', given.latency_ms]
    words += ['--phrasing', given.phrasing]
    words += ['--workers', str(given.workers), '--transport', given.transport]
    words += ['--ablate', given.ablate] if given.ablate else []
    words += ['--graph'] if given.graph else []
    words += ['--force'] if given.force else []
    words += ['--out', str(out)]
    env = handover.command_environment(environment.variables, places.root)
    handover.run(places.python, env, 'vla_eval.commands.evaluate', words)
