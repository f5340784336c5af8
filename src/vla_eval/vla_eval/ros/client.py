"""Talks to a running graph: resets the scene, gives words, keeps the newest of every stream."""

import os
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Image, JointState
from vla_msgs.msg import ActionChunk, Command, SimOutcome, SimState
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg
from vla_msgs.srv import Reset, SetInstruction, SimReset

from vla_core.command import ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.errors import VlaError
from vla_eval.core.errors import EvalError
from vla_ros import convert
from vla_ros.qos import qos

SLICE_S = 0.05  # of waiting: a signal is noticed after that long at most


class GraphError(EvalError):
    """The graph did not answer, or answered no."""


class GraphClient:
    """A node beside the graph. One thread: messages come in while something is waited for.

    Attributes:
        status: Newest executor status, None before the first.
        outcome: Newest verdict, None before the first.
        images: Camera key -> newest picture message.
        listeners: Called with (stream, message) for every message that comes in.
    """

    def __init__(self, contract: RobotContract, name: str = 'episodes'):
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.contract = contract
        self.status: ExecutorStatus | None = None
        self.outcome: SimOutcome | None = None
        self.images: dict[str, Image] = {}
        self.listeners: list[Callable[[str, Any], None]] = []
        self._node = Node(name)
        node = self._node
        self._reset_scene = node.create_client(SimReset, 'sim/reset')
        self._reset_epoch = node.create_client(Reset, 'vla/reset')
        self._set_words = node.create_client(SetInstruction, 'vla/set_instruction')
        self._listen(ExecutorStatusMsg, 'vla/status', 'status')
        self._listen(SimOutcome, 'sim/outcome', 'latched')
        self._listen(SimState, 'sim/state', 'reliable')
        self._listen(ActionChunk, 'vla/plan', 'plan')
        self._listen(ActionChunk, 'vla/action_chunk', 'chunk')
        for key, camera in contract.cameras.items():
            self._listen(Image, camera.topic, 'sensor', f'image/{key}')

    def watch_motion(self) -> Callable[[], None]:
        """Listen to joint states and commands too, until the returned function is called."""
        subscriptions = [
            self._listen(JointState, self.contract.state.topic, 'sensor', 'joint_states'),
            self._listen(Command, 'vla/command', 'command'),
        ]

        def end() -> None:
            for subscription in subscriptions:
                self._node.destroy_subscription(subscription)

        return end

    def close(self) -> None:
        """Leave the graph."""
        self._node.destroy_node()
        rclpy.try_shutdown()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Take messages in until the condition holds; False where time ran out first."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0.0:
                return False
            rclpy.spin_once(self._node, timeout_sec=min(SLICE_S, left))
        return True

    def missing(self) -> str:
        """Return which node does not publish yet, '' where all do; a policy does once loaded."""
        if self.status is None:
            return 'executor'
        topics = {'observer': 'vla/observation', 'policy': 'vla/action_chunk'}
        return next((n for n, t in topics.items() if not self._node.count_publishers(t)), '')

    def reset_scene(self, task: str, seed: int, phrasing: str, timeout_s: float) -> Any:
        """Begin an episode of the simulator; return the service's answer."""
        request = SimReset.Request(task=task, seed=seed, phrasing=phrasing)
        answer = self._call(self._reset_scene, request, timeout_s)
        if not answer.accepted:
            raise GraphError(f'sim/reset: {answer.reason}')
        return answer

    def begin_epoch(self, timeout_s: float) -> int:
        """Have the executor start afresh from measured joints; return its epoch."""
        return int(self._call(self._reset_epoch, Reset.Request(), timeout_s).epoch)

    def set_words(self, words: str, timeout_s: float) -> int:
        """Put words in force; return their epoch."""
        request = SetInstruction.Request(instruction=words)
        answer = self._call(self._set_words, request, timeout_s)
        if not answer.accepted:
            raise GraphError(f'vla/set_instruction: {answer.reason}')
        return int(answer.epoch)

    def _call(self, client: Any, request: Any, timeout_s: float) -> Any:
        """Call a service; a lost answer (its server died) is an error after the timeout."""
        deadline = time.monotonic() + timeout_s
        if not self.wait_for(client.service_is_ready, timeout_s):
            raise GraphError(f'{client.srv_name}: no server within {timeout_s:g} s')
        future = client.call_async(request)
        if not self.wait_for(future.done, max(0.0, deadline - time.monotonic())):
            client.remove_pending_request(future)
            raise GraphError(f'{client.srv_name}: no answer within {timeout_s:g} s')
        return future.result()

    def _listen(self, kind: type, topic: str, profile: str, stream: str = '') -> Any:
        stream = stream or topic

        def take(msg: Any) -> None:
            self._note(stream, msg)
            for listener in self.listeners:
                listener(stream, msg)

        return self._node.create_subscription(kind, topic, take, qos(profile))

    def _note(self, stream: str, msg: Any) -> None:
        if stream == 'vla/status':
            try:
                self.status = convert.status_from_msg(msg)
            except VlaError:
                return  # malformed: as if it had not come
        elif stream == 'sim/outcome':
            self.outcome = msg
        elif stream.startswith('image/'):
            self.images[stream.removeprefix('image/')] = msg


def join(variables: dict[str, str]) -> None:
    """Put this process on a graph's domain and transport; before `GraphClient` is made."""
    os.environ.update(variables)
