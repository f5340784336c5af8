"""Which DDS domain a graph uses: one graph of ours per domain, told by locks of this machine.

A file per domain lies in the system's folder for temporary files; the graph's process holds a lock
on it, which the kernel drops when the process ends in any way, and its text says who that is.
"""

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vla_cli.errors import UsageError

VARIABLE = 'ROS_DOMAIN_ID'
LARGEST = 232
LARGEST_SAFE = 101  # above it, the ports that DDS computes are ports the kernel hands out
PATIENCE_S = 0.3  # someone who looks whether a domain is taken holds its lock for a moment


def lock_folder() -> Path:
    """Return this machine's folder of domain locks."""
    return Path(tempfile.gettempdir()) / 'vla-domains'


@dataclass(frozen=True)
class RunningGraph:
    """A graph of ours that runs now.

    Attributes:
        number: Its DDS domain.
        pid: The process that holds the domain.
        transport: Name of its transport profile.
        root: Checkout that it was started from.
    """

    number: int
    pid: int
    transport: str
    root: str


class Domain:
    """A DDS domain held by this process until `release` or its end."""

    def __init__(self, number: int, fd: int) -> None:
        self.number = number
        self._fd = fd

    def variables(self) -> dict[str, str]:
        """Return the environment variables that put a process on the domain."""
        return {VARIABLE: str(self.number)}

    def release(self) -> None:
        """Give the domain back; once is enough."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def claim(
    environ: Mapping[str, str],
    root: str | Path,
    transport: str,
    folder: Path | None = None,
    first: int = 0,
    hidden: bool = False,
) -> Domain:
    """Take the domain that ROS_DOMAIN_ID names, or the lowest free one from `first`.

    Args:
        environ: Where ROS_DOMAIN_ID may be set.
        root: Checkout that the graph is started from.
        transport: Name of its transport profile.
        folder: Where the locks lie, by default this machine's folder.
        first: Lowest domain to consider.
        hidden: `running_graph` does not find it (a test's, not a person's).

    Raises:
        UsageError: The named one is no domain or another graph of ours is on it; or none is free.
    """
    folder = folder or lock_folder()
    about: dict[str, object] = {
        'pid': os.getpid(),
        'transport': transport,
        'root': str(root),
        'hidden': hidden,
    }
    named = environ.get(VARIABLE)
    if named:
        number = _number(named)
        deadline = time.monotonic() + PATIENCE_S
        while (fd := _take(folder, number, about)) is None:
            if time.monotonic() > deadline:
                other = _holder(folder, number)
                whose = f' (process {other.pid}, started from {other.root})' if other else ''
                raise UsageError(
                    f'{VARIABLE}={number}: another graph is on this DDS domain{whose}; end it, '
                    f'name another domain, or unset {VARIABLE} to get a free one'
                )
            time.sleep(0.02)
        return Domain(number, fd)
    for number in range(first, LARGEST_SAFE + 1):
        fd = _take(folder, number, about)
        if fd is not None:
            return Domain(number, fd)
    raise UsageError(f'no DDS domain from {first} to {LARGEST_SAFE} is free')


def running_graph(environ: Mapping[str, str], folder: Path | None = None) -> RunningGraph | None:
    """Return the graph on the domain that ROS_DOMAIN_ID names, or else the lowest that runs."""
    folder = folder or lock_folder()
    named = environ.get(VARIABLE)
    numbers = [_number(named)] if named else range(LARGEST_SAFE + 1)
    return next((graph for n in numbers if (graph := _holder(folder, n))), None)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST:
        raise UsageError(f'{VARIABLE}={text}: a DDS domain is a whole number from 0 to {LARGEST}')
    return int(text)


def _path(folder: Path, number: int) -> Path:
    return folder / f'{number}.lock'


def _take(folder: Path, number: int, about: Mapping[str, object]) -> int | None:
    """Return the descriptor that holds the lock, None where someone else does."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            folder.chmod(0o1777)
    path = _path(folder, number)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except PermissionError:  # another user's file: not ours to take, free or not
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    os.ftruncate(fd, 0)
    os.pwrite(fd, json.dumps(about).encode(), 0)
    return fd


def _holder(folder: Path, number: int) -> RunningGraph | None:
    try:
        fd = os.open(_path(folder, number), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(fd, number)
    finally:
        os.close(fd)
    return None


def _read(fd: int, number: int) -> RunningGraph | None:
    """Return who holds the lock; its text may lag behind by a moment."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            about = json.loads(os.pread(fd, 4096, 0))
            if about.get('hidden'):
                return None
            return RunningGraph(
                number, int(about['pid']), str(about['transport']), str(about['root'])
            )
        except (ValueError, LookupError, TypeError):
            if time.monotonic() > deadline:
                return None
        time.sleep(0.02)
