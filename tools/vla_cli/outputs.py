"""The folder that a command writes into: claimed before anything slow begins."""

import time
from argparse import ArgumentParser
from pathlib import Path

from vla_cli.places import Places

FINISHED = 'report.json'


def claim(parser: ArgumentParser, given: str, force: bool) -> Path:
    """Return the given folder, made; refuse one that holds a finished result."""
    folder = _made(parser, given)
    if not force and (folder / FINISHED).exists():
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
