"""CameraInfo and tf reach the page's pictures, out of a bag and out of a graph.

The oracle is the simulator's own pose of its cameras at the capture, and the pinhole written out.
"""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

from vla_core.contract import load  # noqa: E402
from vla_core.se3 import SE3  # noqa: E402
from vla_core.timing import SECOND  # noqa: E402
from vla_eval.core.bags.simulated import BEGUN_NS, Manner, record  # noqa: E402
from vla_eval.core.episodes import Trial  # noqa: E402
from vla_eval.core.robot import START_NS, VirtualRobot  # noqa: E402
from vla_eval.core.viewer.story import Story  # noqa: E402
from vla_eval.ros.viewer.bag import BagSource  # noqa: E402
from vla_eval.ros.viewer.graph import GraphSource  # noqa: E402
from vla_eval.ros.viewer.ingest import Ingest  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402
from vla_ros.tf import Transform, transforms_to_msg  # noqa: E402
from vla_sim.core.scripted import Scripted  # noqa: E402
from vla_sim.core.simulator import Simulator  # noqa: E402

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
TRIAL = Trial('reach', 0, 41)


@pytest.fixture
def simulator():
    simulator = Simulator(CONTRACT)
    yield simulator
    simulator.close()


def recorded(folder, simulator, **manner):
    """Record an episode; return T_base_camera of each camera by the stamp of its pictures."""
    poses = {}

    def world(stamp_ns):
        at_ns = stamp_ns - START_NS + BEGUN_NS
        poses[at_ns] = {key: simulator.T_base_camera(key) for key in CONTRACT.cameras}
        return simulator.snapshot()

    robot, messages = VirtualRobot(CONTRACT, simulator), ROOT / 'src' / 'vla_msgs' / 'msg'
    record(folder, robot, Scripted(CONTRACT, world), TRIAL, messages, Manner(**manner))
    return poses


def test_pictures_of_a_bag_are_seen_from_where_the_simulator_took_them(tmp_path, simulator):
    poses = recorded(tmp_path / 'bag', simulator)
    ingest = Ingest(CONTRACT, Story())
    compared = {key: 0 for key in CONTRACT.cameras}
    for topic, message in BagSource(tmp_path / 'bag', ingest).messages():
        ingest.take(topic, message.data)
        ingest.tell()
        for key, (stamp_ns, picture) in ingest.story.pictures.items():
            sighting = ingest.sights.sighting(key, stamp_ns, picture)
            if sighting is None or stamp_ns not in poses:
                continue
            T = poses[stamp_ns][key]
            point = T.apply(np.array([[0.05, -0.02, 0.5]]))
            wanted = simulator.K(key) @ [0.1, -0.04, 1.0]
            np.testing.assert_allclose(sighting.pixels(point)[0], wanted[:2], atol=0.01)
            compared[key] += 1
    assert all(count > 100 for count in compared.values()), compared


def test_a_bag_without_tf_is_shown_with_plain_pictures(tmp_path, simulator):
    recorded(tmp_path / 'bag', simulator, leave_out=('/tf', '/tf_static'))
    ingest = Ingest(CONTRACT, Story())
    for topic, message in BagSource(tmp_path / 'bag', ingest).messages():
        ingest.take(topic, message.data)
    ingest.tell()
    assert set(ingest.story.pictures) == set(CONTRACT.cameras)
    for key, picture in ingest.story.pictures.items():
        assert ingest.sights.sighting(key, *picture) is None


def test_a_graph_tells_where_its_cameras_stand():
    camera, base = CONTRACT.cameras['scene'], CONTRACT.model.base_link
    K = np.array([[80.0, 0.0, 47.5], [0.0, 80.0, 47.5], [0.0, 0.0, 1.0]])
    T = SE3.exp(np.array([0.8, 0.0, 0.7, 2.0, 0.1, 0.3]))
    with Graph() as graph:
        ingest = Ingest(CONTRACT, Story())
        source = GraphSource(ingest, lambda _: None)
        try:
            fixed = graph.talk(TFMessage, 'tf_static', 'tf_static', matched=False)
            fixed.publish(transforms_to_msg([Transform(base, camera.optical_frame, T, 0)]))
            infos = graph.talk(CameraInfo, camera.camera_info, 'sensor')
            pictures = graph.talk(Image, camera.topic, 'sensor')
            grey = np.full((96, 96, 3), 60, np.uint8)

            def seen():
                infos.publish(
                    convert.camera_info_to_msg(5 * SECOND, camera.optical_frame, 96, 96, K)
                )
                pictures.publish(convert.image_to_msg(grey, 5 * SECOND, camera.optical_frame))
                source.look()
                ingest.tell()
                picture = ingest.story.pictures.get('scene')
                return picture and ingest.sights.sighting('scene', *picture)

            graph.until(seen, 'a sighting')
            np.testing.assert_allclose(seen().T_base_camera.matrix, T.matrix, atol=1e-9)
        finally:
            source.close()
