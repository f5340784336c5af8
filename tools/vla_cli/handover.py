"""Hands a command over to its module in the suite's environment, without a trace on Ctrl-C.

`run` replaces this process by the environment's Python with SIGINT and SIGTERM blocked; there this
file, as a program, takes them up again: while the module is imported they end the process at
once and silently, afterwards they are exceptions that the module may catch.
"""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def command_environment(variables: dict[str, str], root: Path) -> dict[str, str]:
    """Return the environment of the suite's own Python programs."""
    env = dict(variables)
    paths = [str(root / 'tools'), *env.get('PYTHONPATH', '').split(os.pathsep)]
    env['PYTHONPATH'] = os.pathsep.join(path for path in paths if path)
    env.setdefault('MUJOCO_GL', 'egl')
    env.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    env.setdefault('PYTHONUNBUFFERED', '1')
    return env


def run(python: Path, env: dict[str, str], module: str, words: Sequence[str]) -> NoReturn:
    """Replace this process by `python -m module words`."""
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    os.execve(python, [str(python), '-m', __name__, module, *words], env)


def _leave_at_once(number: int, _: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def _raise_exit(number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def main() -> NoReturn:
    """Import the module that is named first and run its `main` with the words that follow."""
    for number in STOP_SIGNALS:
        signal.signal(number, _leave_at_once)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    module = importlib.import_module(sys.argv[1])
    sys.argv = sys.argv[1:]
    signal.signal(signal.SIGTERM, _raise_exit)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        status = module.main(sys.argv[1:])
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    sys.exit(status)


if __name__ == '__main__':
    main()
