"""What only the system's package manager can bring: Python's venv, a compiler, EGL."""

import ctypes
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from vla_cli.errors import RunError
from vla_cli.setup.progress import Step

EGL_VENDORS = ('/usr/share/glvnd/egl_vendor.d', '/etc/glvnd/egl_vendor.d')
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
SOFTWARE_DRIVERS = ('dri/swrast_dri.so', 'libgallium-*.so')


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _egl_vendor() -> bool:
    return any(list(Path(folder).glob('*.json')) for folder in EGL_VENDORS)


def _renderer() -> bool:
    folders = [Path('/usr/lib'), Path('/usr/lib64'), *Path('/usr/lib').glob('*-linux-gnu')]
    software = any(list(f.glob(name)) for f in folders for name in SOFTWARE_DRIVERS)
    return software or _loads('libEGL_nvidia.so.0')


def _headers() -> bool:
    return Path(sysconfig.get_path('include'), 'Python.h').is_file()


def _compiler() -> bool:
    return shutil.which('g++') is not None or shutil.which('c++') is not None


def _venv() -> bool:
    return importlib.util.find_spec('ensurepip') is not None


NEEDED: tuple[tuple[str, Callable[[], bool]], ...] = (
    ('python3-venv', _venv),
    ('python3-dev', _headers),
    ('g++', _compiler),
    ('libegl1', lambda: _loads('libEGL.so.1')),
    ('libopengl0', lambda: _loads('libOpenGL.so.0')),
    ('libegl-mesa0', _egl_vendor),
    ('libgl1-mesa-dri', _renderer),
)


def missing() -> list[str]:
    """Return the Debian names of the packages whose content this machine lacks."""
    return [name for name, present in NEEDED if not present()]


def chromium() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def offer_chromium(log: Path) -> None:
    """Install Chromium for the tests that look at a page, where root asks on a Debian.

    Elsewhere, and where it fails, those tests say that they were not run: it is too large to
    put on a person's machine unasked, and Ubuntu has it as a snap only.
    """
    if chromium() is not None or os.geteuid() != 0 or shutil.which('apt-get') is None:
        return
    install = ['apt-get', 'install', '-y', '--no-install-recommends', 'chromium']
    with Step('Chromium for tests') as step:
        for command in (['apt-get', 'update'], install):
            if step.status_of(['env', 'DEBIAN_FRONTEND=noninteractive', *command], log) != 0:
                return


def _elevated() -> list[str] | None:
    """Return the words before a command that runs as root without a question, else None."""
    if os.geteuid() == 0:
        return []
    if shutil.which('sudo') is None:
        return None
    asked = subprocess.run(['sudo', '-n', 'true'], capture_output=True, check=False)
    return ['sudo', '-n'] if asked.returncode == 0 else None


def ensure_system_packages(log: Path) -> None:
    """Install what is missing, where that needs no password.

    Raises:
        RunError: It cannot be installed from here: one line with the command to type.
    """
    names = missing()
    if not names:
        return
    command = ['apt-get', 'install', '-y', '--no-install-recommends', *names]
    before = _elevated()
    if before is None or shutil.which('apt-get') is None:
        raise RunError(
            f'these system packages are missing: type `sudo {" ".join(command)}`, then again '
            f"`./vla` (their names are Debian's; elsewhere, the packages that hold the same)"
        )
    quiet = [*before, 'env', 'DEBIAN_FRONTEND=noninteractive']
    with Step(f'system packages {" ".join(names)}') as step:
        step.run([*quiet, 'apt-get', 'update'], log)
        step.run([*quiet, *command], log)
    importlib.invalidate_caches()
    still = missing()
    if still:
        raise RunError(
            f'{" ".join(still)} installed, yet {sys.executable} does not find what they bring: '
            "is this Python the system's own?"
        )
