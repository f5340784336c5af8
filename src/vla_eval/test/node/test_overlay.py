"""`vla/overlay/<camera>` against the renderer: what is drawn at an object lies where it is seen.

The oracle is MuJoCo's segmentation of the scene in the configuration that the simulator tells:
neither CameraInfo, nor tf, nor any projection of ours has a part in it.
"""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

import mujoco  # noqa: E402
from geometry_msgs.msg import Point  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import ColorRGBA  # noqa: E402
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint  # noqa: E402
from visualization_msgs.msg import Marker, MarkerArray  # noqa: E402
from vla_msgs.msg import SimState  # noqa: E402
from vla_msgs.srv import SimReset  # noqa: E402

from vla_core.contract import load  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402
from vla_sim.core import scene  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

CONTRACT = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
HALF_M = 0.004  # of the line that is drawn
MAGENTA = ColorRGBA(r=1.0, b=1.0, a=1.0)
LEAST_PX = 40  # of an object, so that its middle is where its centre is
SEED = 3


def middle(light):
    v, u = np.indices(light.shape)
    return np.array([(u * light).sum(), (v * light).sum()]) / light.sum()


class Segmentation:
    """Which object is seen where in a configuration that is told."""

    def __init__(self, contract):
        self._model, self._contract = scene.build(contract.model.mjcf), contract
        self._data = mujoco.MjData(self._model)

    def middles(self, key, state):
        """Return the middle of each object that is seen whole, px (u, v), by name."""
        model, data, camera = self._model, self._data, self._contract.cameras[key]
        for name, q in zip(state.joint_names, state.joint_positions, strict=True):
            data.joint(name).qpos[:] = q
        base = model.body(self._contract.model.base_link).pos  # its axes are the world's
        for name, pose in zip(state.object_names, state.object_poses, strict=True):
            if model.body(name).jntnum[0]:
                p, q = pose.position, pose.orientation
                place = [*(base + [p.x, p.y, p.z]), q.w, q.x, q.y, q.z]
                data.joint(int(model.body(name).jntadr[0])).qpos[:] = place
        mujoco.mj_forward(model, data)
        with mujoco.Renderer(model, camera.height, camera.width) as renderer:
            renderer.enable_segmentation_rendering()
            renderer.update_scene(data, camera=key)
            geoms = renderer.render()[..., 0]
        masks = {name: geoms == model.geom(name).id for name in scene.OBJECTS}
        return {name: middle(m) for name, m in masks.items() if _whole(m)}


def _whole(mask):
    return LEAST_PX <= mask.sum() == mask[1:-1, 1:-1].sum()


class Stage:
    """The simulated robot and the observer as processes, and a plan that the test draws."""

    def __init__(self, graph, contract):
        self._graph, self._contract = graph, contract
        graph.start('vla_sim.ros.robot:RobotNode', contract=CONTRACT)
        graph.start('vla_perception.ros.node:ObserverNode', contract=CONTRACT)
        self.states = graph.listen(SimState, 'sim/state', 'reliable')
        cameras = contract.cameras
        self._raw = {k: graph.listen(Image, c.topic, 'sensor') for k, c in cameras.items()}
        self._shown = {k: graph.listen(Image, f'vla/overlay/{k}', 'sensor') for k in cameras}
        self._command = graph.talk(JointTrajectory, contract.output.topic, 'command')
        self._markers = graph.talk(MarkerArray, 'vla/markers', 'reliable')

    def turn(self, **joints):
        """Turn joints by so much (rad), and wait until the arm rests there."""
        now = dict(zip(self.states[-1].joint_names, self.states[-1].joint_positions, strict=True))
        goal = {name: now[name] + by for name, by in joints.items()}
        point = JointTrajectoryPoint(positions=list(goal.values()))
        self._command.publish(JointTrajectory(joint_names=list(goal), points=[point]))

        def rests():
            state = self.states[-1]
            at = dict(zip(state.joint_names, state.joint_positions, strict=True))
            near = all(abs(at[name] - q) < 0.01 for name, q in goal.items())
            return near and np.abs(state.joint_velocities).max() < 1e-3

        self._graph.until(rests, f'rest at {goal}')

    def drawn(self, key, place):
        """Draw a short line at a place; return the middle of what changed in the picture, px."""
        marker = Marker(ns='predicted', type=Marker.LINE_STRIP, color=MAGENTA)
        marker.header.frame_id = self._contract.model.base_link
        x, y, z = place
        marker.points = [Point(x=x, y=y - HALF_M, z=z), Point(x=x, y=y + HALF_M, z=z)]
        self._graph.until(lambda: self._told(key, []) == 0.0, f'{key} without a line')
        self._graph.until(lambda: self._told(key, [marker]), f'a line in {key}')
        return middle(self._difference(key))

    def _told(self, key, markers):
        """Tell the markers; how much the newest overlay differs from its picture."""
        self._markers.publish(MarkerArray(markers=markers))
        difference = self._difference(key)
        return None if difference is None else float(difference.sum())

    def _difference(self, key):
        """The newest overlay against the picture of its stamp, None while there is none."""
        raw = {convert.ns(m.header.stamp): m for m in self._raw[key][-30:]}
        for shown in self._shown[key][-1:]:
            if picture := raw.get(convert.ns(shown.header.stamp)):
                a, b = map(convert.image_from_msg, (shown, picture))
                return np.abs(a.astype(int) - b).sum(axis=2)
        return None


def place_of(state, name):
    p = state.object_poses[list(state.object_names).index(name)].position
    return p.x, p.y, p.z


@pytest.mark.parametrize('turned', [{}, {'joint1': 0.12, 'joint6': 0.08}], ids=['home', 'turned'])
def test_a_plan_to_an_object_is_drawn_where_the_renderer_shows_it(turned):
    contract = load(CONTRACT)
    with Graph() as graph:
        stage = Stage(graph, contract)
        graph.call(SimReset, 'sim/reset', SimReset.Request(task='reach', seed=SEED))
        graph.until(lambda: stage.states[-1].seed == SEED, 'the episode')
        if turned:
            stage.turn(**turned)
        for key in contract.cameras:
            state = stage.states[-1]
            middles = Segmentation(contract).middles(key, state)
            assert middles, f'no object is seen whole in {key}'
            for name, wanted in middles.items():
                found = stage.drawn(key, place_of(state, name))
                assert np.linalg.norm(found - wanted) < 1.5, (key, name, found, wanted)
