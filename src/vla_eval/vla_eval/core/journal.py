"""Episodes already played, one line each, so that a run that was ended goes on where it was."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from vla_eval.core.errors import RequestError

Key = tuple[str, int]  # name of the cell, number of the episode


class Journal:
    """Appends episodes to a file of JSON lines; a line that a kill cut off does not count.

    Attributes:
        episodes: What is there, by cell and number.
    """

    def __init__(self, path: Path, source: Mapping[str, Any]):
        """Open it, and read what is there.

        Args:
            path: The file.
            source: Plain values that decide what episodes give; those of a run that goes on must
                be the same.

        Raises:
            RequestError: the file belongs to a run with another source, or to one under way.
        """
        self.episodes: dict[Key, dict[str, Any]] = {}
        self._path = path
        self._file = path.open('ab')
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until it is closed
            whole = self._read(source)
        except OSError:
            self._file.close()
            raise RequestError(f'{path}: another run is writing it; name another --out') from None
        except RequestError:
            self._file.close()
            raise
        self._file.truncate(whole)
        if whole == 0:
            self._write({'source': dict(source)})

    def _read(self, source: Mapping[str, Any]) -> int:
        """Take in the whole lines; return how many bytes they are."""
        whole, differ = 0, ''
        for line in self._path.read_bytes().splitlines(keepends=True):
            try:
                values = json.loads(line) if line.endswith(b'\n') else None
            except ValueError:
                values = None
            if not isinstance(values, dict):
                break
            if whole == 0:
                differ = _difference(values.get('source'), source)
            elif differ:
                raise RequestError(
                    f'{self._path}: episodes of another run (other {differ}); '
                    'name another --out, or remove that file'
                )
            else:
                self.episodes[values['cell'], values['index']] = values['figures']
            whole += len(line)
        return 0 if differ else whole  # of a run that never began, nothing is kept

    def add(self, cell: str, index: int, figures: dict[str, Any]) -> None:
        """Keep an episode; it is on disk when this returns."""
        self.episodes[cell, index] = figures
        self._write({'cell': cell, 'index': index, 'figures': figures})

    def _write(self, values: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(values, allow_nan=False).encode() + b'\n')
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> 'Journal':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def _difference(there: Any, wanted: Mapping[str, Any]) -> str:
    """Return the names of what differs, '' where nothing does."""
    there = there if isinstance(there, dict) else {}
    names = sorted({*wanted, *there})
    return ', '.join(name for name in names if wanted.get(name) != there.get(name))
