"""`./vla bench`: every benchmark of the project, by name."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, names, options, outputs, values
from vla_cli.places import Places
from vla_cli.setup import peers
from vla_cli.setup.environment import SetUp

FINISHED = 'bench.json'
RESUMED = ('strategies',)  # hours long: the same command goes on where it was ended


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    known = names.benchmarks(places)
    parser.add_argument(
        'name',
        nargs='?',
        type=values.one_of(known, 'benchmark'),
        metavar='NAME',
        help=f'what is measured: {", ".join(known)}',
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='at most 3 minutes: fewer repetitions, and the long parts are not run',
    )
    parser.add_argument(
        '--peers',
        action='store_true',
        help="measure other people's code beside ours; installs it under .vla/peers/ first",
    )
    parser.add_argument(
        '--seed',
        type=values.whole(0),
        default=0,
        metavar='N',
        help='everything random follows from it (default 0)',
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--workers',
        type=values.whole(1),
        default=cores,
        metavar='N',
        help=f'processes, where a benchmark plays episodes (default {cores})',
    )
    resumed = ', '.join(f'runs/bench-{name} until it is finished' for name in RESUMED)
    options.add_out(parser, f'runs/<date-time>-bench-<name>; {resumed}')


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Claim the output folder; return what runs the benchmark."""
    if given.name is None:
        known = ', '.join(names.benchmarks(places)) or 'none'
        parser.error(f'the name of a benchmark is missing; there are: {known}')
    return partial(_run, given, _folder(parser, given, places), places)


def _folder(parser: ArgumentParser, given: Namespace, places: Places) -> Path:
    """Claim the given folder, the one to go on in, or a new one."""
    if given.out:
        return outputs.claim(parser, given.out, given.force, FINISHED)
    folder = places.runs / f'bench-{given.name}{"-quick" * given.quick}'
    if given.name in RESUMED and not (folder / FINISHED).exists():
        return outputs.claim_any(parser, str(folder))
    return outputs.claim_new(places, f'bench-{given.name}')


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure()
    environment.lock.keep_over_exec()
    if given.peers:
        peers.ensure(places, given.name)
    words = [given.name, '--seed', str(given.seed), '--workers', str(given.workers)]
    words += ['--quick'] if given.quick else []
    words += ['--peers'] if given.peers else []
    words += ['--force'] if given.force else []
    words += ['--out', str(out)]
    env = handover.command_environment(environment.variables, places.root)
    handover.run(places.python, env, 'vla_eval.commands.bench', words)
