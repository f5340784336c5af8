"""Markers for RViz: the predicted chunk and the executed path as lines, the gate as words."""

from collections import deque
from collections.abc import Iterable

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from vla_core.command import ExecutorStatus, Mode
from vla_ros import convert

_KEPT = 150  # points of the executed path
_WIDTH_M = 0.004
_POINT_M = 0.006
_SOON, _LATE = np.array([1.0, 0.45, 0.05]), np.array([0.1, 0.35, 1.0])  # colours along the plan
_EXECUTED = ColorRGBA(r=0.2, g=0.8, b=0.3, a=0.9)
_WORDS = {
    Mode.IDLE: ColorRGBA(r=0.6, g=0.6, b=0.6, a=1.0),
    Mode.RUNNING: ColorRGBA(r=0.2, g=0.8, b=0.3, a=1.0),
    Mode.HOLDING: ColorRGBA(r=1.0, g=0.7, b=0.0, a=1.0),
    Mode.STOPPED: ColorRGBA(r=0.9, g=0.1, b=0.1, a=1.0),
}
NAMESPACES = ('predicted', 'executed', 'spread', 'gate')
Spread = tuple[np.ndarray, np.ndarray]  # times (M,) ns and positions (M, 3), m


class Markers:
    """Builds the array; remembers the executed path of the epoch."""

    def __init__(self, frame: str):
        """Begin without a path.

        Args:
            frame: Frame of all positions.
        """
        self._frame = frame
        self._epoch = 0
        self._executed: deque[np.ndarray] = deque(maxlen=_KEPT)

    def build(
        self,
        status: ExecutorStatus,
        predicted: np.ndarray | None,
        tool: np.ndarray | None,
        spread: Spread | None = None,
    ) -> MarkerArray:
        """Return the markers of a moment.

        Args:
            status: State of the executor.
            predicted: (H, 3) tool positions of the plan, m; None for none.
            tool: (3,) measured tool position, m; None where nothing was measured.
            spread: What chunks that overlap predict for the same times; None for none.
        """
        if status.epoch != self._epoch:
            self._epoch = status.epoch
            self._executed.clear()
        if tool is not None:
            self._executed.append(tool)
        stamp = convert.stamp(status.stamp_ns)
        return MarkerArray(
            markers=[
                self._line(stamp, 'predicted', [] if predicted is None else list(predicted)),
                self._line(stamp, 'executed', list(self._executed)),
                self._points(stamp, spread),
                self._words(stamp, status),
            ]
        )

    def _marker(self, stamp: Time, namespace: str, kind: int) -> Marker:
        marker = Marker(ns=namespace, type=kind)
        marker.header.frame_id, marker.header.stamp = self._frame, stamp
        marker.pose.orientation.w = 1.0
        return marker

    def _line(self, stamp: Time, namespace: str, positions: list[np.ndarray]) -> Marker:
        marker = self._marker(stamp, namespace, Marker.LINE_STRIP)
        if len(positions) < 2:  # RViz warns about shorter lines
            marker.action = Marker.DELETE
            return marker
        marker.scale.x = _WIDTH_M
        marker.points = _points(positions)
        if namespace == 'executed':
            marker.color = _EXECUTED
        else:
            marker.colors = [_colour(f) for f in np.linspace(0.0, 1.0, len(positions))]
        return marker

    def _points(self, stamp: Time, spread: Spread | None) -> Marker:
        marker = self._marker(stamp, 'spread', Marker.POINTS)
        if spread is None or not len(spread[0]):
            marker.action = Marker.DELETE
            return marker
        times, positions = spread
        marker.scale.x = marker.scale.y = _POINT_M
        marker.points = _points(positions)
        each = {t: _colour((t - times.min()) / max(np.ptp(times), 1)) for t in np.unique(times)}
        marker.colors = [each[t] for t in times]
        return marker

    def _words(self, stamp: Time, status: ExecutorStatus) -> Marker:
        marker = self._marker(stamp, 'gate', Marker.TEXT_VIEW_FACING)
        marker.pose.position.z = 0.8
        marker.scale = Vector3(z=0.04)
        marker.color = _WORDS[status.mode]
        why = status.stop_reason or status.hold_reason
        lines = [
            f'{status.mode.value}: {why}' if why else status.mode.value,
            status.instruction,
            f'clipped {status.gate.clipped}, refused {status.gate.refused},'
            f' held {status.gate.holds}, stops {status.gate.stops}',
            status.last_refusal,
        ]
        marker.text = '\n'.join(line for line in lines if line)
        return marker


def _points(positions: Iterable[np.ndarray]) -> list[Point]:
    return [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in positions]


def _colour(fraction: float) -> ColorRGBA:
    r, g, b = (1.0 - fraction) * _SOON + fraction * _LATE
    return ColorRGBA(r=float(r), g=float(g), b=float(b), a=0.9)
