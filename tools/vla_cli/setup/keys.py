"""Content keys: what a step depends on, as one hash, and the stamp that a finished step leaves."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

IGNORED = {'__pycache__', '.pytest_cache', '.mypy_cache', '.ruff_cache'}


def key_of(*parts: object) -> str:
    """Return a hash over the texts of `parts`, in order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f'{len(data)}:'.encode())
        digest.update(data)
    return digest.hexdigest()[:32]


def contents(paths: Iterable[Path], root: Path) -> Iterator[bytes]:
    """Yield name (relative to `root`) and content of each file, in sorted order."""
    for path in sorted(paths):
        yield str(path.relative_to(root)).encode()
        yield path.read_bytes()


def files_under(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder that the build or git would see."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in IGNORED and not f.endswith('.egg-info'))
        for name in sorted(names):
            if not name.endswith('.pyc'):
                yield Path(where, name)


def stamped(stamp: Path, key: str) -> bool:
    """Tell whether the step that leaves `stamp` finished for this key."""
    try:
        return stamp.read_text() == key
    except OSError:
        return False


def write_stamp(stamp: Path, key: str) -> None:
    """Mark a step as finished; last of all, and whole or not at all."""
    part = stamp.with_name(stamp.name + '.part')
    part.write_text(key)
    part.replace(stamp)
