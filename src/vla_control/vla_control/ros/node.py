"""The executor as a ROS 2 node: moves data between topics and `ChunkExecutor`."""

import time
from dataclasses import replace
from queue import Empty, SimpleQueue

import numpy as np
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray
from vla_msgs.msg import ActionChunk as ActionChunkMsg
from vla_msgs.msg import Command as CommandMsg
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg
from vla_msgs.msg import Takeover as TakeoverMsg
from vla_msgs.srv import Reset, SetInstruction

from vla_control.core.errors import ChunkRefused, StateRefused, StillUnsafe, TakeoverRefused
from vla_control.core.executor import ChunkExecutor
from vla_control.core.reasons import Reason
from vla_control.core.run import Ended, Outcome
from vla_control.ros.goals import Goals
from vla_control.ros.inputs import JointReader, read_chunk
from vla_control.ros.markers import Markers
from vla_control.ros.output import Output
from vla_control.ros.params import ExecutorParams
from vla_control.ros.rivals import Rivals
from vla_control.ros.words import Words
from vla_core.command import Command, ExecutorStatus, Mode
from vla_core.timing import MS, SECOND
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_ros.lifecycle import SuiteNode
from vla_ros.ticker import Ticker

TELL_NS = 100 * MS  # status and plan, at least that often
LOOK_S = 0.05  # how often a running goal is looked after
DRAW_S = 0.2
EXPECTED = (Reason.IDLE, Reason.OTHER_EPOCH)  # chunks under way when the words changed
LONGEST_BRAKE_S = 1.0  # for the last word


class ExecutorNode(SuiteNode):
    """Serves words, stop, clear and reset; ticks in a thread of its own."""

    NAME, PARAMS = 'executor', ExecutorParams

    def on_setup(self, params: ExecutorParams) -> None:
        """Build the core, then the graph around it."""
        contract = self.contract
        self._core = ChunkExecutor(contract, params.settings())
        self._dry = params.dry_run
        self._out = Output(contract)
        self._joints = JointReader(contract.state.names)
        self._markers = Markers(self.frame(contract.model.base_link))
        self._last: Command | None = None
        self._good: set[str] = set()  # inputs whose newest message was fine
        self._state: tuple[Mode, int, str, str] | None = None
        self._sources: tuple[int, ...] = ()
        self._status_due_ns = self._plan_due_ns = 0
        self._statuses: SimpleQueue[ExecutorStatus] = SimpleQueue()
        self._status: ExecutorStatus | None = None

        self._commands = self.advertise(CommandMsg, 'vla/command', 'command')
        self._robot = self.advertise(self._out.kind, contract.output.topic, 'command')
        self._status_topic = self.advertise(ExecutorStatusMsg, 'vla/status', 'status')
        self._plans = self.advertise(ActionChunkMsg, 'vla/plan', 'plan')
        self._drawn = self.advertise(MarkerArray, 'vla/markers', 'reliable')
        self._rivals = Rivals(self, self.fail)
        self._words = Words(self, self._on_words)
        self._goals = Goals(self, self._instruct_and_tell)
        self.serve(SetInstruction, 'vla/set_instruction', self._on_set_instruction)
        self.serve(Trigger, 'vla/stop', self._on_stop_request)
        self.serve(Trigger, 'vla/clear_stop', self._on_clear)
        self.serve(Reset, 'vla/reset', self._on_reset)
        self.subscribe(JointState, contract.state.topic, self._on_joints, 'sensor')
        self.subscribe(ActionChunkMsg, 'vla/action_chunk', self._on_chunk, 'chunk')
        self.subscribe(TakeoverMsg, 'vla/takeover', self._on_takeover, 'command', needed=False)

        self._ticker = Ticker(
            self.get_clock(), contract.rates.control_ns, self._tick, self.fail, 'control'
        )
        self.every(LOOK_S, self._look)
        self.every(DRAW_S, self._draw)
        self.every(1.0, self._report)

    def on_params(self, params: ExecutorParams) -> None:
        """Change the strategy from the next epoch on."""
        self._core.set_strategy(params.settings())

    def on_start(self) -> None:
        """Begin to tick."""
        self._rivals.begin()
        self._ticker.start()

    def on_stop(self, reason: str) -> None:
        """Say the last word: brake within limits, and leave a command that holds."""
        self._ticker.stop()
        self._goals.end(Ended(Outcome.STOPPED, reason))
        if self._rivals.lost:  # the last word is the other one's
            return
        now_ns = self.now_ns()
        try:
            self._instruct_and_tell('')
            now_ns = self._brake(now_ns)
            self._tell(now_ns)
        except Exception as error:  # then the last word is said without the core
            self.fail(error)
        last, self._last = self._last, None
        if last is not None:
            still = np.zeros(len(last.names))
            self._send(
                replace(
                    last,
                    stamp_ns=now_ns,
                    sequence=last.sequence + 1,
                    velocities=still,
                    sources=(),
                    weights=(),
                    clipped_by=(),
                    hold_reason=reason,
                )
            )

    def _brake(self, now_ns: int) -> int:
        """Tick until the robot rests, by our own count: /clock may not go on any more."""
        period_ns = self.contract.rates.control_ns
        for _ in range(int(LONGEST_BRAKE_S * SECOND / period_ns)):
            now_ns += period_ns
            command = self._core.tick(now_ns)
            if command is None:
                break
            self._send(command)
            time.sleep(period_ns / SECOND)
        return now_ns

    # ---- control thread

    def _tick(self, now_ns: int) -> None:
        if self._rivals.lost:
            return
        command = self._core.tick(now_ns)
        if command is not None:
            self._send(command)
            self._tell_plan(now_ns, command.sources)
        state = self._core.state()
        if state != self._state or not 0 <= self._status_due_ns - now_ns <= TELL_NS:
            self._state = state
            self._tell(now_ns)

    def _send(self, command: Command) -> None:
        messages = self._out.message(command), convert.command_to_msg(command)
        if not self._dry:
            self._robot.publish(messages[0])
        self._commands.publish(messages[1])
        self._last = command

    def _tell_plan(self, now_ns: int, sources: tuple[int, ...]) -> None:
        if self._dry:
            return
        if sources == self._sources and 0 <= self._plan_due_ns - now_ns <= TELL_NS:
            return
        self._sources, self._plan_due_ns = sources, now_ns + TELL_NS
        plan = self._core.plan(now_ns)
        if plan is not None:
            self._plans.publish(convert.chunk_to_msg(plan))

    def _tell(self, now_ns: int) -> None:
        self._status_due_ns = now_ns + TELL_NS
        status = self._core.status(now_ns)
        self._status_topic.publish(self._rivals.sign(convert.status_to_msg(status)))
        self._statuses.put(status)

    # ---- messages

    def _on_joints(self, msg: JointState) -> None:
        try:
            self._core.measure(*self._joints.read(msg))
        except (MessageError, StateRefused) as error:
            self._warn('joint states', error)
        else:
            self._well('joint states')

    def _on_chunk(self, msg: ActionChunkMsg) -> None:
        if not self.active:
            return
        try:
            chunk = read_chunk(msg)
        except ChunkRefused as refusal:
            self._core.refuse(refusal)
            self._warn('chunk', refusal)
            return
        try:
            self._core.accept(chunk, self.now_ns())
        except ChunkRefused as refusal:
            if refusal.reason not in EXPECTED:
                self._warn('chunk', refusal)
        else:
            self._well('chunk')

    def _on_takeover(self, msg: TakeoverMsg) -> None:
        if not self.active:
            return
        try:
            self._core.takeover(convert.takeover_from_msg(msg), self.now_ns())
        except (MessageError, TakeoverRefused) as error:
            self._warn('takeover', error)
        else:
            self._well('takeover')

    def _well(self, what: str) -> None:
        if what not in self._good:
            self._good.add(what)
            self.health.ok(what)

    def _warn(self, what: str, error: Exception) -> None:
        self._good.discard(what)
        self.health.warn(what, str(error))
        self.get_logger().warning(f'{what} refused: {error}', throttle_duration_sec=1.0)

    # ---- words, stop, clear, reset

    def _instruct(self, text: str) -> int:
        return self._core.instruct(text.strip(), self.now_ns())

    def _on_words(self, text: str) -> None:
        if self._rivals.hear(text):
            self._instruct(text)

    def _instruct_and_tell(self, text: str) -> int:
        self._rivals.drop()
        self._words.tell(text.strip())
        return self._instruct(text)

    def _on_set_instruction(
        self, request: SetInstruction.Request, response: SetInstruction.Response
    ) -> SetInstruction.Response:
        response.accepted = self.active
        if self.active:
            response.epoch = self._instruct_and_tell(request.instruction)
        else:
            response.epoch, response.reason = self._core.state()[1], 'the executor is inactive'
        return response

    def _on_stop_request(
        self, _request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        self._core.stop('requested', self.now_ns())
        response.success, response.message = True, f'stopped: {self._core.state()[3]}'
        return response

    def _on_clear(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            self._core.clear(self.now_ns())
        except StillUnsafe as error:
            response.success, response.message = False, str(error)
        else:
            response.success, response.message = True, 'clear'
        return response

    def _on_reset(self, _request: Reset.Request, response: Reset.Response) -> Reset.Response:
        response.epoch = self._core.reset(self.now_ns())
        return response

    # ---- what is looked after at leisure

    def _look(self) -> None:
        if (words := self._rivals.due()) is not None:
            self._instruct(words)
        statuses = []
        while True:
            try:
                statuses.append(self._statuses.get_nowait())
            except Empty:
                break
        if statuses:
            self._status = statuses[-1]
        self._goals.look(statuses)

    def _draw(self) -> None:
        if self._status is None or not self.active:
            return
        tool = self._core.tool_now()
        predicted = spread = None
        if self._drawn.get_subscription_count():
            now_ns = self.now_ns()
            plan, spread = self._core.plan(now_ns), self._core.spread(now_ns)
            predicted = None if plan is None else self._core.tool_path(plan)
        position = None if tool is None else tool.t
        self._drawn.publish(self._markers.build(self._status, predicted, position, spread))

    def _report(self) -> None:
        if self._status is None:
            return
        status = self._status
        words = f'{status.mode.value} {status.stop_reason or status.hold_reason}'.strip()
        gate, chunks = status.gate, status.chunks
        report = self.health.error if status.stop_reason else self.health.ok
        report('gate', words, clipped=gate.clipped, refused=gate.refused, holds=gate.holds)
        self.health.ok('chunks', received=chunks.received, refused=chunks.refused,
                       expired=chunks.expired, last_refusal=status.last_refusal)  # fmt: skip
        self.health.ok('ticks', sent=gate.ticks, missed=self._ticker.missed)
