"""Sensors that the test plays, and the observer beside them, in a graph of their own."""

import os
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from vla_core.command import ExecutorStatus, Mode
from vla_core.contract import load
from vla_core.se3 import SE3

os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'  # read by the setters of messages, on import

if find_spec('rclpy'):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
    from rclpy.parameter import Parameter
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
    from tf2_msgs.msg import TFMessage
    from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg
    from vla_msgs.msg import Observation as ObservationMsg

    from vla_perception.ros.node import ObserverNode
    from vla_ros import convert
    from vla_ros.testing import Graph
    from vla_ros.tf import Transform, prefixed, transforms_to_msg

    IMAGES = {'Image': Image, 'CompressedImage': CompressedImage}
else:
    collect_ignore_glob = ['test_*.py']

TABLETOP = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
STEP_S = 0.02
STEPS_PER_PICTURE = 5
K = np.array([[90.0, 0.0, 31.5], [0.0, 90.0, 31.5], [0.0, 0.0, 1.0]])
T_TOOL_WRIST = SE3.exp(np.array([0.0, 0.05, -0.1, 0.3, 0.0, 0.2]))


class PlayedRobot:
    """Publishes what a robot's drivers do: joints and tf at 50 Hz, pictures at 10 Hz.

    Attributes:
        skip: Streams that are silent: camera keys, `<key>_info`, `joint_states`, `tf`, `status`.
        frozen: Cameras that send one picture for ever, under new stamps.
        speed: Of every joint, rad/s or m/s.
        encoding: Of the pictures, by camera.
        size: (width, height) of the pictures, by camera.
        info_size: (width, height) that CameraInfo says, by camera.
        K: (3, 3) intrinsics of every camera.
        T_tool_wrist: Where the wrist camera sits.
    """

    K, T_tool_wrist = K, T_TOOL_WRIST

    def __init__(self, graph, contract, namespace, prefix, clock):
        self.skip, self.frozen, self.speed = set(), set(), 0.1
        self.size = {k: (c.width, c.height) for k, c in contract.cameras.items()}
        self.info_size = dict(self.size)
        self.encoding = dict.fromkeys(contract.cameras, 'rgb8')
        self._contract, self._prefix, self._clock = contract, prefix, clock
        self._ticks, self._q, self._q_ns = 0, np.linspace(-0.4, 0.4, 8), clock()

        def talk(kind, topic, profile):
            name = topic if topic.startswith('/') else f'{namespace}/{topic}'
            return graph.talk(kind, name, profile)

        cameras = contract.cameras.items()
        self._images = {k: talk(IMAGES[c.message], c.topic, 'sensor') for k, c in cameras}
        self._infos = {k: talk(CameraInfo, c.camera_info, 'sensor') for k, c in cameras}
        self._joints = talk(JointState, contract.state.topic, 'sensor')
        self._tf = talk(TFMessage, '/tf', 'tf')
        self._tf_static = talk(TFMessage, '/tf_static', 'tf_static')
        self._status = talk(ExecutorStatusMsg, 'vla/status', 'status')
        graph.probe.create_timer(STEP_S, self._tick)

    def T_base_tool(self, ns):  # noqa: N802
        """Turns and slides steadily."""
        s = (ns % 10**12) / 1e9
        R = SE3.exp(np.array([0.0, 0.0, 0.0, 0.0, 0.05 * s, 0.0])).R
        return SE3(R, np.array([0.3 + 0.01 * s, 0.1, 0.2]))

    def picture(self, key, ns):
        """The picture of a capture."""
        width, height = self.size[key]
        seed = 1 if key in self.frozen else ns
        return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)

    def _tick(self):
        ns = self._clock()
        self._q, self._q_ns = self._q + self.speed * (ns - self._q_ns) / 1e9, ns
        if 'joint_states' not in self.skip:
            names, qd = self._contract.state.names, np.full(8, self.speed)
            self._joints.publish(convert.joint_state_to_msg(ns, names, self._q, qd))
        if 'tf' not in self.skip:
            self._send(self._tf, ('base_link', 'tool', self.T_base_tool(ns)), stamp_ns=ns)
        if self._ticks == 0:
            scene = ('base_link', 'scene_optical_frame', SE3())
            wrist = ('tool', 'wrist_optical_frame', T_TOOL_WRIST)
            self._send(self._tf_static, scene, wrist)
        if self._ticks % STEPS_PER_PICTURE == 0:
            for key in self._contract.cameras:
                self._take_picture(key, ns)
            if 'status' not in self.skip:
                status = ExecutorStatus(ns, Mode.RUNNING, 4, 'reach the red block', '')
                self._status.publish(convert.status_to_msg(status))
        self._ticks += 1

    def _send(self, publisher, *edges, stamp_ns=0):
        named = [(prefixed(self._prefix, a), prefixed(self._prefix, b), T) for a, b, T in edges]
        publisher.publish(transforms_to_msg(Transform(*edge, stamp_ns) for edge in named))

    def _take_picture(self, key, ns):
        camera = self._contract.cameras[key]
        frame = prefixed(self._prefix, camera.optical_frame)
        if f'{key}_info' not in self.skip:
            info = convert.camera_info_to_msg(ns, frame, *self.info_size[key], K)
            self._infos[key].publish(info)
        if key not in self.skip:
            self._images[key].publish(self._image(key, ns, frame))

    def _image(self, key, ns, frame):
        image = self.picture(key, ns)
        if self._contract.cameras[key].message == 'Image':
            msg = convert.image_to_msg(image, ns, frame)
            msg.encoding = self.encoding[key]
            return msg
        png = cv2.imencode('.png', image[:, :, ::-1])[1]
        msg = CompressedImage(format='png', data=png.tobytes())
        msg.header.stamp = convert.stamp(ns)
        return msg


class Stage:
    """The observer, the robot it looks at, and what it says.

    Attributes:
        observations: Messages on `vla/observation`, growing.
    """

    def __init__(self, graph, path, contract, namespace='', prefix='', clock=None, **params):
        self._graph, self._contract, self._namespace = graph, contract, namespace
        given = {'contract': str(path), 'frame_prefix': prefix} | params
        self.node = ObserverNode(
            namespace=namespace,
            parameter_overrides=[Parameter(name, value=value) for name, value in given.items()],
        )
        graph.add(self.node)
        assert self.node.begin()
        topic, health = f'{namespace}/vla/observation', f'{namespace}/diagnostics'
        self.observations = graph.listen(ObservationMsg, topic, 'observation')
        self._health = graph.listen(DiagnosticArray, health, 'reliable')
        wall = graph.probe.get_clock()
        self.robot = PlayedRobot(
            graph, contract, namespace, prefix, clock or (lambda: wall.now().nanoseconds)
        )

    def said(self, component):
        """The last status of a component, None before the first."""
        name = f'{self._namespace}/observer: {component}'.lstrip('/')
        for array in reversed(self._health):
            for status in array.status:
                if status.name == name:
                    return status
        return None

    def observed(self, count=3):
        """Wait for further observations; return the last one."""
        goal = len(self.observations) + count
        self._graph.until(lambda: len(self.observations) >= goal, f'{count} more observations')
        return convert.observation_from_msg(self.observations[-1], self._contract)

    def says(self, component, level, words=''):
        """Wait until a component is at this level and says these words."""

        def said():
            status = self.said(component)
            return status and status.level == level and words in status.message

        self._graph.until(said, f'{component} says {words!r} at level {level!r}')

    def well(self, component):
        """Wait until a component is in good health."""
        self.says(component, DiagnosticStatus.OK)

    def error(self, component, words):
        """Wait until a component is in error and says these words."""
        self.says(component, DiagnosticStatus.ERROR, words)

    def silent(self, component, words):
        """Wait until a component is in error, and the observer has been silent for a second.

        Returns:
            The number of observations so far.
        """
        self.error(component, words)
        self.error('observation', f'none: {component.removeprefix("camera ")}: {words}')
        return len(self.observations)


@pytest.fixture
def graph():
    with Graph() as graph:
        yield graph


@pytest.fixture
def contract_file(tmp_path, contract):
    """Write a contract that differs from the tabletop's; return its path and itself."""

    def make(change=lambda top: None):
        top = yaml.safe_load(TABLETOP.read_text())
        top['model']['mjcf'] = str(contract.model.mjcf)
        change(top)
        path = tmp_path / 'robot.yaml'
        path.write_text(yaml.safe_dump(top, sort_keys=False))
        return path, load(path)

    return make


@pytest.fixture
def make_stage(graph, contract_file):
    def make(change=lambda top: None, **options):
        return Stage(graph, *contract_file(change), **options)

    return make


@pytest.fixture
def stage(make_stage):
    return make_stage()
