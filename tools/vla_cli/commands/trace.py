"""`./vla trace`: the way of each chunk across the nodes, as a trace for Perfetto."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, joining, outputs, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp


def add_options(parser: ArgumentParser, _: Places) -> None:
    """Declare the options."""
    parser.add_argument(
        'bag',
        nargs='?',
        type=values.existing,
        metavar='BAG',
        help='a bag (default: the graph that runs on this machine, until Ctrl-C)',
    )
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='the trace (Trace Event Format, JSON)'
    )
    parser.add_argument(
        '--seconds',
        type=values.whole(1),
        metavar='N',
        help='without BAG: end by itself after that long',
    )
    parser.add_argument('--force', action='store_true', help='replace a file that lies there')


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Check where the trace goes; return what writes it."""
    if given.bag and given.seconds:
        parser.error(f'--seconds {given.seconds}: a bag is read to its end; leave it out')
    out = outputs.claim_file(parser, '--out', given.out, given.force)
    return partial(_run, given, out, places)


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure(wait=False)
    environment.lock.keep_over_exec()
    env = handover.command_environment(environment.variables, places.root)
    words = ['--out', str(out)]
    if given.bag:
        words += ['--bag', given.bag]
    else:
        env = joining.environment('trace', env, places)
        words += ['--seconds', str(given.seconds)] if given.seconds else []
    handover.run(places.python, env, 'vla_eval.commands.trace', words)
