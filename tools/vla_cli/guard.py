"""Runs a command and ends all that it started when told to end, or when the parent dies.

Builds start compilers that start compilers; killing the first leaves the others writing. Started
as leader of its own process group: `python guard.py COMMAND [ARGUMENT ...]`.
"""

import os
import signal
import subprocess
import sys


def main(command: list[str]) -> int:
    """Return the exit status of the command."""
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    return subprocess.call(command)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
