"""`vla/overlay/<camera>`: pictures with the paths of `vla/markers`, while somebody looks."""

import re

import numpy as np
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image
from visualization_msgs.msg import Marker, MarkerArray

from vla_core.timing import SECOND
from vla_perception.core.errors import NotReady, PerceptionError
from vla_perception.core.observer import ObserverCore
from vla_perception.core.overlay import Path, draw
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.qos import qos

MARKERS = 'vla/markers'
PERIOD_S = 0.1
LASTS_NS = SECOND  # markers older than this are of a plan that nobody tells of any more
DRAWN = ('executed', 'predicted')  # the last one on top


class Overlays:
    """Draws the newest pictures of an observer core; idle and deaf while nobody subscribes."""

    def __init__(self, node: SuiteNode, core: ObserverCore):
        """Advertise one topic for each camera, and look for subscribers ten times a second."""
        self._node, self._core = node, core
        self._topics = {k: node.advertise(Image, topic(k), 'reliable') for k in core.cameras}
        self._shown_ns = dict.fromkeys(core.cameras, 0)
        self._markers: Subscription | None = None
        self._paths: list[Path] = []
        self._paths_ns = 0
        node.every(PERIOD_S, self._look)
        node.keep(self, Overlays.close)

    def close(self) -> None:
        """Let go of the markers."""
        if self._markers is not None:
            self._node.destroy_subscription(self._markers)
        self._markers, self._paths = None, []

    def _look(self) -> None:
        active = self._node.active
        watched = [k for k, t in self._topics.items() if active and t.get_subscription_count()]
        if not watched:
            self.close()
            return
        if self._markers is None:
            self._markers = self._node.create_subscription(
                MarkerArray, MARKERS, self._on_markers, qos('reliable')
            )
        for key in watched:
            try:
                self._show(key, self._node.now_ns())
            except NotReady:
                pass  # diagnostics tell of it
            except PerceptionError as error:
                log = self._node.get_logger()
                log.warning(f'no overlay of {key}: {error}', throttle_duration_sec=10.0)

    def _show(self, key: str, now_ns: int) -> None:
        sighting = self._core.sighting(key, now_ns)
        if sighting.stamp_ns == self._shown_ns[key]:
            return
        self._shown_ns[key] = sighting.stamp_ns
        msg = convert.image_to_msg(sighting.image, sighting.stamp_ns, sighting.frame)
        canvas = np.frombuffer(msg.data, np.uint8).reshape(sighting.image.shape)
        fresh = abs(now_ns - self._paths_ns) < LASTS_NS
        draw(canvas, sighting, self._paths if fresh else [])
        self._topics[key].publish(msg)

    def _on_markers(self, msg: MarkerArray) -> None:
        frame = self._core.base_frame
        lines = {m.ns: m for m in msg.markers if m.header.frame_id == frame}
        if msg.markers and not lines:
            return  # another robot's
        self._paths = [_path(lines[name]) for name in DRAWN if name in lines]
        self._paths_ns = self._node.now_ns()


def topic(key: str) -> str:
    """Return a camera's topic; what a ROS name cannot hold becomes an underscore."""
    return f'vla/overlay/{re.sub("[^A-Za-z0-9_]", "_", key)}'


def _path(marker: Marker) -> Path:
    points = np.array([(p.x, p.y, p.z) for p in marker.points]).reshape(-1, 3)
    each = marker.colors if len(marker.colors) == len(points) else [marker.color] * len(points)
    colours = np.array([(c.r, c.g, c.b) for c in each]).reshape(-1, 3)
    return Path(points, np.round(255.0 * np.clip(colours, 0.0, 1.0)).astype(np.uint8))
