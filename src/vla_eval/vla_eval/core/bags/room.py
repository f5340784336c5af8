"""The files of a bag in a folder, and how they are cleared away."""

from pathlib import Path

from vla_eval.core.bags import metadata
from vla_eval.core.errors import BagError


def held(folder: Path) -> list[Path]:
    """Return a bag's files in a folder, its mark of being whole first."""
    mark = folder / metadata.FILE
    return [
        *([mark] if mark.exists() else []),
        *(file for suffix in metadata.STORAGES.values() for file in folder.glob(f'*{suffix}')),
    ]


def clear(folder: Path) -> None:
    """Remove a bag from a folder; whatever else lies there stays."""
    for file in held(folder):
        file.unlink(missing_ok=True)


def free(folder: Path, force: bool) -> None:
    """Make sure that a whole bag may be put there.

    Args:
        folder: Of the bag to come.
        force: Replace a bag that lies there; anything else that does is never replaced.

    Raises:
        BagError: something lies there.
    """
    if not folder.exists() and not folder.is_symlink():
        return
    bag = set(held(folder))
    if not folder.is_dir() or any(file not in bag for file in folder.iterdir()):
        raise BagError(f'{folder}: holds something else than a bag; name another folder')
    if bag and not force:
        raise BagError(f'{folder}: there already; add --force to replace it')
