"""`./vla launch`: the graph of a robot, until Ctrl-C."""

import os
import re
import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from vla_cli import handover, names, values
from vla_cli.errors import RunError
from vla_cli.graph.graph import LAUNCH_FILE, Graph
from vla_cli.graph.launchfile import Argument, LaunchFile
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp

NAMESPACE = re.compile(r'([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?')


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    declared = LaunchFile(places.root / LAUNCH_FILE).arguments
    parser.epilog = 'arguments:\n' + '\n'.join(_about(argument) for argument in declared)
    parser.add_argument('arguments', nargs='*', metavar='name:=value', help='see below')
    parser.add_argument(
        '--show-args', action='store_true', help='print the arguments, run nothing'
    )


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Check every argument; return what runs the graph."""
    declared = {a.name: a for a in LaunchFile(places.root / LAUNCH_FILE).arguments}
    chosen: dict[str, str] = {}
    for word in given.arguments:
        name, sign, value = word.partition(':=')
        if not sign or not name:
            parser.error(f'{word!r} is no launch argument: write name:=value')
        if name not in declared:
            parser.error(values.unknown(name, list(declared), 'launch argument'))
        chosen[name] = value
    if given.show_args:
        return partial(_show, list(declared.values()))
    defaults = {a.name: a.default for a in declared.values() if a.default is not None}
    for name, value in (chosen | {n: d for n, d in defaults.items() if n not in chosen}).items():
        try:
            chosen[name] = _checked(declared[name], value, places)
        except ArgumentTypeError as error:
            parser.error(f'{name}:={value}: {error}')
    return partial(_run, chosen, places)


def _checked(argument: Argument, value: str, places: Places) -> str:
    checks: dict[str, Callable[[str], str]] = {
        'robot': values.one_of(names.robots(places), 'robot'),
        'policy': values.policy(places),
        'strategy': values.one_of(names.strategies(places), 'strategy'),
        'namespace': _namespace,
        'latency_ms': values.latency,
    }
    if argument.choices:
        return values.one_of(list(argument.choices), 'value')(value)
    return checks[argument.name](value) if argument.name in checks else value


def _namespace(text: str) -> str:
    bare = text.strip('/')
    if NAMESPACE.fullmatch(bare) is None:
        raise ArgumentTypeError(f'{text!r} is no namespace: letters, digits, _ and / between')
    return bare


def _about(argument: Argument) -> str:
    told = f'  {argument.name:<14}{argument.description}'
    told += f' One of {", ".join(argument.choices)}.' if argument.choices else ''
    return told + ('' if argument.default is None else f" (default: '{argument.default}')")


def _show(declared: list[Argument]) -> int:
    print('arguments (name:=value):\n' + '\n'.join(_about(argument) for argument in declared))
    return 0


def _run(chosen: dict[str, str], places: Places) -> int:
    environment = SetUp(places).ensure()
    env = handover.command_environment(environment.variables, places.root)
    if environment.ros:
        environment.lock.keep_over_exec()
        _run_on_ros(chosen, env)
    graph = Graph(chosen, env)
    print(f'[launch] DDS domain {graph.domain_id}; Ctrl-C ends the graph', flush=True)
    with graph:
        graph.wait()
    if graph.failure:
        raise RunError(graph.failure)
    return 0


def _run_on_ros(chosen: dict[str, str], env: dict[str, str]) -> NoReturn:
    """Become ROS 2's own launch, which reads the same file."""
    program = shutil.which('ros2', path=env.get('PATH'))
    if program is None:
        raise RunError('ros2 is not in PATH: install ros-jazzy-ros2launch beside this ROS')
    words = [f'{name}:={value}' for name, value in chosen.items()]
    sys.stdout.flush()
    os.execve(program, [program, 'launch', 'vla_bringup', 'robot.launch.py', *words], env)
