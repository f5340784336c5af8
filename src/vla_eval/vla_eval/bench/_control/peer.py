"""A peer's program in its own environment, asked for samples while ours are taken."""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType

from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions


class PeerError(VlaError):
    """The peer's program did not start or did not answer."""


class Peer:
    """A child that answers each line with one line of JSON; it ends with the block."""

    def __init__(self, python: Path, script: Path):
        self._name = script.name
        self._process = subprocess.Popen(
            [str(python), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': ''},
        )
        self.ask('')  # it has started, or never will

    @classmethod
    def of(cls, options: BenchOptions, name: str, script: Path) -> 'Peer | Nobody':
        """Return the peer of that name, nobody where peers are not asked for."""
        if not options.peers:
            return Nobody()
        return cls(options.root / '.vla' / 'peers' / name / 'bin' / 'python', script)

    def ask(self, question: str) -> list[float]:
        """Return the answer to one line.

        Raises:
            PeerError: the program has ended; its last words.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(question + '\n')
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ''
        if not answer:
            _, said = process.communicate()
            last = (said.strip().splitlines() or ['it said nothing'])[-1]
            raise PeerError(f'{self._name} has ended: {last}')
        return json.loads(answer)

    def __enter__(self) -> 'Peer':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()


class Nobody:
    """In a peer's place where none is asked."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None
