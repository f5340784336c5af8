"""`vla/overlay/<camera>` beside played sensors: geometry at the stamp, and silence unwatched."""

import numpy as np
import pytest
from geometry_msgs.msg import Point
from sensor_msgs.msg import Image
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from vla_ros import convert

pytestmark = pytest.mark.ros
GREEN = ColorRGBA(g=1.0, a=1.0)


class Plan:
    """Markers of a plan, as an executor would send them, while the probe spins."""

    def __init__(self, graph, stage, frame='base_link', namespace=''):
        self._frame, self._stage, self.points = frame, stage, []
        topic = f'{namespace}/vla/markers'
        self.topic = graph.talk(MarkerArray, topic, 'reliable', matched=False)
        graph.probe.create_timer(0.05, self._send)

    def _send(self):
        marker = Marker(ns='predicted', type=Marker.LINE_STRIP)
        marker.header.frame_id = self._frame
        marker.points = [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in self.points]
        marker.colors = [GREEN] * len(self.points)
        self.topic.publish(MarkerArray(markers=[marker]))


@pytest.fixture
def grey(stage):
    """The played robot, with pictures of one grey: what is drawn is what differs."""
    return plain(stage)


def plain(stage):
    def picture(key, ns):
        width, height = stage.robot.size[key]
        return np.full((height, width, 3), 90, np.uint8)

    stage.robot.picture = picture
    stage.robot.speed = 0.0  # joints at rest may see the same picture for ever; tf moves on
    return stage


def wrist_pose(stage, msg):
    return stage.robot.T_base_tool(convert.ns(msg.header.stamp)) @ stage.robot.T_tool_wrist


def coloured(msg):
    """Centre of what was drawn green, None where nothing was."""
    image = convert.image_from_msg(msg).astype(int)
    light = np.clip(image[..., 1] - image[..., 0], 0, None)
    v, u = np.indices(light.shape)
    return np.array([(u * light).sum(), (v * light).sum()]) / light.sum() if light.any() else None


def test_the_path_is_drawn_where_the_camera_was_at_the_stamp(graph, grey):
    plan = Plan(graph, grey)
    shown = graph.listen(Image, 'vla/overlay/wrist', 'sensor')
    now = graph.probe.get_clock().now().nanoseconds
    T = grey.robot.T_base_tool(now) @ grey.robot.T_tool_wrist
    ends_camera = np.array([[-0.06, 0.03, 0.5], [0.02, -0.05, 0.5]])
    plan.points = T.apply(ends_camera)
    graph.until(lambda: sum(coloured(m) is not None for m in shown) >= 4, 'four overlays')
    for msg in (m for m in shown if coloured(m) is not None):
        in_camera = wrist_pose(grey, msg).inverse().apply(plan.points)
        wanted = (in_camera @ grey.robot.K.T / in_camera[:, 2:])[:, :2].mean(axis=0)
        assert np.abs(coloured(msg) - wanted).max() < 0.5
        assert (msg.header.frame_id, msg.encoding) == ('wrist_optical_frame', 'rgb8')


def test_each_picture_is_shown_once_ten_times_a_second_at_most(graph, grey):
    shown = graph.listen(Image, 'vla/overlay/scene', 'sensor')
    graph.until(lambda: len(shown) >= 6, 'overlays')
    stamps = [convert.ns(m.header.stamp) for m in shown]
    assert len(set(stamps)) == len(stamps)
    assert (stamps[-1] - stamps[0]) / (len(stamps) - 1) > 0.09e9
    assert coloured(shown[-1]) is None


def test_the_markers_are_heard_only_while_somebody_looks(graph, grey):
    plan = Plan(graph, grey)
    grey.observed()
    assert plan.topic.get_subscription_count() == 0
    watcher = graph.probe.create_subscription(Image, 'vla/overlay/wrist', lambda _: None, 10)
    graph.until(plan.topic.get_subscription_count, 'a subscription to the markers')
    graph.probe.destroy_subscription(watcher)
    graph.until(lambda: not plan.topic.get_subscription_count(), 'its end')


def test_no_overlay_without_a_pose(graph, grey):
    grey.robot.skip = {'tf'}
    scene = graph.listen(Image, 'vla/overlay/scene', 'sensor')
    wrist = graph.listen(Image, 'vla/overlay/wrist', 'sensor')
    graph.until(lambda: len(scene) >= 3, 'overlays of the camera that is fixed')
    assert not wrist
    grey.robot.skip = set()
    graph.until(lambda: wrist, 'overlays of the camera that moves')


def test_a_second_robot_draws_its_own_plan(graph, make_stage):
    stage = plain(make_stage(namespace='/left', prefix='left'))
    shown = graph.listen(Image, '/left/vla/overlay/scene', 'sensor')
    before_its_camera = np.array([[-0.02, 0.0, 0.5], [0.02, 0.0, 0.5]])
    other = Plan(graph, stage, 'base_link', '/left')
    other.points = before_its_camera
    graph.until(other.topic.get_subscription_count, 'the observer')
    graph.until(lambda: len(shown) >= 8, 'overlays')
    assert all(coloured(m) is None for m in shown)
    ours = Plan(graph, stage, 'left/base_link', '/left')
    ours.points, other.points = before_its_camera, []
    graph.until(lambda: coloured(shown[-1]) is not None, 'its own plan')
    np.testing.assert_allclose(coloured(shown[-1]), [31.5, 31.5], atol=0.5)
