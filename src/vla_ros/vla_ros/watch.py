"""Says once, in one line, that nobody publishes what a node needs."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.timer import Timer

if TYPE_CHECKING:
    from rclpy.node import Node

PATIENCE_S = 10.0
LOOK_S = 1.0
PROFILE_FILE = 'FASTRTPS_DEFAULT_PROFILES_FILE'


def transport() -> str:
    """Return the name of the transport profile of this process, `default` without one."""
    path = os.environ.get(PROFILE_FILE) or os.environ.get('FASTDDS_DEFAULT_PROFILES_FILE')
    return Path(path).stem if path else 'default'


class PeerWatch:
    """Looks after the topics that a node needs; in steady time, as /clock may be missing too."""

    def __init__(self, node: 'Node', patience_s: float = PATIENCE_S) -> None:
        self._node = node
        self._patience_ns = int(patience_s * 1e9)
        self._clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._lonely_since: dict[str, int] = {}
        self._timer: Timer | None = None

    def need(self, topic: str) -> None:
        """Look after a topic, by its resolved name."""
        self._lonely_since[topic] = self._clock.now().nanoseconds
        if self._timer is None:
            self._timer = self._node.create_timer(LOOK_S, self.look, clock=self._clock)

    def forget(self) -> None:
        """Look after nothing any more."""
        self._lonely_since.clear()
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None

    def look(self) -> None:
        """Tell of topics without a publisher for too long, in one line; of each once."""
        now = self._clock.now().nanoseconds
        for topic in list(self._lonely_since):
            if self._node.count_publishers(topic):
                del self._lonely_since[topic]
        waited = {topic: now - since for topic, since in self._lonely_since.items()}
        if max(waited.values(), default=-1) < self._patience_ns:
            return
        # those that would be due at the next look were asked for in the same breath
        missing = [t for t, ns in waited.items() if ns >= self._patience_ns - LOOK_S * 1e9]
        for topic in missing:
            del self._lonely_since[topic]
        domain = os.environ.get('ROS_DOMAIN_ID', '0')
        self._node.get_logger().warning(
            f'no publisher on {", ".join(missing)} for {self._patience_ns / 1e9:g} s '
            f'(transport profile {transport()}, ROS_DOMAIN_ID {domain}): '
            'are their nodes running, with the same profile and domain?'
        )
