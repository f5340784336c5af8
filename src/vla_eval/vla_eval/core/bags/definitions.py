"""Message definitions as text with all they refer to, from the packages that are installed."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vla_eval.core.errors import BagError

PRIMITIVES = frozenset(
    (
        *('bool', 'byte', 'char', 'float32', 'float64', 'string', 'wstring'),
        *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)),
    )
)
FIELD = re.compile(r'^(?P<type>[\w/]+)(<=\d+)?(?P<array>\[[^\]]*\])?\s+\w+')
CONSTANT = re.compile(r'^[\w/]+(<=\d+)?\s+\w+\s*=')
RULE = '=' * 80
HEADER = 'std_msgs/msg/Header'


@dataclass(frozen=True)
class Definition:
    """What a message type looks like.

    Attributes:
        kind: Name, `package/msg/Type`.
        text: Its definition and those of all types it holds, as MCAP's `ros2msg`; '' for unknown.
        digest: Type hash (`RIHS01_...`), '' where unknown.
    """

    kind: str
    text: str
    digest: str = ''

    @cached_property
    def stamp_at(self) -> int | None:
        """Byte of a serialised message at which its header's stamp begins, None without one."""
        own, *others = self.text.split(RULE)
        first = _fields(own)[:1]
        if not first:
            return None
        kind, array = first[0]
        if _full(kind, self.kind) == HEADER and not array:
            return 4
        if array != '[]':
            return None
        for other in others:
            name, _, text = other.strip().removeprefix('MSG: ').partition('\n')
            fields = _fields(text)[:1]
            if _full(name, self.kind) == _full(kind, self.kind) and fields:
                return 8 if _full(fields[0][0], name) == HEADER and not fields[0][1] else None
        return None

    def stamp_ns(self, data: bytes) -> int | None:
        """Return the header's stamp of a serialised message, None where there is none."""
        at = self.stamp_at
        if at is None or len(data) < at + 8:
            return None
        order = 'little' if data[1] & 1 else 'big'
        seconds = int.from_bytes(data[at : at + 4], order, signed=True)  # type: ignore[arg-type]
        rest = int.from_bytes(data[at + 4 : at + 8], order)  # type: ignore[arg-type]
        return max(0, seconds) * 1_000_000_000 + rest or None


class Definitions:
    """Finds definitions in the share folders of installed packages.

    Args:
        environ: Whose AMENT_PREFIX_PATH names the prefixes.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ):
        prefixes = [p for p in environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
        self._shares = [Path(prefix) / 'share' for prefix in prefixes]
        self._known: dict[str, Definition] = {}

    def of(self, kind: str) -> Definition:
        """Return the definition of `package/msg/Type`.

        Raises:
            BagError: a package is not installed.
        """
        if kind not in self._known:
            texts = {kind: self._text(kind)}
            open_kinds = [kind]
            while open_kinds:
                inside = open_kinds.pop()
                for name, _ in _fields(texts[inside]):
                    full = _full(name, inside)
                    if name not in PRIMITIVES and full not in texts:
                        texts[full] = self._text(full)
                        open_kinds.append(full)
            own = texts.pop(kind)
            parts = [
                f'{RULE}\nMSG: {name.replace("/msg/", "/")}\n{t}' for name, t in texts.items()
            ]
            self._known[kind] = Definition(kind, '\n'.join([own, *parts]), self._digest(kind))
        return self._known[kind]

    def _find(self, kind: str, suffix: str) -> Path | None:
        package, _, name = kind.partition('/msg/')
        files = (share / package / 'msg' / f'{name}{suffix}' for share in self._shares)
        return next((file for file in files if file.is_file()), None)

    def _text(self, kind: str) -> str:
        file = self._find(kind, '.msg')
        if file is None:
            raise BagError(f'{kind}: its definition is in none of the installed packages')
        return file.read_text(encoding='utf-8')

    def _digest(self, kind: str) -> str:
        file = self._find(kind, '.json')
        if file is None:
            return ''
        hashes = json.loads(file.read_text(encoding='utf-8')).get('type_hashes', [])
        return next((h['hash_string'] for h in hashes if h['type_name'] == kind), '')


def _fields(text: str) -> list[tuple[str, str]]:
    """Return (type, array) of each field of one definition."""
    found = []
    for line in text.splitlines():
        bare = line.partition('#')[0].strip()
        field = FIELD.match(bare)
        if field and not CONSTANT.match(bare):
            found.append((field['type'], field['array'] or ''))
    return found


def _full(name: str, inside: str) -> str:
    """Return the full name of a type that a definition names shortly."""
    package, _, kind = name.rpartition('/')
    if not package:
        package = 'std_msgs' if kind == 'Header' else inside.partition('/')[0]
    return f'{package.removesuffix("/msg")}/msg/{kind}'
