"""`./vla shell`: a shell in which ROS 2, the suite and its Python are there."""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from vla_cli import domain, handover, transport
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp


def add_options(parser: ArgumentParser, _: Places) -> None:
    """Declare the options."""
    parser.add_argument(
        '-c',
        dest='command',
        metavar='COMMAND',
        help='run one command and leave; without it, commands come from the terminal or a pipe',
    )


def prepare(_: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Return what opens the shell."""
    return partial(_run, given, places)


def _run(given: Namespace, places: Places) -> NoReturn:
    environment = SetUp(places).ensure(wait=False)
    env = handover.command_environment(environment.variables, places.root)
    running = domain.running_graph(env)
    profile = running.transport if running else 'host'
    env = {**transport.variables(places, profile), **env}
    if running:
        env['ROS_DOMAIN_ID'] = str(running.number)
    shell = ['bash']
    if given.command is not None:
        shell += ['-c', given.command]
    elif sys.stdin.isatty():
        found = f', on the running graph (domain {running.number})' if running else ''
        print(f'a shell with the suite{found}; leave it with exit', file=sys.stderr)
        env['PS1'] = '(vla) \\w$ '
        shell += ['--norc']
    os.execvpe('bash', shell, env)
