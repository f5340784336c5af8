"""Evaluates the substitutions of launch files: $(var x), $(find-pkg-share p), $(equals a b) ..."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path


class SubstitutionError(ValueError):
    """A substitution is unknown, unclosed or names what is not there."""


def find_package_share(package: str, environ: Mapping[str, str]) -> Path:
    """Return the share folder of an installed package, the first prefix winning.

    Raises:
        SubstitutionError: No prefix has it.
    """
    return find_package_prefix(package, environ) / 'share' / package


def find_package_prefix(package: str, environ: Mapping[str, str]) -> Path:
    """Return the install prefix of a package by the ament index."""
    for prefix in environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        marker = Path(prefix, 'share/ament_index/resource_index/packages', package)
        if prefix and marker.exists():
            return Path(prefix)
    raise SubstitutionError(f'package {package} is not in this environment')


class Substitutions:
    """Evaluates texts for one set of launch arguments and environment variables."""

    def __init__(self, values: Mapping[str, str], environ: Mapping[str, str]) -> None:
        self._values = values
        self._environ = environ
        self._known: dict[str, Callable[..., str]] = {
            'var': self._var,
            'env': self._env,
            'find-pkg-share': lambda name: str(find_package_share(name, environ)),
            'equals': lambda a, b: _word(a == b),
            'not-equals': lambda a, b: _word(a != b),
            'and': lambda a, b: _word(truth(a) and truth(b)),
            'or': lambda a, b: _word(truth(a) or truth(b)),
            'not': lambda a: _word(not truth(a)),
        }

    def evaluate(self, text: str) -> str:
        """Return the text with every substitution replaced.

        Raises:
            SubstitutionError: One of them cannot be.
        """
        value, end = self._text(text, 0, inside=False)
        return value if end == len(text) else value + text[end:]

    def _text(self, text: str, at: int, inside: bool) -> tuple[str, int]:
        """Read up to the end, or inside a substitution up to a space or the closing bracket."""
        parts = []
        while at < len(text):
            if text.startswith('$(', at):
                value, at = self._call(text, at + 2)
                parts.append(value)
            elif inside and text[at] in ' )':
                break
            else:
                parts.append(text[at])
                at += 1
        return ''.join(parts), at

    def _call(self, text: str, at: int) -> tuple[str, int]:
        words: list[str] = []
        while True:
            while text[at : at + 1] == ' ':
                at += 1
            if at >= len(text):
                raise SubstitutionError(f'$( is not closed in {text!r}')
            if text[at] == ')':
                break
            word, at = self._text(text, at, inside=True)
            words.append(word)
        name, *arguments = words or ['']
        if name not in self._known:
            raise SubstitutionError(f'$({name} ...) is not known; there are {sorted(self._known)}')
        try:
            return self._known[name](*arguments), at + 1
        except TypeError:
            raise SubstitutionError(f'$({name} ...) has the wrong number of words') from None

    def _var(self, name: str) -> str:
        if name not in self._values:
            raise SubstitutionError(f'no argument is called {name}')
        return self._values[name]

    def _env(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, default)
        if value is None:
            raise SubstitutionError(f'environment variable {name} is not set')
        return value


def truth(word: str) -> bool:
    """Return the truth of a condition's word.

    Raises:
        SubstitutionError: It is neither true nor false.
    """
    low = word.strip().lower()
    if low not in ('true', '1', 'false', '0'):
        raise SubstitutionError(f'true or false expected, got {word!r}')
    return low in ('true', '1')


def _word(value: bool) -> str:
    return 'true' if value else 'false'
