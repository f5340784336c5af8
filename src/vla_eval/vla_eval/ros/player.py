"""Plays a bag's sensors into a graph, with /clock, and keeps what the graph makes of them."""

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.duration import Duration
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from vla_msgs.msg import ActionChunk as ActionChunkMsg
from vla_msgs.msg import Command as CommandMsg
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg
from vla_msgs.msg import Observation as ObservationMsg
from vla_msgs.srv import Reset, SetInstruction

from vla_core.chunk import ActionChunk
from vla_core.command import Command, ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.errors import VlaError
from vla_core.observation import Observation
from vla_eval.core.bags import sensors
from vla_eval.core.bags.tape import INFO, JOINTS, RUN, TF, TF_STATIC, TRANSFORMS, Tape, Timed
from vla_eval.ros.client import GraphError
from vla_ros import convert
from vla_ros.qos import qos

NODES = ('observer', 'policy', 'executor')
CALL_S = 5.0
ACK = Duration(seconds=0.2)
PREPARE_S = 0.02


class Player(Node):
    """Publishes what a bag holds; messages of the graph come in on a thread of their own.

    Attributes:
        observations: What the graph's observer made, by stamp.
        chunks: What its policy planned, as they came.
        received_ns: The clock when each chunk came.
        commands: What its executor would have sent.
        statuses: What its executor said.
        latency_s: From the arrival of each planned observation to that of its chunk, wall time.
    """

    def __init__(self, contract: RobotContract, tape: Tape):
        super().__init__('player')
        self._contract, self._tape = contract, tape
        self._now_ns = 0
        self._changed = threading.Condition()
        self.observations: dict[int, Observation] = {}
        self.chunks: list[ActionChunk] = []
        self.received_ns: list[int] = []
        self.commands: list[Command] = []
        self.statuses: list[ExecutorStatus] = []
        self.latency_s: list[float] = []
        self._seen_s: dict[int, float] = {}
        self._clock = self.create_publisher(Clock, '/clock', qos('clock'))
        self._plans = self.create_publisher(ActionChunkMsg, 'vla/plan', qos('plan'))
        self._sensors = {role: self._publisher(role) for role in self._roles()}
        self._words = self.create_client(SetInstruction, 'vla/set_instruction')
        self._resets = self.create_client(Reset, 'vla/reset')
        self._states = {name: self.create_client(GetState, f'{name}/get_state') for name in NODES}
        for kind, topic, profile, take in (
            (ObservationMsg, 'vla/observation', 'observation', self._on_observation),
            (ActionChunkMsg, 'vla/action_chunk', 'chunk', self._on_chunk),
            (CommandMsg, 'vla/command', 'command', self._on_command),
            (ExecutorStatusMsg, 'vla/status', 'status', self._on_status),
        ):
            self.create_subscription(kind, topic, take, qos(profile))
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self._thread = threading.Thread(target=self._spin, name='player', daemon=True)
        self._thread.start()

    @classmethod
    def joined(cls, contract: RobotContract, tape: Tape) -> 'Player':
        """Return a player of a process that has no other node."""
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        return cls(contract, tape)

    def leave(self, shutdown: bool = True) -> None:
        """Leave the graph; with `shutdown` the process has no node any more."""
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(2.0)
        self.destroy_node()
        if shutdown:
            rclpy.try_shutdown()

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return

    # -- what is played --------------------------------------------------------------------------

    def _roles(self) -> list[str]:
        return [role for role in self._tape.topics if role not in RUN]

    def _publisher(self, role: str) -> Any:
        kind, _, key = role.partition('/')
        contract = self._contract
        names = {
            'camera': lambda: (contract.cameras[key].topic, self._picture_kind(key), 'sensor'),
            'info': lambda: (contract.cameras[key].camera_info, INFO, 'sensor'),
            'joints': lambda: (contract.state.topic, JOINTS, 'sensor'),
            'tf': lambda: (TF, TRANSFORMS, 'tf'),
            'tf_static': lambda: (TF_STATIC, TRANSFORMS, 'tf_static_all'),
        }
        topic, full, profile = names[kind]()
        package, _, name = full.partition('/msg/')
        message = getattr(importlib.import_module(f'{package}.msg'), name)
        return self.create_publisher(message, topic, qos(profile))

    def _picture_kind(self, key: str) -> str:
        return f'sensor_msgs/msg/{self._contract.cameras[key].message}'

    def tell_time(self, now_ns: int) -> None:
        """Set /clock; it never goes back."""
        self._now_ns = max(self._now_ns, now_ns)
        self._clock.publish(Clock(clock=convert.stamp(self._now_ns)))

    def play(self, timed: Timed) -> None:
        """Publish a sensor message; pictures as the contract wants them."""
        kind, _, key = timed.role.partition('/')
        publisher = self._sensors[timed.role]
        if kind != 'camera' or timed.message.kind == self._picture_kind(key):
            publisher.publish(timed.message.data)
            return
        message = self._tape.decoder.decode(timed.message)
        picture = sensors.picture(message, timed.message.kind.rpartition('/')[2])
        stamp_ns = sensors.stamp_ns(message.header.stamp)
        publisher.publish(convert.image_to_msg(picture, stamp_ns, message.header.frame_id))

    def tell_plan(self, plan: ActionChunk) -> None:
        """Say what will be executed anyway, and wait until it has arrived."""
        self._plans.publish(convert.chunk_to_msg(plan))
        self._plans.wait_for_all_acked(ACK)

    def set_words(self, words: str) -> int:
        """Put words in force; return their epoch."""
        answer = self._call(self._words, SetInstruction.Request(instruction=words))
        if not answer.accepted:
            raise GraphError(f'vla/set_instruction: {answer.reason}')
        return int(answer.epoch)

    def begin_epoch(self) -> int:
        """Have the executor begin anew; return its epoch."""
        return int(self._call(self._resets, Reset.Request()).epoch)

    def _call(self, client: Any, request: Any) -> Any:
        if not client.wait_for_service(CALL_S):
            raise GraphError(f'{client.srv_name}: no server within {CALL_S:g} s')
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(CALL_S):
            raise GraphError(f'{client.srv_name}: no answer within {CALL_S:g} s')
        return future.result()

    # -- waiting ---------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition on what came in holds; False where time ran out first."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    @property
    def commanded_ns(self) -> int:
        """Stamp of the newest command, 0 before any."""
        return self.commands[-1].stamp_ns if self.commands else 0

    def prepare(self, begin_ns: int, alive: Callable[[], bool], seconds: float) -> None:
        """Wait until every node is active and listens; /clock goes on, up to `begin_ns`.

        Raises:
            GraphError: it is not, in time.
        """
        start_s = time.monotonic()
        ahead_ns = min(120_000_000_000, begin_ns - 1)
        while why := self._not_ready():
            passed_s = time.monotonic() - start_s
            if not alive():
                raise GraphError('the graph is down')
            if passed_s > seconds:
                raise GraphError(f'not within {seconds:g} s: {why}')
            self.tell_time(begin_ns - int(ahead_ns / (1.0 + passed_s)))
            self.wait_for(lambda: False, PREPARE_S)

    def _not_ready(self) -> str:
        for name, client in self._states.items():
            if not client.service_is_ready():
                return f'{name} is not there'
        for role, publisher in self._sensors.items():
            listeners = 2 if role == 'joints' else 1  # observer and executor
            if publisher.get_subscription_count() < listeners:
                return f'nobody listens to {publisher.topic_name}'
        if not self._plans.get_subscription_count():
            return 'the policy does not listen to vla/plan'
        if not self.statuses:
            return 'the executor says nothing'
        for name, client in self._states.items():
            if (
                self._call(client, GetState.Request()).current_state.id
                != State.PRIMARY_STATE_ACTIVE
            ):
                return f'{name} is not active'
        return ''

    # -- what comes in ---------------------------------------------------------------------------

    def _on_observation(self, msg: ObservationMsg) -> None:
        try:
            observation = convert.observation_from_msg(msg, self._contract)
        except VlaError:
            return
        with self._changed:
            self.observations[observation.stamp_ns] = observation
            self._seen_s[observation.stamp_ns] = time.monotonic()
            self._changed.notify_all()

    def _on_chunk(self, msg: ActionChunkMsg) -> None:
        try:
            chunk = convert.chunk_from_msg(msg, self._contract)
        except VlaError:
            return
        with self._changed:
            self.chunks.append(chunk)
            self.received_ns.append(self._now_ns)
            seen_s = self._seen_s.get(chunk.observation_stamp_ns)
            if seen_s is not None:
                self.latency_s.append(time.monotonic() - seen_s)
            self._changed.notify_all()

    def _on_command(self, msg: CommandMsg) -> None:
        try:
            command = convert.command_from_msg(msg)
        except VlaError:
            return
        with self._changed:
            self.commands.append(command)
            self._changed.notify_all()

    def _on_status(self, msg: ExecutorStatusMsg) -> None:
        try:
            status = convert.status_from_msg(msg)
        except VlaError:
            return
        with self._changed:
            self.statuses.append(status)
            self._changed.notify_all()
