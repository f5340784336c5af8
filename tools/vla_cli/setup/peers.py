"""Environments `.vla/peers/<name>` with other people's code, to measure against."""

import shutil
import sys
from pathlib import Path

from vla_cli.lock import FileLock
from vla_cli.places import Places
from vla_cli.setup import torch
from vla_cli.setup.keys import contents, key_of, stamped, write_stamp
from vla_cli.setup.progress import Step

PEERS = {'bags': ('lerobot',), 'control': ('lerobot',)}
WITHOUT_DEPENDENCIES = '.no-deps.txt'


def ensure(places: Places, benchmark: str) -> None:
    """Make the environments of the peers of a benchmark; does nothing where they are ready.

    `requirements/peers/<name>.txt` is installed as usual, `<name>.no-deps.txt` without what it
    depends on: a peer may declare versions that exclude the ones it is measured with.

    Raises:
        RunError: A step failed.
    """
    places.state.mkdir(exist_ok=True)
    for name in PEERS.get(benchmark, ()):
        lock = FileLock(places.state / f'peers-{name}.lock')
        lock.exclusive()
        try:
            _make(places, name)
        finally:
            lock.release()


def _make(places: Places, name: str) -> None:
    folder = places.state / 'peers' / name
    stem = places.requirements / 'peers' / name
    needs, bare = stem.with_suffix('.txt'), stem.with_suffix(WITHOUT_DEPENDENCIES)
    stamp, key = folder / '.made.stamp', _key(places, [needs, bare])
    if stamped(stamp, key):
        return
    if folder.exists():
        stamp.unlink(missing_ok=True)  # first, while what it says is still true
        shutil.rmtree(folder)
    log = places.logs / f'peer-{name}.log'
    log.unlink(missing_ok=True)
    pip: list[str | Path] = [folder / 'bin' / 'python', '-m', 'pip', 'install']
    pip += ['--disable-pip-version-check', '--prefer-binary', '--no-input']
    with Step(f'peer {name}: Python environment') as step:
        step.run([sys.executable, '-m', 'venv', folder], log)
    with Step(f'peer {name}: packages, about 1 GB') as step:
        step.run([*pip, *_torch(places), '-r', needs], log)
        step.run([*pip, '--no-deps', '-r', bare], log)
    write_stamp(stamp, key)


def _torch(places: Places) -> list[str]:
    """Return the torch that the suite itself was set up with, so that both are measured on one."""
    pin = torch.pinned(places)
    return [f'{pin}+cpu' if torch.choice(places) == 'cpu' else pin]


def _key(places: Places, files: list[Path]) -> str:
    found = contents(files, places.root)
    return key_of(sys.version, places.root, torch.choice(places), torch.pinned(places), *found)
