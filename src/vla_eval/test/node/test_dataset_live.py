"""What a bag becomes is what was seen live: the same pictures, states and poses, to the bit."""

import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import CameraInfo, Image, JointState  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402
from vla_msgs.msg import Command as CommandMsg  # noqa: E402
from vla_msgs.msg import ExecutorStatus as StatusMsg  # noqa: E402
from vla_msgs.msg import Observation as ObservationMsg  # noqa: E402

from vla_core.command import ExecutorStatus, Mode  # noqa: E402
from vla_core.contract import load  # noqa: E402
from vla_core.se3 import SE3  # noqa: E402
from vla_eval.core.bags.tape import Tape  # noqa: E402
from vla_eval.core.lerobot.frames import Frames  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402
from vla_ros.tf import Transform, transforms_to_msg  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.timeout(120)]

CONTRACT_FILE = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
CONTRACT = load(CONTRACT_FILE)
LOOKS, FIRST = 12, 6  # compared; by then the recorder hears what the observer does
WORDS = 'reach the red block'


class Sensors:
    """Says at each look where the arm is, and later what the cameras saw of that moment."""

    def __init__(self, graph):
        self.commanded: dict[int, list[float]] = {}
        self._graph = graph
        cameras = CONTRACT.cameras.items()
        self._images = {k: graph.talk(Image, c.topic, 'sensor') for k, c in cameras}
        self._infos = {k: graph.talk(CameraInfo, c.camera_info, 'sensor') for k, c in cameras}
        self._joints = graph.talk(JointState, CONTRACT.state.topic, 'sensor')
        self._tf = graph.talk(TFMessage, '/tf', 'tf')
        self._status = graph.talk(StatusMsg, 'vla/status', 'status')
        self._commands = graph.talk(CommandMsg, 'vla/command', 'command')

    def look(self, k):
        """Publish one moment."""
        ns = self._graph.probe.get_clock().now().nanoseconds
        for key, camera in CONTRACT.cameras.items():
            size = 2 * camera.width, 2 * camera.height  # resized on the way
            K = np.array([[90.0, 0.0, 31.5], [0.0, 90.0, 31.5], [0.0, 0.0, 1.0]])
            info = convert.camera_info_to_msg(ns, camera.optical_frame, *size, K)
            self._infos[key].publish(info)
        status = ExecutorStatus(ns, Mode.RUNNING, 3, WORDS, '')
        self._status.publish(convert.status_to_msg(status))
        names = CONTRACT.state.names
        at = 0.1 * np.sin(0.3 * k + np.arange(len(names)))
        self._joints.publish(convert.joint_state_to_msg(ns, names, at, 0.5 * at))
        frames = ['tool', *(camera.optical_frame for camera in CONTRACT.cameras.values())]
        poses = [SE3.exp(np.array([0.1 * k, 0.2, 0.3, 0.0, 0.1 * k, 0.4 + n])) for n in range(3)]
        edges = zip(frames, poses, strict=True)
        base = CONTRACT.model.base_link
        msg = transforms_to_msg(Transform(base, frame, T, ns) for frame, T in edges)
        self._tf.publish(msg)
        self.commanded[ns] = [0.01 * k] * len(CONTRACT.output.joints)
        command = CommandMsg(
            sequence=k, names=list(CONTRACT.output.joints), positions=self.commanded[ns]
        )
        command.header.stamp = convert.stamp(ns)
        self._commands.publish(command)
        self._pause(0.06)  # what was felt is there before what was seen
        rng = np.random.default_rng(k)
        for key, camera in CONTRACT.cameras.items():
            size = 2 * camera.height, 2 * camera.width, 3
            image = rng.integers(0, 255, size, np.uint8)
            self._images[key].publish(convert.image_to_msg(image, ns, camera.optical_frame))
        self._pause(0.04)

    def _pause(self, seconds):
        ticks = []
        timer = self._graph.probe.create_timer(seconds, lambda: ticks.append(1))
        self._graph.until(lambda: ticks, 'a tick')
        self._graph.probe.destroy_timer(timer)


@pytest.fixture
def graph(ros_domain):
    """Return an open graph, on the domain that is this test's own."""
    with Graph() as open_graph:
        yield open_graph


def test_a_bag_gives_the_observations_that_were_live(graph, tmp_path):
    params = {'contract': str(CONTRACT_FILE)}
    observer = graph.start('vla_perception.ros.node:ObserverNode', **params)
    recorder = graph.start(
        'vla_eval.ros.recorder:RecorderNode', folder=str(tmp_path / 'bag'), **params
    )
    live = graph.listen(ObservationMsg, 'vla/observation', 'observation')
    camera = next(iter(CONTRACT.cameras.values()))
    graph.until(lambda: graph.probe.count_subscribers(camera.topic) == 2, 'both listen')
    graph.until(lambda: graph.probe.count_subscribers('vla/command'), 'the recorder listens')
    sensors, k = Sensors(graph), 0
    while len(live) < LOOKS + FIRST:
        sensors.look(k)
        k += 1
        assert k < 8 * (LOOKS + FIRST)
    for node in (observer, recorder):
        node.signal(signal.SIGINT)
        assert node.wait() == 0, node.output
    seen = {
        frame.observation.stamp_ns: frame
        for frame in Frames(Tape(tmp_path / 'bag', CONTRACT), CONTRACT)
    }
    both = [m for m in live if convert.ns(m.header.stamp) >= min(seen)]
    assert len(both) >= LOOKS
    for msg in both:
        expected = convert.observation_from_msg(msg, CONTRACT)
        frame = seen[expected.stamp_ns]
        found = frame.observation
        assert (found.epoch, found.instruction) == (expected.epoch, expected.instruction)
        assert found.state_stamp_ns == expected.state_stamp_ns
        np.testing.assert_array_equal(found.state, expected.state)
        np.testing.assert_array_equal(found.state_velocity, expected.state_velocity)
        np.testing.assert_allclose(
            found.T_base_tool.matrix, expected.T_base_tool.matrix, atol=1e-12
        )
        for key, view in expected.views.items():
            np.testing.assert_array_equal(found.views[key].image, view.image)
            np.testing.assert_array_equal(found.views[key].K, view.K)
            assert found.views[key].stamp_ns == view.stamp_ns
            np.testing.assert_allclose(
                found.views[key].T_base_camera.matrix, view.T_base_camera.matrix, atol=1e-12
            )
        np.testing.assert_array_equal(frame.action, sensors.commanded[expected.stamp_ns])
