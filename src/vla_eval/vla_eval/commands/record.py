"""`./vla record`: the recorder as a process of its own, beside a running graph."""

import os
import signal
import threading
from argparse import ArgumentParser, Namespace
from pathlib import Path

from vla_eval.core.bags import room
from vla_ros.run import run

DONE, INTERRUPTED = 0, 130


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='record', allow_abbrev=False)
    parser.add_argument('--robot', required=True)
    parser.add_argument('--compression', required=True)
    parser.add_argument('--jpeg', type=int, default=0)
    parser.add_argument('--max-file-mb', type=int, required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--per-episode', action='store_true')
    parser.add_argument('--seconds', type=int)
    parser.add_argument('--force', action='store_true')
    given = parser.parse_args(argv)
    if given.force:
        room.clear(given.out)
    ended = threading.Event()
    if given.seconds:
        timer = threading.Timer(given.seconds, lambda: _end(ended))
        timer.daemon = True
        # a thread that began before `run` would have signals unblocked, and take them
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
        timer.start()
    status = run('vla_eval.ros.recorder:RecorderNode', _arguments(given))
    if status == DONE:
        print(given.out)
    return status if status or ended.is_set() else INTERRUPTED


def _end(ended: threading.Event) -> None:
    ended.set()
    os.kill(os.getpid(), signal.SIGTERM)


def _arguments(given: Namespace) -> list[str]:
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    params = {
        'contract': root / 'config' / 'robots' / f'{given.robot}.yaml',
        'folder': given.out,
        'per_episode': str(given.per_episode).lower(),
        'compression': given.compression,
        'max_file_mb': given.max_file_mb,
        'jpeg': given.jpeg,
        'insist': 'true',
    }
    words = [word for name, value in params.items() for word in ('-p', f'{name}:={value}')]
    return ['record', '--ros-args', '-r', '__node:=record', *words]
