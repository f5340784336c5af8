"""The folder or file that a command writes: claimed before anything slow begins."""

import time
from argparse import ArgumentParser
from pathlib import Path

from vla_cli.places import Places

FINISHED = 'report.json'


def claim(parser: ArgumentParser, given: str, force: bool, finished: str = FINISHED) -> Path:
    """Return the given folder, made; refuse one that holds the file of a finished result."""
    folder = _made(parser, given)
    if not force and (folder / finished).exists():
        parser.error(f'--out {given}: holds a finished result; name another folder or add --force')
    return folder


def claim_any(parser: ArgumentParser, given: str) -> Path:
    """Return the given folder, made, whatever it holds."""
    return _made(parser, given)


def claim_new(places: Places, command: str) -> Path:
    """Return a new folder `runs/<date-time>-<command>` that no other run has."""
    stem = time.strftime('%Y-%m-%d_%H-%M-%S', time.localtime()) + f'-{command}'
    for count in range(1, 1000):
        folder = places.runs / (stem if count == 1 else f'{stem}-{count}')
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise OSError(f'no free folder {places.runs / stem}')


def claim_file(parser: ArgumentParser, option: str, given: str, force: bool) -> Path:
    """Return the path of a file to write; refuse one that is there, and a folder that is not."""
    out = Path(given).expanduser().absolute()
    if out.is_dir() or not out.parent.is_dir():
        parser.error(f'{option} {given}: a file in a folder that exists expected')
    if out.exists() and not force:
        parser.error(f'{option} {given}: is there; name another file or add --force')
    return out


def _made(parser: ArgumentParser, given: str) -> Path:
    folder = Path(given).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / '.writable'
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        parser.error(f'--out {given}: this folder cannot be written ({reason})')
    return folder
