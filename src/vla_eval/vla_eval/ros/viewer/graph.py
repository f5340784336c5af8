"""A running graph as the source of a page: topics come in, buttons go out."""

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger
from vla_msgs.srv import SetInstruction

from vla_eval.ros.listener import Listener
from vla_eval.ros.viewer.ingest import Ingest
from vla_ros.qos import qos

DEPTH = 50  # messages between two looks, of streams of which each one counts
ANSWER_S = 5.0
STATUS = 'vla/status'
SILENT_S = 2.0  # without a status for so long, what it said last is old


class GraphSource:
    """Beside a running graph. It looks when told to: nothing wakes it in between.

    The buttons may be pressed in any thread; they are carried out by `look`, which `wake` calls
    for at once.

    Args:
        ingest: Is given what comes in.
        answer: Told in words what became of a button.
    """

    def __init__(self, ingest: Ingest, answer: Callable[[str], None], name: str = 'viewer'):
        self.wake = threading.Event()
        self._answer = answer
        self._asked: SimpleQueue[tuple[Any, Any, str]] = SimpleQueue()
        self._calls: list[tuple[Any, Any, str, int]] = []  # client, future, what, due
        self._heard_s: float | None = None  # when the newest status came
        self._listener = Listener(name)
        self._node, self._intake = self._listener.node, self._listener.intake
        self._executor = SingleThreadedExecutor()  # for the answers to the buttons
        self._executor.add_node(self._node)
        for stream in ingest.streams:
            wanted = qos(stream.profile)
            wanted.depth = max(wanted.depth, DEPTH) if stream.all else 1
            take = partial(self._take, ingest, stream.topic)
            self._intake.subscribe(stream.type, stream.topic, take, wanted)
        client = self._node.create_client
        self._words = client(SetInstruction, 'vla/set_instruction')
        self._stop = client(Trigger, 'vla/stop')
        self._clear = client(Trigger, 'vla/clear_stop')

    # ---- what the buttons do

    def say(self, words: str) -> None:
        """Put words in force."""
        if '\0' in words:  # where a string of DDS ends
            self._answer('instruction: not sent: text without a NUL expected')
            return
        self._ask(self._words, SetInstruction.Request(instruction=words.strip()), 'instruction')

    def stop(self) -> None:
        """Stop the robot; latched."""
        self._ask(self._stop, Trigger.Request(), 'stop')

    def clear(self) -> None:
        """Clear the stop."""
        self._ask(self._clear, Trigger.Request(), 'clear stop')

    # ---- what the viewer's loop does

    def look(self) -> None:
        """Carry buttons out, and take in what has come since the last look."""
        self.wake.clear()
        while True:
            try:
                client, request, what = self._asked.get_nowait()
            except Empty:
                break
            if not client.service_is_ready():
                self._answer(f'{what}: no executor answers')
                continue
            due_ns = self._now_ns() + int(ANSWER_S * 1e9)
            self._calls.append((client, client.call_async(request), what, due_ns))
        self._intake.drain()
        for _ in range(1 + len(self._calls)):
            self._executor.spin_once(timeout_sec=0.0)
        self._hear()

    @property
    def silent_s(self) -> float:
        """For how long the executor has been silent; 0 where it is not, or was never heard."""
        silent_s = 0.0 if self._heard_s is None else time.monotonic() - self._heard_s
        return silent_s if silent_s > SILENT_S else 0.0

    @property
    def over(self) -> bool:
        """Never: a graph may come back."""
        return False

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        self._listener.close()

    def _ask(self, client: Any, request: Any, what: str) -> None:
        self._asked.put((client, request, what))
        self.wake.set()

    def _take(self, ingest: Ingest, topic: str, data: bytes, _: int | None) -> None:
        if topic == STATUS:
            self._heard_s = time.monotonic()
        ingest.take(topic, data)

    def _hear(self) -> None:
        """Tell of calls that were answered, or never will be."""
        left = []
        for client, future, what, due_ns in self._calls:
            if future.done():
                self._answer(_words(what, future.result()))
            elif self._now_ns() > due_ns:
                client.remove_pending_request(future)
                self._answer(f'{what}: no answer')
            else:
                left.append((client, future, what, due_ns))
        self._calls = left

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)


def _words(what: str, answer: Any) -> str:
    if isinstance(answer, SetInstruction.Response):
        if answer.accepted:
            return f'{what}: in force, epoch {answer.epoch}'
        return f'{what}: not accepted: {answer.reason}'
    return f'{what}: {answer.message}' if answer.success else f'{what} refused: {answer.message}'
