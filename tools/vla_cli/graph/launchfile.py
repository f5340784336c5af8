"""A launch file: the arguments it declares and the processes it asks for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_cli.errors import RunError
from vla_cli.graph import yaml_subset
from vla_cli.graph.substitution import (
    SubstitutionError,
    Substitutions,
    find_package_prefix,
    truth,
)

NODE_KEYS = {
    *('pkg', 'exec', 'name', 'namespace', 'args', 'respawn', 'respawn_delay'),
    *('param', 'remap', 'env', 'if', 'unless', 'output'),
}
ARGUMENT_KEYS = {'name', 'default', 'description', 'choice'}


@dataclass(frozen=True)
class Argument:
    """An argument that a launch file declares; `default` None means it must be given."""

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Process:
    """One node to run.

    Attributes:
        name: Node name, and what its lines are prefixed with.
        package: Package that the program belongs to.
        command: The program and all its words.
        env: Its whole environment.
        respawn_delay_s: Seconds before it is started again, None where it is not.
    """

    name: str
    package: str
    command: tuple[str, ...]
    env: dict[str, str]
    respawn_delay_s: float | None


class LaunchFile:
    """A launch file in YAML, as far as `./vla` understands it."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            RunError: It is no launch file of this kind.
        """
        self._path = path
        try:
            entries = yaml_subset.parse(path.read_text())['launch']
            self._entries: list[tuple[str, Any]] = [_single(entry) for entry in entries]
            self.arguments = tuple(
                _argument(body) for kind, body in self._entries if kind == 'arg'
            )
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise RunError(f'{path}: {error}') from None

    def processes(self, given: Mapping[str, str], environ: Mapping[str, str]) -> list[Process]:
        """Return what is to run for these argument values, defaults where none is given.

        Raises:
            RunError: The file does not declare an argument, or names a package, program or
                variable that is not there.
        """
        for name in given.keys() - {argument.name for argument in self.arguments}:
            raise RunError(f'{self._path}: declares no argument {name}')
        values = {a.name: a.default for a in self.arguments if a.default is not None}
        values |= given
        env = dict(environ)
        found: list[Process] = []
        try:
            for kind, body in self._entries:
                words = Substitutions(values, env)
                if kind == 'arg' or not _wanted(body, words):
                    continue
                if kind == 'set_env':
                    env[body['name']] = words.evaluate(body['value'])
                elif kind == 'node':
                    found.append(_node(body, words, env))
                else:
                    raise SubstitutionError(f'{kind}: only arg, set_env and node are read here')
        except (LookupError, ValueError) as error:
            raise RunError(f'{self._path}: {error}') from None
        return found


def _single(entry: dict[str, Any]) -> tuple[str, Any]:
    if not isinstance(entry, dict) or len(entry) != 1:
        raise ValueError(f'one action expected, got {entry!r}')
    return next(iter(entry.items()))


def _argument(body: dict[str, Any]) -> Argument:
    _check_keys('arg', body, ARGUMENT_KEYS)
    choices = tuple(choice['value'] for choice in body.get('choice', []))
    return Argument(body['name'], body.get('default'), body.get('description', ''), choices)


def _check_keys(kind: str, body: dict[str, Any], known: set[str]) -> None:
    for key in body:
        if key not in known:
            raise ValueError(f'{kind}: {key} is not read here')


def _wanted(body: dict[str, Any], words: Substitutions) -> bool:
    wanted = truth(words.evaluate(body.get('if', 'true')))
    return wanted and not truth(words.evaluate(body.get('unless', 'false')))


def _node(body: dict[str, Any], words: Substitutions, env: Mapping[str, str]) -> Process:
    _check_keys('node', body, NODE_KEYS)
    package, name = body['pkg'], words.evaluate(body.get('name', body['exec']))
    executable = find_package_prefix(package, env) / 'lib' / package / body['exec']
    if not os.access(executable, os.X_OK):
        raise SubstitutionError(f'package {package} has no program {body["exec"]}')
    command = [str(executable), *words.evaluate(body.get('args', '')).split()]
    command += ['--ros-args', '-r', f'__node:={name}']
    namespace = words.evaluate(body.get('namespace', '')).strip('/')
    if namespace:
        command += ['-r', f'__ns:=/{namespace}']
    for entry in body.get('remap', []):
        command += ['-r', f'{words.evaluate(entry["from"])}:={words.evaluate(entry["to"])}']
    for entry in body.get('param', []):
        if 'from' in entry:
            command += ['--params-file', words.evaluate(entry['from'])]
        else:
            value = words.evaluate(entry['value'])
            command += ['-p', f'{entry["name"]}:={_typed(value, entry.get("type"))}']
    own = {e['name']: words.evaluate(e['value']) for e in body.get('env', [])}
    again = truth(words.evaluate(body.get('respawn', 'false')))
    delay = float(body.get('respawn_delay', '0')) if again else None
    return Process(name, package, tuple(command), {**env, **own}, delay)


def _typed(value: str, kind: str | None) -> str:
    """Return a parameter value so that its type is the declared one, not the one it looks like."""
    if kind in (None, 'bool', 'int'):
        return value
    if kind == 'float':
        return repr(float(value))
    if kind == 'str':
        return "'" + value.replace("'", "''") + "'"
    raise SubstitutionError(f'type {kind}: str, bool, int and float are read here')
