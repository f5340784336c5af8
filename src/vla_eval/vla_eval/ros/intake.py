"""Takes serialised messages in as a batch, many times a second, instead of one by one.

An executor that waits for each message spends most of its time on waiting: per message it builds
a wait set, sleeps and wakes. At 1 kHz that alone is half a core; what lies ready after 20 ms is
taken in for a tenth of it. When a message came is not lost: the middleware noted it.
"""

from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

Take = Callable[[bytes, int | None], None]
MOST = 5000  # messages of a topic in one batch: a flood leaves time for everything else


class Unattended(CallbackGroup):
    """Whose entities no executor waits for."""

    def can_execute(self, entity: Any) -> bool:
        """Never."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """Never."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """Nothing was begun."""


class Intake:
    """Subscriptions whose messages wait until `drain`; the middleware keeps up to their depth."""

    def __init__(self, node: Node):
        self._node = node
        self._group = Unattended()
        self._takes: list[tuple[Subscription, Take]] = []

    def subscribe(self, kind: type, topic: str, take: Take, profile: QoSProfile) -> Subscription:
        """Listen to a topic.

        Args:
            kind: Type of its messages.
            topic: Its name.
            take: Given each message as it was serialised, and when it arrived: ns of the system's
                clock, None where the middleware does not tell.
            profile: Quality of service; its depth must hold what comes between two drains.
        """
        subscription = self._node.create_subscription(
            kind, topic, _never, profile, callback_group=self._group, raw=True
        )
        self._takes.append((subscription, take))
        return subscription

    def drain(self) -> None:
        """Hand over what has arrived since, in the order of arrival across topics."""
        heard = [
            (arrived_ns, count, take, data)
            for count, (subscription, take) in enumerate(self._takes)
            for data, arrived_ns in _waiting(subscription)
        ]
        heard.sort(key=lambda one: one[:2])  # stable: a topic's own order stays
        for arrived_ns, _, take, data in heard:
            take(data, arrived_ns or None)


def _waiting(subscription: Subscription) -> list[tuple[bytes, int]]:
    """Return what lies ready: (message, arrival in ns or 0), each at or after the one before."""
    found: list[tuple[bytes, int]] = []
    handle = subscription.handle
    with handle:
        while len(found) < MOST:
            taken = handle.take_message(subscription.msg_type, True)
            if taken is None:
                break
            data, info = taken
            arrived_ns = int(info.get('received_timestamp') or 0)
            found.append((data, max(arrived_ns, found[-1][1]) if found else arrived_ns))
    return found


def _never(_: Any) -> None:
    """Stand in for the callback that no executor calls."""
