"""One line per step on stderr: what, and how many seconds; the rest goes to a log."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from vla_cli import children
from vla_cli.errors import RunError

TAIL_LINES = 15


def note(text: str) -> None:
    """Print one line of set-up's own."""
    print(f'[set-up] {text}', file=sys.stderr, flush=True)


class Step:
    """A step with a line that counts seconds where a person watches."""

    def __init__(self, title: str, of: str = 'set-up') -> None:
        self._title = title
        self._of = of
        self._live = sys.stderr.isatty()
        self._start = time.monotonic()
        self._shown = -1

    def __enter__(self) -> 'Step':
        self.tick()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        start = '\r' if self._live else ''
        how = '' if kind is None else ' (not finished)'
        seconds = time.monotonic() - self._start
        print(
            f'{start}[{self._of}] {self._title}: {seconds:.0f} s{how}', file=sys.stderr, flush=True
        )

    def tick(self) -> None:
        """Show the seconds so far, once a second."""
        seconds = int(time.monotonic() - self._start)
        if self._live and seconds != self._shown:
            self._shown = seconds
            print(
                f'\r[{self._of}] {self._title}: {seconds} s', end='', file=sys.stderr, flush=True
            )

    def run(
        self,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Run a command that must succeed, as `status_of` does.

        Raises:
            RunError: It failed: the end of the log and where the log is.
        """
        status = self.status_of(command, log, env, cwd)
        if status != 0:
            tail = log.read_text(errors='replace').splitlines()[-TAIL_LINES:]
            shown = '\n'.join(f'  | {line}' for line in tail)
            raise RunError(f'{self._title} failed (exit {status}):\n{shown}\n  whole log: {log}')

    def status_of(
        self,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        """Run a command with its output at the end of `log`; it ends with this process."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('ab') as output:
            output.write(f'$ {" ".join(map(str, command))}\n'.encode())
            output.flush()
            child = children.start(children.guarded(command), env or os.environ, cwd, output)
            try:
                while True:
                    try:
                        return child.wait(0.2)
                    except subprocess.TimeoutExpired:
                        self.tick()
            finally:
                if child.poll() is None:
                    children.end(child)
