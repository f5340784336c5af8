"""Checks of option values; each either returns the value or says what would be right."""

import difflib
import math
import re
from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

from vla_cli import names
from vla_cli.places import Places

REPLAY = 'replay'
LATENCY = '200 (milliseconds), normal:MEAN:STD or uniform:LOW:HIGH'


def whole(low: int) -> Callable[[str], int]:
    """Return a check for a whole number not below `low`."""

    def check(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise ArgumentTypeError(f'{text!r} is not a whole number of at least {low}')
        return value

    return check


def one_of(known: list[str], what: str) -> Callable[[str], str]:
    """Return a check for one of the known words."""

    def check(text: str) -> str:
        if text not in known:
            raise ArgumentTypeError(unknown(text, known, what))
        return text

    return check


def some_of(known: list[str], what: str) -> Callable[[str], str]:
    """Return a check for known words with commas between them."""

    def check(text: str) -> str:
        words = text.split(',')
        for word in words:
            if word not in known:
                raise ArgumentTypeError(unknown(word, known, what))
        return ','.join(dict.fromkeys(words))

    return check


def parts(text: str) -> list[str]:
    """Return the values of an option that may be a list: a folder, or words between commas."""
    return [text] if Path(text).is_dir() else text.split(',')


def several(check: Callable[[str], object]) -> Callable[[str], str]:
    """Return a check for one value or more, commas between them; none counts twice."""

    def each(text: str) -> str:
        return ','.join(dict.fromkeys(str(check(part)) for part in parts(text)))

    return each


def ray(text: str) -> str:
    """Check where a Ray cluster is: `local`, `auto`, HOST:PORT or ray://HOST:PORT."""
    if text in ('local', 'auto') or re.fullmatch(r'(ray://)?[\w.-]+:\d{1,5}', text):
        return text
    raise ArgumentTypeError(
        f'{text!r} is no Ray cluster: write local (one of its own), auto (the one that runs '
        'here), HOST:PORT or ray://HOST:PORT'
    )


def unknown(word: str, known: list[str], what: str) -> str:
    """Return one line about an unknown word: the nearest known one, and all of them."""
    near = difflib.get_close_matches(word, known, 1)
    guess = f' (did you mean {near[0]}?)' if near else ''
    return f'no {what} is called {word!r}{guess}; there are: {", ".join(known) or "none"}'


def latency(text: str) -> str:
    """Check a latency in milliseconds: a number, or a distribution with non-negative numbers."""
    kind, *parts = text.split(':')
    try:
        if not parts:
            numbers = [float(kind)]
        elif kind in ('normal', 'uniform') and len(parts) == 2:
            numbers = [float(part) for part in parts]
        else:
            raise ValueError
    except ValueError:
        raise ArgumentTypeError(f'{text!r} is no latency: write {LATENCY}') from None
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ArgumentTypeError(f'{text!r} is no latency: numbers must be finite and at least 0')
    if kind == 'uniform' and numbers[0] > numbers[1]:
        raise ArgumentTypeError(f'{text!r} is no latency: LOW must not be above HIGH')
    return text


def policies(places: Places, replay: bool = False) -> list[str]:
    """Return the names of policies, and of what repeats a bag where that can be had."""
    return [*names.policies(places), *([REPLAY] if replay else [])]


def policy(places: Places, replay: bool = False) -> Callable[[str], str]:
    """Return a check for a policy: a name, or a folder with a checkpoint (made absolute)."""

    def check(text: str) -> str:
        known = policies(places, replay)
        if text in known:
            return text
        folder = Path(text).expanduser()
        if folder.is_dir():
            if not (folder / 'config.yaml').is_file():
                raise ArgumentTypeError(f'{text!r} is no checkpoint: it holds no config.yaml')
            return str(folder.resolve())
        raise ArgumentTypeError(unknown(text, known, 'policy or checkpoint folder'))

    return check


def existing_file(text: str) -> str:
    """Check that a file is there (made absolute)."""
    path = Path(text).expanduser()
    if not path.is_file():
        raise ArgumentTypeError(f'there is no file {text!r}')
    return str(path.resolve())


def existing(text: str) -> str:
    """Check that a file or folder is there (made absolute)."""
    path = Path(text).expanduser()
    if not path.exists():
        raise ArgumentTypeError(f'there is no {text!r}')
    return str(path.absolute())
