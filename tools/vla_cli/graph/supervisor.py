"""Keeps the processes of a graph running, and ends them all together.

Every child leads its own session, dies with this process, and has its output read line by line.
A child that ended is started again after its delay; one that ends five times in ten seconds, or
five times in a row by itself in error before it has lived for ten, takes the whole graph down with
one line.
"""

import contextlib
import os
import re
import selectors
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO

from vla_cli import children
from vla_cli.graph.launchfile import Process

OWN_PREFIX = 'vla_'  # programs of the suite wait for signals themselves (vla_ros.run)
TERMINATE_AFTER_S = 2.5
KILL_AFTER_S = 4.0
DEATHS = 5
DEATHS_WITHIN_S = 10.0
POLL_S = 0.1
LOG_PREFIX = re.compile(r'^\[\w+\] \[[\d.]+\] \[[^]]*\]: ')  # severity, time and logger of ROS 2


class _Child:
    """One process of the graph over all its lives."""

    def __init__(self, spec: Process, label: str) -> None:
        self.spec = spec
        self.label = label
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths: deque[float] = deque(maxlen=DEATHS)
        self.refusals = 0  # lives in a row that it ended itself, in error, soon after the start
        self.started = 0.0
        self.start_at = 0.0
        self.rest = b''
        self.last_words = ''

    def running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise RuntimeError(f'{self.label} does not run')
        return self.process

    def output(self) -> IO[bytes]:
        stream = self.running().stdout
        if stream is None:
            raise RuntimeError(f'{self.label} has no output')
        return stream

    def starts_again(self) -> bool:
        return self.spec.respawn_delay_s is not None

    def died(self, now: float, status: int) -> None:
        self.deaths.append(now)
        refused = status > 0 and now - self.started <= DEATHS_WITHIN_S
        self.refusals = self.refusals + 1 if refused else 0

    def given_up(self, now: float) -> str:
        """Say how often it died where that is too often, else nothing."""
        if len(self.deaths) == DEATHS and now - self.deaths[0] <= DEATHS_WITHIN_S:
            return f'{DEATHS} times in {DEATHS_WITHIN_S:.0f} s'
        if self.refusals >= DEATHS:  # a large program takes longer than that to refuse
            return f'{DEATHS} times soon after its start'
        return ''


class Supervisor:
    """Runs a set of processes until it is told to stop.

    Everything happens on one thread of its own, because a child's death signal is bound to the
    thread that started it.
    """

    def __init__(self, processes: Sequence[Process], say: Callable[[str], None]) -> None:
        """Describe what to run.

        Args:
            processes: The programs.
            say: Takes each line of their output, and of this class's own.
        """
        self._children = [_Child(p, f'{p.name}-{i}') for i, p in enumerate(processes, 1)]
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._started = threading.Event()
        self._over = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._failure: str | None = None
        self._killed = False
        self._thread = threading.Thread(target=self._run, name='supervisor', daemon=True)

    @property
    def failure(self) -> str | None:
        """Why the graph went down by itself, in one line; None while it did not."""
        with self._lock:
            return self._failure

    @property
    def killed(self) -> bool:
        """Whether a process ended by SIGKILL, so that it could not clean up after itself."""
        with self._lock:
            return self._killed

    def start(self) -> None:
        """Start every process; return when all have been started."""
        self._thread.start()
        self._started.wait()

    def alive(self) -> bool:
        """Tell whether the graph is up: not stopped, not given up."""
        return self._started.is_set() and not self._over.is_set() and not self._stop.is_set()

    def pids(self) -> dict[str, int]:
        """Return the process id of each node that runs now, by node name."""
        running = [(c.spec.name, c.process) for c in self._children]
        return {name: p.pid for name, p in running if p is not None and p.poll() is None}

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the end of the graph; False where the time ran out first."""
        return self._over.wait(timeout_s)

    def stop(self) -> None:
        """End every process, within five seconds, and wait for it."""
        self._stop.set()
        if self._thread.ident is not None:
            self._over.wait()

    def _run(self) -> None:
        # inherited by each child, so that a signal waits until the child can take it
        signal.pthread_sigmask(signal.SIG_BLOCK, children.STOP_SIGNALS)
        try:
            for child in self._children:
                self._begin(child)
            self._started.set()
            while not self._stop.is_set() and self._watch():
                self._read(POLL_S)
        except OSError as error:
            self._fail(f'a process could not be started: {error}')
        finally:
            self._started.set()
            self._end_all()
            self._over.set()

    def _begin(self, child: _Child) -> None:
        child.process = children.start(
            child.spec.command,
            child.spec.env,
            output=subprocess.PIPE,
            blocked=child.spec.package.startswith(OWN_PREFIX),
        )
        child.started = time.monotonic()
        os.set_blocking(child.output().fileno(), False)
        self._selector.register(child.output(), selectors.EVENT_READ, child)
        self._own(f'{child.label} started, process {child.process.pid}')

    def _watch(self) -> bool:
        """Start again what ended; False when nothing is left to watch or one was given up."""
        now = time.monotonic()
        for child in self._children:
            if child.process is None:
                if child.starts_again() and now >= child.start_at:
                    self._begin(child)
            elif (status := child.process.poll()) is not None:
                self._bury(child, status)
                child.died(now, status)
                if not child.starts_again():
                    continue
                if often := child.given_up(now):
                    said = f'; it said: {child.last_words}' if child.last_words else ''
                    self._fail(
                        f'{child.spec.name} ended {often}, '
                        f'the last time with {_told(status)}: given up{said}'
                    )
                    return False
                child.start_at = now + (child.spec.respawn_delay_s or 0.0)
        return any(c.process is not None or c.starts_again() for c in self._children)

    def _bury(self, child: _Child, status: int) -> None:
        """Take leave of a process that ended: its last lines, what it left running."""
        children.signal_group(child.running(), signal.SIGKILL)
        self._drain(child)
        with contextlib.suppress(KeyError):
            self._selector.unregister(child.output())
        child.output().close()
        if child.rest:
            self._line(child, child.rest)
            child.rest = b''
        child.process = None
        with self._lock:
            self._killed = self._killed or status == -signal.SIGKILL
        self._own(f'{child.label} ended with {_told(status)}')

    def _end_all(self) -> None:
        """SIGINT, then SIGTERM, then SIGKILL, until nothing is left."""
        begun = time.monotonic()
        steps = deque(
            [(0.0, signal.SIGINT), (TERMINATE_AFTER_S, signal.SIGTERM)]
            + [(KILL_AFTER_S, signal.SIGKILL)]
        )
        while running := [c for c in self._children if c.process is not None]:
            if steps and time.monotonic() - begun >= steps[0][0]:
                _, number = steps.popleft()
                for child in running:
                    children.signal_group(child.running(), number)
            self._read(0.02)
            for child in running:
                if (status := child.running().poll()) is not None:
                    self._bury(child, status)

    def _read(self, timeout_s: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout_s)
        for key, _ in self._selector.select(timeout_s):
            if not self._drain(key.data):  # a process may close its output before it ends
                self._selector.unregister(key.fileobj)

    def _drain(self, child: _Child) -> bool:
        """Pass on the lines that are there; False at the end of the stream."""
        while True:
            try:
                data = os.read(child.output().fileno(), 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            *lines, child.rest = (child.rest + data).split(b'\n')
            for line in lines:
                self._line(child, line)

    def _line(self, child: _Child, line: bytes) -> None:
        text = line.decode(errors='replace').rstrip()
        child.last_words = LOG_PREFIX.sub('', text) or child.last_words
        self._say(f'[{child.label}] {text}')

    def _own(self, text: str) -> None:
        self._say(f'[launch] {text}')

    def _fail(self, reason: str) -> None:
        with self._lock:
            self._failure = self._failure or reason


def _told(status: int) -> str:
    if status >= 0:
        return f'exit status {status}'
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f'signal {-status}'
