"""The action `run_instruction`: one run at a time, ended by the core's rules."""

from collections.abc import Callable

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future
from vla_msgs.action import RunInstruction

from vla_control.core.run import Ended, Outcome, Run
from vla_core.command import ExecutorStatus
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_ros.lifecycle import SuiteNode


class Goals:
    """Serves the action. Everything here runs in the node's executor thread."""

    def __init__(self, node: SuiteNode, instruct: Callable[[str], int]):
        """Offer the action.

        Args:
            node: The node.
            instruct: Puts words in force and returns their epoch.
        """
        self._node, self._instruct = node, instruct
        self._run: Run | None = None
        self._handle: ServerGoalHandle | None = None
        self._end = Future()
        server = ActionServer(
            node,
            RunInstruction,
            'vla/run_instruction',
            self._execute,
            goal_callback=self._judge,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        node.keep(server, ActionServer.destroy)

    def look(self, statuses: list[ExecutorStatus]) -> None:
        """Tell the caller how its run fares, and end it where it has ended.

        Args:
            statuses: Every status since the last call, in order.
        """
        run, handle = self._run, self._handle
        if run is None or handle is None or not statuses:
            return
        for status in statuses:
            run.see(status)
        now_ns = self._node.now_ns()
        ended = run.ended(statuses[-1], now_ns, handle.is_cancel_requested)
        if ended is not None:
            self.end(ended)
            return
        handle.publish_feedback(
            RunInstruction.Feedback(
                elapsed=convert.duration(run.elapsed_ns(now_ns)),
                chunks=run.chunks,
                latency_ms=run.latency_ms,
            )
        )

    def end(self, ended: Ended) -> None:
        """End the run, if there is one."""
        if self._run is not None:
            self._run = None
            self._end.set_result(ended)

    def _judge(self, goal: RunInstruction.Goal) -> GoalResponse:
        try:
            convert.ns(goal.time_limit, 'time_limit')
            if not goal.instruction.strip():
                raise MessageError('instruction', 'words expected, got none')
            if not self._node.active:
                raise MessageError('goal', 'an active executor expected, it is inactive')
        except MessageError as error:
            self._node.get_logger().warning(f'run_instruction refused: {error}')
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> RunInstruction.Result:
        self.end(Ended(Outcome.REPLACED, f'{handle.request.instruction!r}'))
        now_ns = self._node.now_ns()
        epoch = self._instruct(handle.request.instruction)
        self._run = Run(epoch, now_ns, convert.ns(handle.request.time_limit))
        self._handle, self._end = handle, Future()
        ended = await self._end
        if ended.outcome is not Outcome.REPLACED:
            self._instruct('')
        if handle.is_cancel_requested:
            handle.canceled()
        elif ended.outcome is Outcome.TIME_LIMIT:
            handle.succeed()
        else:
            handle.abort()
        return RunInstruction.Result(outcome=ended.outcome, detail=ended.detail, epoch=epoch)
