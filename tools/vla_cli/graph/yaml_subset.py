"""Reads the part of YAML that launch files use, with the standard library alone.

Block mappings and lists by indentation, mappings and lists in one line, plain and quoted scalars,
comments. Every scalar stays a text. Whatever else YAML can do is refused by line number.
"""

import re
from dataclasses import dataclass
from typing import Any

_KEY = re.compile(r'([A-Za-z_][\w.-]*)\s*:(?:\s+|$)')
_REFUSED = ('&', '*', '!', '|', '>', '%', '@', '`', '?')


class YamlError(ValueError):
    """The text is no YAML, or YAML beyond the subset."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f'line {line}: {problem}')


@dataclass(frozen=True)
class _Line:
    number: int
    indent: int
    text: str


def parse(text: str) -> Any:
    """Return nested dicts, lists and texts.

    Raises:
        YamlError: The text is beyond the subset.
    """
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        if '\t' in raw[: len(raw) - len(raw.lstrip())]:
            raise YamlError(number, 'a tab indents')
        bare = _without_comment(raw).rstrip()
        if bare.strip() and bare != '---':
            lines.append(_Line(number, len(bare) - len(bare.lstrip()), bare.strip()))
    if not lines:
        return {}
    value, rest = _block(lines, 0, lines[0].indent)
    if rest < len(lines):
        raise YamlError(lines[rest].number, 'the indentation fits nothing above')
    return value


def _without_comment(line: str) -> str:
    quote = ''
    for i, character in enumerate(line):
        if quote:
            quote = '' if character == quote else quote
        elif character in '\'"' and (i == 0 or line[i - 1] in ' [{,:'):
            quote = character
        elif character == '#' and (i == 0 or line[i - 1].isspace()):
            return line[:i]
    return line


def _block(lines: list[_Line], at: int, indent: int) -> tuple[Any, int]:
    """Return the value that begins at a line, and the index of the first line after it."""
    if lines[at].text.startswith('- ') or lines[at].text == '-':
        return _block_list(lines, at, indent)
    if _KEY.match(lines[at].text):
        return _block_mapping(lines, at, indent)
    return _flow(lines[at]), at + 1


def _block_list(lines: list[_Line], at: int, indent: int) -> tuple[list[Any], int]:
    items = []
    while at < len(lines) and lines[at].indent == indent and lines[at].text[:2] in ('- ', '-'):
        line = lines[at]
        inner = line.text[1:].lstrip()
        if not inner:
            if at + 1 == len(lines) or lines[at + 1].indent <= indent:
                raise YamlError(line.number, 'an empty list item')
            value, at = _block(lines, at + 1, lines[at + 1].indent)
        else:
            column = indent + len(line.text) - len(inner)
            lines[at] = _Line(line.number, column, inner)
            value, at = _block(lines, at, column)
        items.append(value)
    return items, at


def _block_mapping(lines: list[_Line], at: int, indent: int) -> tuple[dict[str, Any], int]:
    mapping: dict[str, Any] = {}
    while at < len(lines) and lines[at].indent == indent:
        line = lines[at]
        key = _KEY.match(line.text)
        if key is None:
            raise YamlError(line.number, f'`key: value` expected, got {line.text!r}')
        if key[1] in mapping:
            raise YamlError(line.number, f'{key[1]} stands here twice')
        rest = line.text[key.end() :].strip()
        if rest:
            mapping[key[1]], at = _flow(_Line(line.number, 0, rest)), at + 1
            continue
        deeper = at + 1 < len(lines) and (
            lines[at + 1].indent > indent
            or (lines[at + 1].indent == indent and lines[at + 1].text.startswith('- '))
        )
        if deeper:
            mapping[key[1]], at = _block(lines, at + 1, lines[at + 1].indent)
        else:
            mapping[key[1]], at = '', at + 1
    return mapping, at


def _flow(line: _Line) -> Any:
    """Return the value of a text in one line."""
    if line.text.startswith(_REFUSED):
        raise YamlError(line.number, f'{line.text[0]} is beyond what is read here')
    if line.text[0] not in '[{\'"':
        if ': ' in line.text or line.text.endswith(':'):
            raise YamlError(line.number, f'quotes expected around {line.text!r}')
        return line.text
    value, end = _flow_value(line, 0, '')
    if line.text[end:].strip():
        raise YamlError(line.number, f'unexpected {line.text[end:].strip()!r}')
    return value


def _flow_value(line: _Line, at: int, ends: str) -> tuple[Any, int]:
    text = line.text
    if at >= len(text):
        raise YamlError(line.number, 'the line ends too early')
    if text[at] in '\'"':
        quote = text[at]
        end = text.find(quote, at + 1)
        if end < 0:
            raise YamlError(line.number, f'{quote} is not closed')
        if '\\' in text[at:end] or text[end + 1 : end + 2] == quote:
            raise YamlError(line.number, 'escapes are beyond what is read here')
        return text[at + 1 : end], end + 1
    if text[at] in '[{':
        return _flow_collection(line, at)
    end, depth = at, 0
    while end < len(text) and (depth or text[end] not in ends):
        depth += {'(': 1, ')': -1}.get(text[end], 0)
        end += 1
    return text[at:end].strip(), end


def _flow_collection(line: _Line, at: int) -> tuple[Any, int]:
    text, close = line.text, {'[': ']', '{': '}'}[line.text[at]]
    items: list[Any] = []
    mapping: dict[str, Any] = {}
    at += 1
    while True:
        at += len(text[at:]) - len(text[at:].lstrip())
        if text[at : at + 1] == close:
            return (mapping if close == '}' else items), at + 1
        if close == '}':
            key = _KEY.match(text, at)
            if key is None:
                raise YamlError(line.number, f'`key: value` expected in {text!r}')
            mapping[key[1]], at = _flow_value(line, key.end(), ',}')
        else:
            item, at = _flow_value(line, at, ',]')
            items.append(item)
        at += len(text[at:]) - len(text[at:].lstrip())
        if text[at : at + 1] == ',':
            at += 1
        elif text[at : at + 1] != close:
            raise YamlError(line.number, f'{close} expected in {text!r}')
