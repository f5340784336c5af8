"""Child processes that do not outlive this one and can be ended with all they started."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}

GUARD = Path(__file__).with_name('guard.py')

_libc = ctypes.CDLL(None)  # loaded here: nothing may be loaded between fork and exec


def dies_with_parent(blocked: bool = False) -> Callable[[], None]:
    """Return what a child runs before it becomes its program.

    Args:
        blocked: Start the program with SIGINT and SIGTERM blocked, for programs that wait for
            signals themselves: an interpreter that is still importing would print a trace.
    """
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)
        for number in STOP_SIGNALS:  # Python's own handlers would swallow one that comes now
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_BLOCK if blocked else signal.SIG_UNBLOCK, STOP_SIGNALS)

    return prepare


def start(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    cwd: Path | None = None,
    output: IO[bytes] | int | None = None,
    blocked: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a child as leader of its own session, standard output and error in one stream."""
    return subprocess.Popen(
        [str(word) for word in command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=dies_with_parent(blocked),
    )


def guarded(command: Sequence[str | Path]) -> list[str | Path]:
    """Return a command line that runs `command` and takes all its descendants along at the end."""
    return [sys.executable, '-I', '-S', GUARD, *command]


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the child's whole process group, which may be gone already."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def end(process: subprocess.Popen[bytes], patience_s: float = 2.0) -> None:
    """End a child and its group: SIGTERM, then SIGKILL."""
    signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    signal_group(process, signal.SIGKILL)
    process.wait()
