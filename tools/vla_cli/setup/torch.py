"""Which build of torch is installed: the choice, what it costs, and how pip is told."""

import json
import subprocess
from pathlib import Path

from vla_cli.errors import RunError
from vla_cli.places import Places
from vla_cli.setup.progress import Step, note

CHOICES = ('cpu', 'cuda')
NVIDIA_DRIVER = Path('/proc/driver/nvidia/version')
CUDA_SIZE = 'about 3 GB'
CPU_SIZE = 'about 0.2 GB'


def choice(places: Places) -> str | None:
    """Return the remembered choice, None where there is none."""
    try:
        text = (places.state / 'torch').read_text().strip()
    except OSError:
        return None
    return text if text in CHOICES else None


def remember(places: Places, chosen: str) -> None:
    """Keep the choice for later set-ups."""
    places.state.mkdir(exist_ok=True)
    (places.state / 'torch').write_text(f'{chosen}\n')


def pinned(places: Places) -> str:
    """Return the requirement line of torch, e.g. `torch==2.13.0`."""
    lines = (places.root / 'requirements.txt').read_text().splitlines()
    return next(line.strip() for line in lines if line.startswith('torch=='))


def prepare(places: Places, pip: list[str | Path], log: Path) -> list[str]:
    """Say what torch will cost and return the words that pip needs for the choice.

    Raises:
        RunError: The CPU build was chosen and none of pip's indexes has it.
    """
    chosen, pin = choice(places), pinned(places)
    wanted = f'{pin}+cpu' if chosen == 'cpu' else pin
    here = _installed(pip)
    if here and (here.endswith('+cpu') != (chosen == 'cpu')) and chosen is not None:
        with Step(f'removing torch {here}') as step:
            step.run([*pip, 'uninstall', '-y', 'torch'], log)
    elif here:
        return [wanted] if chosen == 'cpu' else []
    found = _candidate(pip, wanted)
    if found is None and chosen == 'cpu':
        raise RunError(
            f"none of pip's indexes has {wanted}: add PyTorch's own index for CPU builds "
            '(`pip config set global.extra-index-url ...`, address under "Get started" on '
            'pytorch.org), or choose `--torch cuda`'
        )
    if found is not None:
        _say_size(found)
    return [wanted] if chosen == 'cpu' else []


def _installed(pip: list[str | Path]) -> str | None:
    shown = subprocess.run([*pip, 'show', 'torch'], capture_output=True, text=True, check=False)
    lines = [line for line in shown.stdout.splitlines() if line.startswith('Version: ')]
    return lines[0].removeprefix('Version: ') if lines else None


def _candidate(pip: list[str | Path], wanted: str) -> str | None:
    """Return the version that pip would take, without taking it; None where it finds none."""
    ask = [*pip, 'install', '--dry-run', '--quiet', '--no-deps', '--report', '-', wanted]
    report = subprocess.run(ask, capture_output=True, text=True, check=False)
    if report.returncode != 0:
        return None
    try:
        return str(json.loads(report.stdout)['install'][0]['metadata']['version'])
    except (ValueError, LookupError, TypeError):
        return None


def _say_size(version: str) -> None:
    if version.endswith('+cpu'):
        note(f'torch {version}: CPU build, {CPU_SIZE} to download')
    elif NVIDIA_DRIVER.exists():
        note(f'torch {version}: CUDA build, {CUDA_SIZE} to download')
    else:
        note(
            f'torch {version}: CUDA build, {CUDA_SIZE} to download, and no NVIDIA driver is seen '
            'here: `./vla demo --torch cpu` takes the small build instead'
        )
