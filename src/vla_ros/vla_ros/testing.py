"""A ROS graph for one test: a probe node, nodes in this process and in others.

    @pytest.fixture
    def graph():
        with Graph() as graph:
            yield graph

The domain is that of the environment: a fixture gives each test its own. Nothing here sleeps:
`until` spins until a condition holds, with a deadline.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from vla_ros.qos import qos

PATIENCE_S = 25.0  # only a failure waits this long; a busy machine starts a node in 10 s
ANSWER_S = 4.0
N = TypeVar('N', bound=Node)


class NodeProcess:
    """A node in a process of its own, its output kept."""

    def __init__(
        self,
        where: str,
        params: Mapping[str, Any],
        path: Path | None = None,
        ros_args: tuple[str, ...] = (),
    ) -> None:
        """Start it; see `Graph.start`."""
        self._output = tempfile.TemporaryFile('w+')  # noqa: SIM115 - open as long as the process
        extra = f'sys.path.insert(0, {str(path)!r}); ' if path else ''
        code = f'import sys; {extra}from vla_ros.run import run; sys.exit(run({where!r}))'
        words = [word for k, v in params.items() for word in ('-p', f'{k}:={v}')]
        self._process = subprocess.Popen(
            [sys.executable, '-c', code, '--ros-args', *words, *ros_args],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        """Everything it has written so far, both streams."""
        self._output.seek(0)
        return self._output.read()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE_S) -> int:
        """Return the exit status.

        Raises:
            AssertionError: it does not end in time.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f'still runs after {seconds} s; it said: {self.output}') from None

    def close(self) -> None:
        """End it, however."""
        if self.status is None:
            self._process.kill()
            self._process.wait()
        self._output.close()


class Graph:
    """A graph with a probe; a context manager.

    Attributes:
        probe: A plain node, spun by `until`.
    """

    def __init__(self) -> None:
        self.probe: Node
        self._executor: SingleThreadedExecutor
        self._processes: list[NodeProcess] = []
        self._nodes: list[Node] = []

    def __enter__(self) -> 'Graph':
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._executor = SingleThreadedExecutor()
        self.probe = self.add(Node('probe'))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.close()
        self._executor.shutdown(timeout_sec=1.0)
        for node in self._nodes:
            node.destroy_node()
        rclpy.try_shutdown()

    def add(self, node: N) -> N:
        """Spin a node of this process, too."""
        self._executor.add_node(node)
        self._nodes.append(node)
        return node

    def start(
        self, where: str, *ros_args: str, path: Path | None = None, **params: Any
    ) -> NodeProcess:
        """Start a node as a process.

        Args:
            where: `module:Class`.
            ros_args: More words for `--ros-args`.
            path: Folder to find the module in, where it is not installed.
            params: Its parameters.
        """
        self._processes.append(NodeProcess(where, params, path, ros_args))
        return self._processes[-1]

    def until(
        self, condition: Callable[[], Any], what: str = 'condition', seconds: float = PATIENCE_S
    ) -> None:
        """Spin until a condition holds.

        Raises:
            AssertionError: it does not in time.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f'{what}: not within {seconds} s; {self._said()}'
            self._executor.spin_once(timeout_sec=min(left, 0.02))

    def _said(self) -> str:
        said = [f'process {p.pid} (status {p.status}): {p.output}' for p in self._processes]
        return '; '.join(said) or 'no process'

    def listen(
        self, kind: type, topic: str, profile: str, matched: bool = True, depth: int = 0
    ) -> list[Any]:
        """Return a list that grows by each message.

        Args:
            kind: Message type.
            topic: Its name.
            profile: As in qos.py.
            matched: Wait for a publisher.
            depth: Messages that wait for a probe that is late; 0 for the profile's own.
        """
        heard: list[Any] = []
        wanted = qos(profile)
        wanted.depth = depth or wanted.depth
        self.probe.create_subscription(kind, topic, heard.append, wanted)
        if matched:
            self.until(lambda: self.probe.count_publishers(topic), f'a publisher of {topic}')
        return heard

    def talk(self, kind: type, topic: str, profile: str, matched: bool = True) -> Any:
        """Return a publisher of the probe; waits for a subscriber unless told not to."""
        publisher = self.probe.create_publisher(kind, topic, qos(profile))
        if matched:
            self.until(publisher.get_subscription_count, f'a subscriber of {topic}')
        return publisher

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Return the response of a service; asks again where no answer comes.

        A server that has not discovered the client yet drops the answer of its first call.
        """
        client = self.probe.create_client(kind, name)
        self.until(client.service_is_ready, f'service {name}')
        future = client.call_async(request)
        asked = time.monotonic()

        def answered() -> bool:
            nonlocal future, asked
            if time.monotonic() - asked > ANSWER_S:
                asked, future = time.monotonic(), client.call_async(request)
            return future.done()

        self.until(answered, f'answer of {name}', PATIENCE_S)
        self.probe.destroy_client(client)
        return future.result()
