"""Where a report's figures come from: code, contract, checkpoint, seed, command, machine."""

import hashlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from vla_core.contract import RobotContract

PACKAGES = ('numpy', 'torch', 'mujoco', 'mink', 'opencv-python-headless', 'matplotlib')
WEIGHTS = 'model.safetensors'


def collect(
    root: Path,
    contract: RobotContract,
    policy: str,
    checkpoint: Path | None,
    seed: int,
    command: str,
    started: str,
) -> dict[str, Any]:
    """Return the report's `provenance`.

    Args:
        root: The checkout.
        contract: Of the robot.
        policy: Name or folder, as asked for.
        checkpoint: Folder of the weights, None for policies without.
        seed: Of the run.
        command: The command line that repeats it.
        started: When it began, ISO 8601.
    """
    return {
        'contract': {'name': contract.robot, 'digest': contract.digest},
        'checkpoint': {
            'name': checkpoint.name if checkpoint else policy,
            'digest': digest(checkpoint / WEIGHTS) if checkpoint else None,
        },
        **origin(root, seed, command, started),
    }


def origin(root: Path, seed: int, command: str, started: str) -> dict[str, Any]:
    """Return where any figure comes from: commit, seed, command, machine, versions."""
    return {
        'commit': commit(root),
        'changed': bool(_git(root, 'status', '--porcelain', '--untracked-files=no')),
        'seed': seed,
        'command': command,
        'started': started,
        'host': {
            'system': platform.platform(),
            'processor': _processor(),
            'cores': len(os.sched_getaffinity(0)),
        },
        'versions': versions(),
    }


def commit(root: Path) -> str:
    """Return the commit of a checkout."""
    return _git(root, 'rev-parse', 'HEAD') or 'unknown'


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ['git', '-C', str(root), *words], capture_output=True, text=True, check=False
        )
    except OSError:
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


def digest(file: Path) -> str | None:
    """Return the SHA-256 of a file; None where it cannot be read, which loading it will tell."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return None


def _processor() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return platform.machine()
    named = (line.partition(':')[2].strip() for line in lines if line.startswith('model name'))
    return next(named, platform.machine())


def versions() -> dict[str, str]:
    """Return the versions of the suite, Python and what figures depend on."""
    found = {'vla': metadata_version('vla_eval'), 'python': platform.python_version()}
    return found | {name: metadata_version(name) for name in PACKAGES}


def metadata_version(name: str) -> str:
    """Return the version of an installed distribution, `not installed` where it is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return 'not installed'
