"""From a checkout to an environment in which its commands run, doing only what is missing."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vla_cli.errors import RunError
from vla_cli.lock import FileLock
from vla_cli.places import Places
from vla_cli.setup import ros, sourced, torch
from vla_cli.setup.progress import note
from vla_cli.setup.system import ensure_system_packages
from vla_cli.setup.venv import Venv
from vla_cli.setup.workspace import COMPAT, Workspace

MOST_ROUNDS = 4  # a file may change while it is being built, but not for ever


@dataclass(frozen=True)
class Environment:
    """What a command of the suite runs in.

    Attributes:
        variables: Environment variables, the workspace sourced.
        ros: The ROS installation beneath, None where the wheels serve.
        lock: Held as long as the environment must not be rebuilt under the command.
    """

    variables: dict[str, str]
    ros: ros.RosInstallation | None
    lock: FileLock


class SetUp:
    """Set-up of one checkout.

    One process at a time changes the environment: it holds the lock alone; commands that only use
    it hold the lock beside each other, so nothing is rebuilt under a running graph.
    """

    def __init__(self, places: Places, environ: Mapping[str, str] = os.environ) -> None:
        self._places = places
        self._environ = ros.outer_environment(environ)
        self._ros = ros.find(self._environ)

    def ensure(
        self,
        tests: bool = False,
        torch_choice: str | None = None,
        wait: bool = True,
        extras: Sequence[str] = (),
    ) -> Environment:
        """Return the environment, made or completed first where anything is missing.

        Args:
            tests: The test tools too.
            torch_choice: `cpu` or `cuda`, remembered; None keeps what was chosen before.
            wait: Where something is missing and another command uses the environment: wait for
                that command's end, else take the environment as it was made last.
            extras: Names of what only some commands need, see `venv.EXTRAS`.

        Raises:
            RunError: A step failed or needs what only a person can install.
        """
        self._places.state.mkdir(exist_ok=True)
        lock = FileLock(self._places.state / 'lock')
        _wait_for(lock.shared)
        changes = torch_choice is not None and torch.choice(self._places) != torch_choice
        variables = None if changes else self._ready(tests, extras)
        for _ in range(MOST_ROUNDS):
            if variables is not None:
                return Environment(variables, self._ros, lock)
            if not wait and not lock.exclusive(wait=False) and (found := self._as_it_was()):
                note('another ./vla runs here: what changed since its start is not built now')
                return Environment(found, self._ros, lock)
            _wait_for(lock.exclusive)
            if torch_choice is not None:
                torch.remember(self._places, torch_choice)
            self._make(tests, extras)
            _wait_for(lock.shared)
            variables = self._ready(tests, extras)
        raise RunError('the files keep changing while the workspace is built: try again')

    def _ready(self, tests: bool, extras: Sequence[str]) -> dict[str, str] | None:
        """Return the environment variables where everything stands as its content says."""
        venv = Venv(self._places, self._ros)
        if not all(venv.ready(group) for group in venv.groups(tests, extras)):
            return None
        workspace = self._workspace(venv)
        if workspace.stale() or workspace.gone():
            return None
        added = sourced.load(self._cache, workspace.key())
        if added is None:
            return None
        return sourced.apply(self._environ, added, self._places, self._ros)

    def _as_it_was(self) -> dict[str, str] | None:
        """Return the environment variables of the last complete set-up, None before the first."""
        added = sourced.load(self._cache)
        if added is None:
            return None
        return sourced.apply(self._environ, added, self._places, self._ros)

    def _make(self, tests: bool, extras: Sequence[str]) -> None:
        ensure_system_packages(self._places.logs / 'system.log')
        venv = Venv(self._places, self._ros)
        venv.ensure(venv.groups(tests=False))
        workspace = self._workspace(venv)
        env = sourced.build_environment(self._places, self._environ, self._ros is not None)
        workspace.build(env)
        sourced.save(self._cache, workspace.key(), sourced.source(self._places, env))
        venv.ensure(venv.groups(tests, extras))

    @property
    def _cache(self) -> Path:
        return self._places.state / 'environment.json'

    def _workspace(self, venv: Venv) -> Workspace:
        return Workspace(self._places, venv.build_key(), self._compat())

    def _compat(self) -> tuple[str, ...]:
        """Return the interface packages that the suite brings because this ROS lacks them."""
        brought = self._places.root / COMPAT
        names = sorted(f.parent.name for f in brought.glob('*/package.xml'))
        prefixes = (self._ros.prefixes if self._ros else str(self._places.venv)).split(os.pathsep)
        index = 'share/ament_index/resource_index/packages'
        return tuple(
            name
            for name in names
            if not any(os.path.exists(f'{prefix}/{index}/{name}') for prefix in prefixes)
        )


def _wait_for(take: Callable[..., bool]) -> None:
    if not take(wait=False):
        note('waiting for another ./vla that uses or makes this environment')
        take()
