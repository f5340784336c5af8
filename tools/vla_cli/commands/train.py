"""`./vla train`: a checkpoint from nothing; the same command again goes on where it stopped."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, names, outputs, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    heads = names.heads(places)
    parser.add_argument(
        '--head',
        type=values.one_of(heads, 'action head'),
        default='flow',
        metavar='NAME',
        help=f'action head: {", ".join(heads)} (default flow)',
    )
    parser.add_argument(
        '--config',
        type=values.existing_file,
        metavar='F',
        help="YAML file with training settings (default: the head's own)",
    )
    parser.add_argument(
        '--steps', type=values.whole(1), metavar='N', help='optimisation steps (default: settings)'
    )
    parser.add_argument(
        '--data',
        type=values.existing,
        metavar='DATASET',
        help='learn from a LeRobotDataset v3.0 (./vla bag to-lerobot) instead of the expert',
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--workers',
        type=values.whole(1),
        default=cores,
        metavar='N',
        help=f'processes that make demonstrations (default {cores})',
    )
    parser.add_argument('--fresh', action='store_true', help='start anew instead of resuming')
    outputs_default = 'runs/train-<head>, the same each time, so that it resumes'
    parser.add_argument('--out', metavar='DIR', help=f'folder (default {outputs_default})')
    parser.add_argument(
        '--force', action='store_true', help='replace a finished checkpoint in that folder'
    )


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Claim the output folder; return what runs the training."""
    out = outputs.claim_any(parser, given.out or str(places.runs / f'train-{given.head}'))
    return partial(_run, given, out, places)


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure()
    words = ['--head', given.head, '--out', str(out), '--workers', str(given.workers)]
    words += ['--config', given.config] if given.config else []
    words += ['--data', given.data] if given.data else []
    words += ['--steps', str(given.steps)] if given.steps else []
    words += ['--fresh'] if given.fresh else []
    words += ['--force'] if given.force else []
    env = handover.command_environment(environment.variables, places.root)
    handover.run(places.python, env, 'vla_eval.commands.train', words)
