"""Whether a ROS 2 Jazzy installation is sourced here, and which Python it is made for."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

WHEELS_GUARD = '_ROS_WHEELS_BOOTSTRAP_COMPLETE'
DISTRIBUTION = 'jazzy'


@dataclass(frozen=True)
class RosInstallation:
    """A sourced ROS 2 installation: its Python, and the prefixes that were sourced."""

    python: str
    prefixes: str


def outer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without what a Python of ROS wheels left in it.

    Such a Python hands its library path and a guard to its children; with them, the Python of
    another environment finds the wrong libraries.
    """
    env = dict(environ)
    if env.pop(WHEELS_GUARD, None) is not None:
        env.pop('LD_LIBRARY_PATH', None)
    return env


def find(environ: Mapping[str, str]) -> RosInstallation | None:
    """Return the sourced ROS 2 Jazzy, or None on a bare machine."""
    if environ.get('ROS_DISTRO') != DISTRIBUTION:
        return None
    python = shutil.which('python3', path=environ.get('PATH'))
    if python is None:
        return None
    probe = [python, '-c', 'import rclpy']
    found = subprocess.run(probe, env=dict(environ), capture_output=True, check=False)
    if found.returncode != 0:
        return None
    return RosInstallation(python, environ.get('AMENT_PREFIX_PATH', ''))
