"""The lifecycle node that every node of the suite is."""

import functools
import threading
import traceback
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecyclePublisher, LifecycleState
from rclpy.lifecycle import TransitionCallbackReturn as Answer
from rclpy.logging import LoggingSeverity
from rclpy.qos import ReliabilityPolicy
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from vla_core import contract
from vla_core.errors import VlaError
from vla_ros import node_params
from vla_ros.diagnostics import Reporter
from vla_ros.errors import ParameterError, one_line
from vla_ros.params import NodeParams
from vla_ros.qos import qos
from vla_ros.tf import prefixed
from vla_ros.watch import PeerWatch

E = TypeVar('E')
ACK_PATIENCE = Duration(seconds=0.2)


class SuiteNode(LifecycleNode):
    """A node that validates, configures and activates itself, and stops with a last word.

    Derive from it, set NAME and PARAMS, write the hooks. Whatever `on_setup` makes with
    `advertise`, `subscribe`, `serve`, `every` is taken down again on cleanup.

    Attributes:
        params: Checked parameters, an instance of PARAMS; from configure on.
        contract: The robot contract, where PARAMS has a field `contract`; from configure on.
        health: Where the node reports on its components; from configure on.
        stopping: Set when the process was told to end; long work in `on_setup` looks at it.
    """

    NAME: ClassVar[str] = ''
    PARAMS: ClassVar[type[NodeParams]] = NodeParams

    params: Any
    contract: contract.RobotContract
    health: Reporter

    def __init__(self, **options: Any) -> None:
        """Make the node, unconfigured; `options` are those of rclpy's Node (tests use them)."""
        options['automatically_declare_parameters_from_overrides'] = True
        super().__init__(self.NAME, **options)
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.on_failure: Callable[[], None] = lambda: None
        self._active = False
        self._configured = False
        self._finalized = False
        self._reason = 'shutdown'
        self._made: list[tuple[Callable[[Any], Any], Any]] = []
        self._watch = PeerWatch(self)
        self._guard_transitions()
        node_params.declare(self, self.PARAMS)
        node_params.on_change(self, self.PARAMS, lambda: self._configured, self._changed)

    # ---- what a node writes

    def on_setup(self, params: Any) -> None:
        """Validate, load, make publishers and subscriptions. Raise VlaError to refuse."""

    def on_start(self) -> None:
        """Begin: publishers speak from now on."""

    def on_stop(self, reason: str) -> None:
        """Say the last word: publishers still speak. Join threads that `on_start` began."""

    def on_teardown(self) -> None:
        """Let go of what `on_setup` loaded; called where `on_setup` came to its end only."""

    def on_params(self, params: Any) -> None:
        """Take over parameters that changed while the node is configured."""

    # ---- what a node uses

    @property
    def active(self) -> bool:
        """Whether publishers speak; safe to ask from any thread."""
        return self._active

    @property
    def configured(self) -> bool:
        """Whether the node is inactive or active."""
        return self._configured

    def now_ns(self) -> int:
        """Return the ROS time in ns (simulated time where `use_sim_time` is set)."""
        return self.get_clock().now().nanoseconds

    def frame(self, name: str) -> str:
        """Return a frame name with the node's `frame_prefix`."""
        return prefixed(getattr(self.params, 'frame_prefix', ''), name)

    def advertise(self, kind: type, topic: str, profile: str) -> LifecyclePublisher:
        """Make a publisher that is silent while the node is inactive; `profile` as in qos.py."""
        publisher = self.create_lifecycle_publisher(kind, topic, qos(profile))
        if self._active:
            publisher.on_activate(None)
        return self.keep(publisher, self.destroy_lifecycle_publisher)

    def subscribe(
        self,
        kind: type,
        topic: str,
        callback: Callable[[Any], None],
        profile: str,
        *,
        needed: bool = True,
    ) -> Subscription:
        """Subscribe; `needed` topics without a publisher for 10 s are told of, once.

        Callbacks run while the node is inactive too: a latched message comes only once.
        """
        subscription = self.create_subscription(kind, topic, callback, qos(profile))
        if needed:
            self._watch.need(subscription.topic_name)
        return self.keep(subscription, self.destroy_subscription)

    def serve(self, kind: type, name: str, callback: Callable[[Any, Any], Any]) -> Service:
        """Offer a service: `callback(request, response) -> response`."""
        return self.keep(self.create_service(kind, name, callback), self.destroy_service)

    def every(self, period_s: float, callback: Callable[[], None]) -> Timer:
        """Call back at a rate that need not be exact, in the executor (see ticker.py)."""
        return self.keep(self.create_timer(period_s, callback), self.destroy_timer)

    def keep(self, entity: E, destroy: Callable[[E], Any]) -> E:
        """Have an entity made otherwise (an action server) taken down on cleanup by `destroy`."""
        self._made.append((destroy, entity))
        return entity

    def fail(self, error: BaseException) -> None:
        """End the process with one line and status 1; from any thread. The first error wins."""
        if self.failure is None:
            self.failure = error
            self.say(error)
            self.on_failure()

    def say(self, error: BaseException) -> None:
        """Log an error as one line; its trace where the log level is debug."""
        kind = '' if isinstance(error, VlaError) else f'{type(error).__name__}: '
        self.get_logger().error(kind + one_line(error))
        if self.get_logger().is_enabled_for(LoggingSeverity.DEBUG):
            self.get_logger().debug(''.join(traceback.format_exception(error)))

    # ---- start and end, called by run.py

    def begin(self) -> bool:
        """Configure and activate where `autostart` says so; False where that was refused."""
        if self.get_parameter('autostart').value is False:  # other than a bool: refused below
            return True
        if self.trigger_configure() != Answer.SUCCESS or self.stopping.is_set():
            return self.stopping.is_set()
        return self.trigger_activate() == Answer.SUCCESS

    def end(self, reason: str) -> None:
        """Say the last word where the node is active, and let go of everything."""
        self._reason = reason
        if not self._finalized:
            self.trigger_shutdown()

    # ---- transitions

    def on_configure(self, state: LifecycleState) -> Answer:
        """Validate parameters and contract, then `on_setup`; refused with one line."""
        return self._attempt(self._set_up, self._take_down)

    def on_activate(self, state: LifecycleState) -> Answer:
        """Let publishers speak, then `on_start`."""
        super().on_activate(state)

        def start() -> None:
            self._active = True
            self.on_start()

        def back() -> None:
            self._active = False
            super(SuiteNode, self).on_deactivate(state)

        return self._attempt(start, back)

    def on_deactivate(self, state: LifecycleState) -> Answer:
        """`on_stop`, then silence."""
        return self._attempt(lambda: self._stop('deactivated'))

    def on_cleanup(self, state: LifecycleState) -> Answer:
        """`on_teardown`, then nothing is left."""
        return self._attempt(self._take_down)

    def on_shutdown(self, state: LifecycleState) -> Answer:
        """As deactivate and cleanup, as far as needed."""
        self._finalized = True

        def finish() -> None:
            try:
                if self._active:
                    self._stop(self._reason)
            finally:
                self._take_down()

        return self._attempt(finish)

    def _guard_transitions(self) -> None:
        """Answer a transition that the state does not have; rclpy's callback raises instead."""
        for service in self.services:
            if service.srv_type is ChangeState:
                service.callback = functools.partial(self._on_change_state, service.callback)

    def _on_change_state(
        self,
        change: Callable[[Any, Any], ChangeState.Response],
        request: ChangeState.Request,
        response: ChangeState.Response,
    ) -> ChangeState.Response:
        try:
            return change(request, response)
        except Exception:  # of the state machine, which has logged it: hooks raise into _attempt
            response.success = False
            return response

    def _set_up(self) -> None:
        self.params = node_params.read(self, self.PARAMS)
        if hasattr(self.params, 'contract'):
            if not self.params.contract:
                raise ParameterError('contract', 'the file of a robot contract expected, got none')
            self.contract = contract.load(self.params.contract)
        robot = self.contract.robot if hasattr(self.params, 'contract') else self.NAME
        self.health = self.keep(Reporter(self, robot), Reporter.close)
        self.on_setup(self.params)
        self._configured = True

    def _stop(self, reason: str) -> None:
        try:
            self.on_stop(reason)
            for _, entity in self._made:
                if isinstance(entity, LifecyclePublisher) and _reliable(entity):
                    entity.wait_for_all_acked(ACK_PATIENCE)
        finally:
            self._active = False
            super().on_deactivate(LifecycleState('active', State.PRIMARY_STATE_ACTIVE))

    def _take_down(self) -> None:
        try:
            if self._configured:
                self.on_teardown()
        finally:
            self._configured = False
            self._watch.forget()
            while self._made:
                destroy, entity = self._made.pop()
                destroy(entity)

    def _changed(self, params: Any) -> None:
        if self._configured:
            self.params = params
            self.on_params(params)

    def _attempt(
        self, work: Callable[[], None], undo: Callable[[], None] = lambda: None
    ) -> Answer:
        """Do one transition. A refusal is one line; anything unexpected ends the process."""
        try:
            work()
        except VlaError as error:
            self.say(error)
        except Exception as error:
            self.fail(error)
        else:
            return Answer.SUCCESS
        try:
            undo()
        except Exception as error:
            self.fail(error)
        return Answer.FAILURE


def _reliable(publisher: LifecyclePublisher) -> bool:
    return publisher.qos_profile.reliability == ReliabilityPolicy.RELIABLE
