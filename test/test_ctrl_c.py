"""Ctrl-C on a terminal where `./vla launch` runs: all gone in five seconds, without a trace."""

import fcntl
import os
import pty
import re
import subprocess
import termios
import time
import uuid
from pathlib import Path

import pytest
from vla_msgs.msg import Observation
from vla_stage import FIRST_DOMAIN, READY_S, eventually

from vla_cli import domain, transport
from vla_cli.places import Places
from vla_ros.testing import Graph as Probe

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[1]
ENDS_IN_S = 5.0
MARK = 'VLA_TEST_MARK'


class Terminal:
    """`./vla` on a terminal of its own, as a person would start it: in a bare environment."""

    def __init__(self, *words: str, **variables: str):
        own = {name: os.environ[name] for name in ('HOME', 'LANG', 'TERM') if name in os.environ}
        suite = str(Places(ROOT).venv)
        path = [p for p in os.environ['PATH'].split(os.pathsep) if not p.startswith(suite)]
        self._mark = uuid.uuid4().hex
        env = {**own, 'PATH': os.pathsep.join(path), MARK: self._mark, **variables}
        self._terminal, inside = pty.openpty()
        os.set_blocking(self._terminal, False)
        self._said = b''
        self.process = subprocess.Popen(
            [ROOT / 'vla', *words],
            cwd=ROOT,
            env=env,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(inside)

    def said(self) -> str:
        """Return everything on the screen so far."""
        try:
            while data := os.read(self._terminal, 65536):
                self._said += data
        except OSError:  # nothing more yet, or nobody left who could write
            pass
        return self._said.decode(errors='replace')

    def press_ctrl_c(self) -> None:
        """Type it."""
        os.write(self._terminal, b'\x03')

    def processes(self) -> dict[int, str]:
        """Return what still runs of all that it started: process id, command line."""
        found = {}
        for folder in Path('/proc').glob('[0-9]*'):
            try:
                if f'{MARK}={self._mark}'.encode() in (folder / 'environ').read_bytes():
                    words = (folder / 'cmdline').read_bytes().split(b'\0')
                    found[int(folder.name)] = b' '.join(words).decode(errors='replace')
            except OSError:  # it ended meanwhile, or is another user's
                continue
        return {pid: words for pid, words in found.items() if words}

    def close(self) -> None:
        """End what is left, and the terminal."""
        for pid in self.processes():
            os.kill(pid, 9)
        self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def launched(workspace):
    """`./vla launch` on a domain that nobody uses, and the variables to join it."""
    free = domain.claim({}, ROOT, 'host', first=FIRST_DOMAIN, hidden=True)
    free.release()
    variables = {**transport.variables(Places(ROOT), 'host'), **free.variables()}
    terminal = Terminal('launch', 'policy:=scripted', **free.variables())
    yield terminal, variables
    terminal.close()


def ends_well(terminal: Terminal) -> None:
    """Press Ctrl-C and judge the end."""
    terminal.press_ctrl_c()
    pressed = time.monotonic()
    eventually(lambda: not terminal.processes(), 'the end of all', 3 * ENDS_IN_S)
    seconds = time.monotonic() - pressed
    assert terminal.process.wait(1.0) == 130
    assert seconds <= ENDS_IN_S
    assert 'Traceback' not in terminal.said()
    assert not re.search(r'ended with (?!exit status 0)|process has died', terminal.said())


def test_while_the_nodes_start(launched):
    terminal, _ = launched
    started = re.compile(r'executor-\d+\S* .*started')
    eventually(lambda: started.search(terminal.said()), 'the nodes', READY_S)
    ends_well(terminal)


def test_while_the_graph_runs(launched, monkeypatch):
    terminal, variables = launched
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with Probe() as probe:
        observations = probe.listen(Observation, 'vla/observation', 'observation', matched=False)
        probe.until(lambda: observations, 'an observation', READY_S)
    ends_well(terminal)
