"""`./vla view`: a page in a browser that shows a running graph, or a bag."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, joining, options, outputs, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp

LOOPBACK = '127.0.0.1'
SUFFIX = '.rrd'


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    parser.add_argument(
        'bag',
        nargs='?',
        type=values.existing,
        metavar='BAG',
        help='a bag to play (default: the graph that runs on this machine)',
    )
    options.add_robot(parser, places)
    parser.add_argument(
        '--host',
        default=LOOPBACK,
        metavar='ADDRESS',
        help='address that the page is served on (default 127.0.0.1: this machine only)',
    )
    parser.add_argument(
        '--port',
        type=values.whole(1),
        metavar='N',
        help='its port (default: the first free one from 8080 on)',
    )
    parser.add_argument(
        '--rerun',
        metavar='FILE',
        help='write a recording that Rerun opens (FILE.rrd) instead of serving a page: the whole '
        'bag, or what the graph says until Ctrl-C; installs rerun-sdk first',
    )
    parser.add_argument(
        '--seconds',
        type=values.whole(1),
        metavar='N',
        help='with --rerun beside a graph: end by itself after that long',
    )
    parser.add_argument(
        '--force', action='store_true', help='with --rerun: replace a file that lies there'
    )


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Return what shows the page, or writes the recording."""
    if given.port is not None and given.port > 65535:
        parser.error(f'--port {given.port}: a whole number from 1 to 65535 expected')
    if given.rerun is None:
        for option, value in (('--seconds', given.seconds), ('--force', given.force)):
            if value:
                parser.error(f'{option}: goes with --rerun FILE')
        return partial(_run, given, None, places)
    if given.bag and given.seconds:
        parser.error(f'--seconds {given.seconds}: a bag is written to its end; leave it out')
    if given.port is not None or given.host != LOOPBACK:
        parser.error('--rerun: serves no page; leave --host and --port out')
    if not given.rerun.endswith(SUFFIX):
        parser.error(f'--rerun {given.rerun}: a name that ends in {SUFFIX} expected')
    out = outputs.claim_file(parser, '--rerun', given.rerun, given.force)
    return partial(_run, given, out, places)


def _run(given: Namespace, out: Path | None, places: Places) -> int:
    environment = SetUp(places).ensure(wait=False, extras=['rerun'] if out else [])
    environment.lock.keep_over_exec()
    env = handover.command_environment(environment.variables, places.root)
    words = ['--robot', given.robot]
    words += ['--bag', given.bag] if given.bag else []
    if not given.bag:
        env = joining.environment('view', env, places)
    if out:
        words += ['--out', str(out)]
        words += ['--seconds', str(given.seconds)] if given.seconds else []
        handover.run(places.python, env, 'vla_eval.commands.view_rerun', words)
    words += ['--host', given.host]
    words += ['--port', str(given.port)] if given.port else []
    handover.run(places.python, env, 'vla_eval.commands.view', words)
