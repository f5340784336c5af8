"""Strict reading of one mapping of a YAML file: every key known, every value of its type."""

import difflib
import math
from collections.abc import Sequence
from typing import Any

import yaml

from vla_core.errors import ContractError


class Section:
    """A mapping, read key by key; `done` refuses what nobody asked for.

    Every reader raises ContractError with the path of the key.
    """

    def __init__(self, value: Any, path: str):
        if not isinstance(value, dict):
            raise ContractError(path, f'a mapping expected, got {_kind(value)}')
        self.path = path
        self._values = value
        self._asked: set[str] = set()

    def _at(self, key: str) -> str:
        return f'{self.path}.{key}' if self.path else key

    def fail(self, key: str, problem: str) -> ContractError:
        """Return the error for a key, to raise."""
        return ContractError(self._at(key), problem)

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        self._asked.add(key)
        return self._values.get(key) is not None

    def get(self, key: str) -> Any:
        """Return a required value as it is."""
        if not self.has(key):
            raise self.fail(key, f'missing{self._near(key)}')
        return self._values[key]

    def _near(self, key: str) -> str:
        near = difflib.get_close_matches(key, set(self._values) - self._asked, 1)
        return f'; is {near[0]!r} a typo of it?' if near else ''

    def text(self, key: str, choices: Sequence[str] = (), default: str | None = None) -> str:
        """Return a non-empty string, one of `choices` where given."""
        if default is not None and not self.has(key):
            return default
        value = self.get(key)
        if not isinstance(value, str) or not value:
            raise self.fail(key, f'a non-empty string expected, got {_kind(value)}')
        if choices and value not in choices:
            raise self.fail(key, f'one of {", ".join(choices)} expected, got {value!r}')
        return value

    def number(
        self,
        key: str,
        above: float = -math.inf,
        low: float = -math.inf,
        high: float = math.inf,
        default: float | None = None,
    ) -> float:
        """Return a finite number in (above, inf) and [low, high]."""
        if default is not None and not self.has(key):
            return default
        return self._number(key, self.get(key), above, low, high)

    def _number(self, key: str, value: Any, above: float, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fail(key, f'a number expected, got {_kind(value)}')
        if not math.isfinite(value) or value <= above or not low <= value <= high:
            bounds = f'> {above:g}' if above > -math.inf else f'in {low:g}..{high:g}'
            raise self.fail(key, f'a finite number {bounds} expected, got {value}')
        return float(value)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number in [low, high]."""
        if default is not None and not self.has(key):
            return default
        value = self.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fail(key, f'a whole number in {low}..{high} expected, got {value!r}')
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        if not self.has(key):
            return default
        value = self.get(key)
        if not isinstance(value, bool):
            raise self.fail(key, f'true or false expected, got {_kind(value)}')
        return value

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        """Return a list of finite numbers, of the given length."""
        value = self.get(key)
        if not isinstance(value, list) or len(value) != count:
            raise self.fail(key, f'a list of {count} numbers expected, got {value!r}')
        inf = math.inf
        return tuple(self._number(key, v, -inf, -inf, inf) for v in value)

    def names(self, key: str) -> tuple[str, ...]:
        """Return a non-empty list of different non-empty strings."""
        value = self.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
            raise self.fail(key, f'a list of names expected, got {value!r}')
        for name in value:
            if not name or value.count(name) > 1:
                raise self.fail(key, f'{name!r} stands in the list twice; names must differ')
        return tuple(value)

    def section(self, key: str) -> 'Section':
        """Return the mapping under a key."""
        return Section(self.get(key), self._at(key))

    def sections(self) -> dict[str, 'Section']:
        """Return every value as a mapping, by key, in file order."""
        return {key: self.section(key) for key in self._values}

    def list_of_sections(self, key: str) -> list['Section']:
        """Return a non-empty list of mappings."""
        value = self.get(key)
        if not isinstance(value, list) or not value:
            raise self.fail(key, f'a non-empty list expected, got {_kind(value)}')
        return [Section(v, f'{self._at(key)}[{i}]') for i, v in enumerate(value)]

    def done(self) -> None:
        """Refuse keys that nobody read."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), self._asked, 1)
                hint = f'did you mean {near[0]!r}?' if near else f'known: {_listed(self._asked)}'
                raise self.fail(str(key), f'unknown key; {hint}')


class _UniqueLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, which plain YAML readers swallow."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise ContractError(str(key), f'given twice (line {line}); once expected')
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str, name: str) -> Section:
    """Parse YAML text into its top-level section.

    Raises:
        ContractError: not YAML, a key given twice, or not a mapping; `name` says where.
    """
    try:
        value = yaml.load(text, _UniqueLoader)  # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        where = f'{name}, line {mark.line + 1}' if mark else name
        raise ContractError(where, f'no YAML: {getattr(error, "problem", error)}') from None
    if not isinstance(value, dict):
        raise ContractError(name, f'a mapping expected, got {_kind(value)}')
    return Section(value, '')


def _kind(value: Any) -> str:
    return 'nothing' if value is None else f'{type(value).__name__} {value!r}'


def _listed(names: set[str]) -> str:
    return ', '.join(sorted(names))
