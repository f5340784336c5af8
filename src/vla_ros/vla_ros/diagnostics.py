"""Health of a node on /diagnostics: each component by name, at 1 Hz and at each change."""

import threading
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType

from vla_ros.qos import qos

if TYPE_CHECKING:
    from rclpy.node import Node

OK = DiagnosticStatus.OK
WARN = DiagnosticStatus.WARN
ERROR = DiagnosticStatus.ERROR


class Reporter:
    """Publishes what a node says of its components; speaks while the node is inactive too.

    A status is named `<node>: <component>`, the node with its namespace; `hardware_id` is the
    robot's name. Any thread may report.
    """

    def __init__(self, node: 'Node', hardware_id: str) -> None:
        """Begin to publish.

        Args:
            node: Who reports.
            hardware_id: Which robot: `contract.robot`.
        """
        self._node = node
        self._name = node.get_fully_qualified_name().lstrip('/')
        self._hardware_id = hardware_id
        self._lock = threading.Lock()
        self._components: dict[str, DiagnosticStatus] = {}
        self._publisher = node.create_publisher(DiagnosticArray, 'diagnostics', qos('reliable'))
        # steady: a node that waits for /clock has that to report
        self._timer = node.create_timer(
            1.0, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def report(self, component: str, level: bytes, message: str, **values: object) -> None:
        """Set what is known of a component; published at once when level or message changed.

        Args:
            component: Part of the node, e.g. `camera wrist`.
            level: OK, WARN or ERROR.
            message: One line.
            values: Numbers and words for people; floats with four digits.
        """
        status = DiagnosticStatus(
            level=level,
            name=f'{self._name}: {component}',
            message=message,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=k, value=_text(v)) for k, v in values.items()],
        )
        with self._lock:
            before = self._components.get(component)
            self._components[component] = status
        if before is None or (before.level, before.message) != (level, message):
            self._send([status])

    def ok(self, component: str, message: str = 'OK', **values: object) -> None:
        """Report a component in good health."""
        self.report(component, OK, message, **values)

    def warn(self, component: str, message: str, **values: object) -> None:
        """Report something that should not be."""
        self.report(component, WARN, message, **values)

    def error(self, component: str, message: str, **values: object) -> None:
        """Report something that keeps the node from its work."""
        self.report(component, ERROR, message, **values)

    def publish(self) -> None:
        """Publish all components."""
        with self._lock:
            statuses = list(self._components.values())
        if statuses:
            self._send(statuses)

    def close(self) -> None:
        """Publish no more."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _send(self, statuses: list[DiagnosticStatus]) -> None:
        msg = DiagnosticArray(status=statuses)
        msg.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(msg)


def _text(value: object) -> str:
    return f'{value:.4g}' if isinstance(value, float) else str(value)
