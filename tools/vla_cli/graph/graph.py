"""The live graph of a robot: a launch file's processes on a DDS domain of their own."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TextIO

from vla_cli import domain, transport
from vla_cli.graph.launchfile import LaunchFile
from vla_cli.graph.supervisor import Supervisor
from vla_cli.places import Places

LAUNCH_FILE = 'launch/robot.launch.yaml'
CLEAN_S = 2.0


class Graph:
    """Starts, watches and ends the graph that `launch/robot.launch.yaml` describes.

    It claims a DDS domain when made, so that the caller can join it (`variables`) before or after
    `start`. Use it as a context manager, or call `stop`.
    """

    def __init__(
        self,
        arguments: Mapping[str, str],
        env: Mapping[str, str],
        log_path: Path | None = None,
        held: domain.Domain | None = None,
        prefixes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Claim a domain and read the launch file.

        Args:
            arguments: Launch arguments by name.
            env: Environment of the nodes, the workspace sourced; VLA_ROOT names the checkout.
            log_path: File for the nodes' lines, None for standard output.
            held: A domain that was claimed already; it is the graph's from now on.
            prefixes: Words before the command of a node, by its name: a program that becomes it.

        Raises:
            UsageError: The DDS domain that ROS_DOMAIN_ID names is taken.
            RunError: The launch file names what is not there.
        """
        places = Places(Path(env['VLA_ROOT']))
        profile = arguments.get('transport', 'host')
        self._domain = held or domain.claim(env, places.root, profile)
        self._variables = {**transport.variables(places, profile), **self._domain.variables()}
        self._path = env.get('PATH', os.defpath)
        self._log: TextIO | None = None
        try:
            file = LaunchFile(places.root / LAUNCH_FILE)
            processes = [
                replace(p, command=(*(prefixes or {}).get(p.name, ()), *p.command))
                for p in file.processes(arguments, {**env, **self._variables})
            ]
            self._supervisor = Supervisor(processes, self._sink(log_path))
        except BaseException:
            self._close()
            raise

    @property
    def domain_id(self) -> int:
        """The DDS domain that the graph is on."""
        return self._domain.number

    @property
    def variables(self) -> dict[str, str]:
        """What a process needs in its environment, before rclpy.init, to see the graph."""
        return dict(self._variables)

    @property
    def failure(self) -> str | None:
        """Why the graph went down by itself, None while it did not."""
        return self._supervisor.failure

    def start(self) -> None:
        """Start every process of the graph."""
        self._supervisor.start()

    def alive(self) -> bool:
        """Tell whether the graph is up."""
        return self._supervisor.alive()

    def pids(self) -> dict[str, int]:
        """Return the process id of each node that runs now, by node name."""
        return self._supervisor.pids()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the graph to end by itself; False where the time ran out first."""
        return self._supervisor.wait(timeout_s)

    def stop(self) -> None:
        """End every process (within five seconds) and give the domain back."""
        died_before = self._supervisor.killed
        begun = time.monotonic()
        self._supervisor.stop()
        if died_before and time.monotonic() - begun < CLEAN_S:  # nobody waits for it at the end
            _clean_shared_memory(self._path)
        self._close()

    def __enter__(self) -> 'Graph':
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _sink(self, log_path: Path | None) -> Callable[[str], None]:
        """Return what takes one line; a reader that went away must not stop the robot."""
        if log_path is not None:
            log_path.parent.mkdir(parents=True, exist_ok=True)
            self._log = log_path.open('a', buffering=1)
        stream, gone = self._log or sys.stdout, threading.Event()

        def say(line: str) -> None:
            if gone.is_set():
                return
            try:
                print(line, file=stream, flush=True)
            except (OSError, ValueError):
                gone.set()

        return say

    def _close(self) -> None:
        if self._log is not None:
            self._log.close()
        self._domain.release()


def _clean_shared_memory(path: str) -> None:
    """Remove the segments that killed processes left, 32 MB each; the living keep theirs."""
    tool = shutil.which('fastdds', path=path)
    if tool is not None:
        command = [tool, 'shm', 'clean']
        env = {**os.environ, 'PATH': path}
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(command, env=env, capture_output=True, timeout=CLEAN_S, check=False)
