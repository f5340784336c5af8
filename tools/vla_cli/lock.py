"""File locks that the kernel gives back when their holder dies, however it dies."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """An advisory lock on a file, shared or exclusive."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def exclusive(self, wait: bool = True) -> bool:
        """Take the lock alone; False where that would wait and `wait` is False."""
        return self._take(fcntl.LOCK_EX, wait)

    def shared(self, wait: bool = True) -> bool:
        """Take the lock beside other sharers; False where that would wait and `wait` is False."""
        return self._take(fcntl.LOCK_SH, wait)

    def keep_over_exec(self) -> None:
        """Let the program that replaces this one go on holding the lock."""
        os.set_inheritable(self._fd, True)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._fd)

    def _take(self, kind: int, wait: bool) -> bool:
        try:
            fcntl.flock(self._fd, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
