"""What makes a command line of `./vla eval` a sweep, and where an unfinished one lies."""

import hashlib
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from vla_cli import values
from vla_cli.outputs import FINISHED
from vla_cli.places import Places

AXES = ('policy', 'strategy', 'latency_ms', 'seed')
ONE_ONLY = ('graph', 'bag', 'baseline', 'only')  # options of a single run


def asked(given: Namespace) -> bool:
    """Tell whether an option that may be a list holds more than one value."""
    return any(len(values.parts(str(getattr(given, axis)))) > 1 for axis in AXES)


def contradiction(given: Namespace) -> str | None:
    """Return in one line which other option does not go with a sweep; None where all do."""
    if values.REPLAY in values.parts(given.policy):
        return f'--policy {given.policy}: {values.REPLAY} executes one bag; it is in no sweep'
    for name in ONE_ONLY:
        value = getattr(given, name)
        if value is not None and value is not False:
            return (
                f'--{name}: is for one run; name one policy, strategy, latency and seed, or leave '
                'it out'
            )
    return None


def folder(places: Places, words: Sequence[str]) -> Path:
    """Return where a sweep of these words goes on, or begins: the first that is not finished."""
    digest = hashlib.sha256('\0'.join(words).encode()).hexdigest()[:8]
    count = 1
    while True:
        found = places.runs / (f'sweep-{digest}' if count == 1 else f'sweep-{digest}-{count}')
        if not (found / FINISHED).exists():
            return found
        count += 1
