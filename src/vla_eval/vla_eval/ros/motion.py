"""When the robot moved for the first time under a command of the executor."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vla_core.errors import VlaError
from vla_ros import convert

MOVED = 0.01  # rad or m, of any joint


class FirstMotion:
    """Compares measured joints with where they stood when the first command came.

    Args:
        end_watch: Ends the subscriptions that only this needs.
        on_motion: Told once.
    """

    def __init__(self, end_watch: Callable[[], None], on_motion: Callable[[], None]):
        self._end_watch = end_watch
        self._on_motion = on_motion
        self._joints: np.ndarray | None = None
        self._start: np.ndarray | None = None
        self._command_ns = 0
        self._armed = False

    def arm(self) -> None:
        """Begin afresh: the scene was reset, and nothing is commanded before the words come."""
        self._joints = self._start = None
        self._armed = True

    def seen(self, stream: str, msg: Any) -> bool:
        """Take a message in; return whether the robot has moved."""
        if not self._armed:
            return False
        if stream == 'vla/command' and self._start is None and self._joints is not None:
            self._start = self._joints
            self._command_ns = convert.ns(msg.header.stamp)
        if stream != 'joint_states':
            return False
        try:
            reading = convert.joint_state_from_msg(msg)
        except VlaError:
            return False
        self._joints = reading.positions
        if self._start is None or reading.stamp_ns <= self._command_ns:
            return False
        if np.abs(reading.positions - self._start).max() <= MOVED:
            return False
        self._end_watch()
        self._on_motion()
        return True
