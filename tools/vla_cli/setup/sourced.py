"""The environment that sourcing the workspace gives, kept so that later starts need no shell."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from vla_cli.errors import RunError
from vla_cli.places import Places
from vla_cli.setup.ros import RosInstallation

SEARCH_PATHS = {
    'AMENT_PREFIX_PATH',
    'CMAKE_PREFIX_PATH',
    'LD_LIBRARY_PATH',
    'PATH',
    'PKG_CONFIG_PATH',
    'PYTHONPATH',
}
SINGLE = {'COLCON_PREFIX_PATH'}


def build_environment(places: Places, environ: Mapping[str, str], on_ros: bool) -> dict[str, str]:
    """Return the environment in which colcon builds.

    Args:
        places: The checkout.
        environ: The caller's environment, wheels' leftovers removed.
        on_ros: A ROS installation is sourced: its prefixes stay.
    """
    env = dict(environ)
    env['VIRTUAL_ENV'] = str(places.venv)
    env['PATH'] = f'{places.venv}/bin{os.pathsep}{environ.get("PATH", os.defpath)}'
    env['PYTHONDONTWRITEBYTECODE'] = '1'
    env.pop('PYTHONHOME', None)
    if not on_ros:
        env['AMENT_PREFIX_PATH'] = str(places.venv)
        for name in ('CMAKE_PREFIX_PATH', 'COLCON_PREFIX_PATH', 'PYTHONPATH'):
            env.pop(name, None)
    return env


def source(places: Places, env: Mapping[str, str]) -> dict[str, list[str]]:
    """Source the built workspace in a shell; return what it put in front of each search path."""
    script = places.install / 'setup.bash'
    command = f'. "{script}" && env -0'
    done = subprocess.run(['bash', '-c', command], env=dict(env), capture_output=True, check=False)
    if done.returncode != 0:
        raise RunError(f'sourcing {script} failed: {done.stderr.decode(errors="replace").strip()}')
    after = dict(entry.split('=', 1) for entry in done.stdout.decode().split('\0') if '=' in entry)
    added = {}
    for name in sorted(SEARCH_PATHS | SINGLE):
        before = _parts(env.get(name)) if name in SEARCH_PATHS else []
        added[name] = [part for part in _parts(after.get(name)) if part not in before]
    added['PATH'].append(str(places.venv / 'bin'))
    if not _parts(env.get('CMAKE_PREFIX_PATH')):
        added['AMENT_PREFIX_PATH'].append(str(places.venv))
    return added


def save(path: Path, key: str, added: Mapping[str, list[str]]) -> None:
    """Keep what `source` returned under the key of all that it depends on."""
    part = path.with_name(path.name + '.part')
    part.write_text(json.dumps({'key': key, 'added': added}))
    part.replace(path)


def load(path: Path, key: str | None = None) -> dict[str, list[str]] | None:
    """Return what `save` kept for this key (for whichever key, without one), else None."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return dict(kept['added']) if key in (None, kept.get('key')) else None


def apply(
    environ: Mapping[str, str],
    added: Mapping[str, list[str]],
    places: Places,
    ros: RosInstallation | None,
) -> dict[str, str]:
    """Return the caller's environment with the workspace in front."""
    env = dict(environ)
    for name, parts in added.items():
        kept = _parts(env.get(name)) if name in SEARCH_PATHS else []
        if not ros and name in ('AMENT_PREFIX_PATH', 'CMAKE_PREFIX_PATH'):
            kept = []
        joined = [*parts, *(part for part in kept if part not in parts)]
        if joined:
            env[name] = os.pathsep.join(joined)
    env['VIRTUAL_ENV'] = str(places.venv)
    env.pop('PYTHONHOME', None)
    return env


def _parts(value: str | None) -> list[str]:
    return [part for part in (value or '').split(os.pathsep) if part]
