"""A node beside a running graph that hears when told to, and the loop that tells it."""

import time
from collections.abc import Callable
from types import TracebackType

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from vla_eval.ros.intake import Intake

LOOK_S = 0.02


class Listener:
    """A node with an intake; a context, which leaves the graph at its end.

    Attributes:
        node: No executor waits for it.
        intake: Its subscriptions.
    """

    def __init__(self, name: str):
        self._began = not rclpy.ok()  # else whoever did also ends it
        if self._began:
            rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self.node = Node(name)
        self.intake = Intake(self.node)

    def __enter__(self) -> 'Listener':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the graph."""
        self.node.destroy_node()
        if self._began:
            rclpy.try_shutdown()


def listen(look: Callable[[], None], seconds: float | None) -> bool:
    """Look 50 times a second until the time is over, or for ever; and once more at the end.

    Returns:
        Whether Ctrl-C or SIGTERM ended it.
    """
    begin_s = due_s = time.monotonic()
    interrupted = False
    try:
        while seconds is None or time.monotonic() - begin_s < seconds:
            look()
            due_s = max(due_s + LOOK_S, time.monotonic())
            time.sleep(max(0.0, due_s - time.monotonic()))
    except (KeyboardInterrupt, SystemExit):
        interrupted = True
    look()
    return interrupted
