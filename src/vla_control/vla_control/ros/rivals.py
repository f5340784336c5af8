"""Two executors on one robot, by mistake: the one that came later leaves it to the other."""

import os
import platform
import time
from collections.abc import Callable

from vla_msgs.msg import ExecutorStatus

from vla_core.errors import VlaError
from vla_core.timing import SECOND
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_ros.lifecycle import SuiteNode

TOPIC = 'vla/status'
YOUNG_S = 5.0  # after that, words come from a person, not from an executor that was here before
LISTEN_S = 0.3  # words of another executor come with its status, every 0.1 s


class RivalError(VlaError):
    """Another executor was here before."""


class Rivals:
    """Listens for the status of other executors under the same name.

    Words that a young executor hears may be another executor's (the topic is latched): they wait
    until that one would have been heard.

    Attributes:
        lost: Whether another one has the robot: nothing may be sent any more.
    """

    def __init__(self, node: SuiteNode, yields: Callable[[RivalError], None]):
        """Listen.

        Args:
            node: The node.
            yields: Called once where another executor has the robot.
        """
        self.lost = False
        self._node, self._yields = node, yields
        name = node.get_fully_qualified_name()
        self._me = f'{name}, process {os.getpid()} on {platform.node()}'
        self._since_ns = 0
        self._old_at_s = 0.0
        self._heard: tuple[str, float] | None = None
        node.subscribe(ExecutorStatus, TOPIC, self._on_status, 'status', needed=False)

    def begin(self) -> None:
        """The node becomes active."""
        self._since_ns = time.time_ns()
        self._old_at_s = time.monotonic() + YOUNG_S

    def sign(self, msg: ExecutorStatus) -> ExecutorStatus:
        """Put into a status whose it is."""
        msg.executor, msg.active_since = self._me, convert.stamp(self._since_ns)
        return msg

    def hear(self, words: str) -> bool:
        """Whether words of the topic are to be followed at once; else `due` tells of them."""
        if time.monotonic() > self._old_at_s:
            return True
        self._heard = words, time.monotonic() + LISTEN_S
        return False

    def due(self) -> str | None:
        """Return words that have waited long enough, once."""
        if self._heard is None or time.monotonic() < self._heard[1]:
            return None
        (words, _), self._heard = self._heard, None
        return words

    def drop(self) -> None:
        """Forget words that wait: newer ones have come another way."""
        self._heard = None

    def _on_status(self, msg: ExecutorStatus) -> None:
        if self.lost or not self._node.active or msg.executor in ('', self._me):
            return
        try:
            since_ns = convert.ns(msg.active_since, 'active_since')
        except MessageError as error:
            self._node.health.warn('rival', str(error))
            return
        if (since_ns, msg.executor) < (self._since_ns, self._me):
            self.lost = True
            earlier_s = (self._since_ns - since_ns) / SECOND
            self._yields(
                RivalError(
                    f'another executor has this robot ({msg.executor}, active {earlier_s:.1f} s '
                    'earlier): end that one first, or give this one a namespace or a '
                    'ROS_DOMAIN_ID of its own'
                )
            )
        else:
            said = f'{msg.executor} came later and should leave the robot to this one'
            self._node.health.warn('rival', said)
