"""The simulated robot in a graph: it looks and obeys like a driver, and says why it refuses."""

import signal

import numpy as np
import pytest
from builtin_interfaces.msg import Duration
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
from vla_msgs.msg import SimOutcome, SimState
from vla_msgs.srv import SimInject, SimReset

from vla_ros import convert
from vla_ros.testing import Graph
from vla_ros.tf import transforms_from_msg
from vla_sim.ros import messages
from vla_sim.ros.robot import RobotNode

pytestmark = pytest.mark.ros


@pytest.fixture
def graph():
    with Graph() as graph:
        yield graph


@pytest.fixture
def robot(graph, contract_path):
    """The robot in this process, active."""
    node = RobotNode(parameter_overrides=[Parameter('contract', value=str(contract_path))])
    graph.add(node)
    assert node.begin()
    yield node
    node.end('test')


def go(names, positions, stamp_ns=0):
    msg = JointTrajectory(
        joint_names=list(names), points=[JointTrajectoryPoint(positions=list(positions))]
    )
    msg.header.stamp = convert.stamp(stamp_ns)
    return msg


def test_it_publishes_what_the_contract_says(graph, robot, contract):
    joints = graph.listen(JointState, contract.state.topic, 'sensor')
    images = {k: graph.listen(Image, c.topic, 'sensor') for k, c in contract.cameras.items()}
    infos = {
        k: graph.listen(CameraInfo, c.camera_info, 'sensor') for k, c in contract.cameras.items()
    }
    graph.until(lambda: all(len(x) > 2 for x in [joints, *images.values(), *infos.values()]))
    assert tuple(joints[-1].name) == contract.state.names
    assert len(joints[-1].velocity) == len(contract.state.names)
    for key, camera in contract.cameras.items():
        picture = convert.image_from_msg(images[key][-1])
        info = convert.camera_info_from_msg(infos[key][-1])
        assert picture.shape == (camera.height, camera.width, 3)
        assert picture.std() > 10
        assert (info.width, info.height) == (camera.width, camera.height)
        assert info.frame == images[key][-1].header.frame_id == camera.optical_frame
    steps = np.diff([convert.ns(i.header.stamp) for i in images['scene']])
    assert np.median(steps) == pytest.approx(contract.rates.observation_ns, rel=0.3)


def test_its_frames_form_a_tree_from_base_to_cameras(graph, robot, contract):
    moving = graph.listen(TFMessage, '/tf', 'tf')
    fixed = graph.listen(TFMessage, '/tf_static', 'tf_static_all')
    graph.until(lambda: moving and fixed)
    tool = transforms_from_msg(moving[-1])[0]
    assert (tool.parent, tool.child) == ('base_link', 'tool')
    np.testing.assert_allclose(tool.T_parent_child.R, np.diag([-1, 1, -1]), atol=0.01)
    edges = {(t.parent, t.child) for t in transforms_from_msg(fixed[-1], static=True)}
    assert edges == {('base_link', 'scene_optical_frame'), ('tool', 'wrist_optical_frame')}


def test_it_obeys_its_controller_and_refuses_with_one_line(graph, robot, contract):
    joints = graph.listen(JointState, contract.state.topic, 'sensor')
    command = graph.talk(JointTrajectory, contract.output.topic, 'command')
    graph.until(lambda: joints)
    before = joints[-1].position[0]
    for refused in (
        go(['joint9'], [0.5]),
        go(['joint1'], [float('nan')]),
        JointTrajectory(joint_names=['joint1']),
    ):
        command.publish(refused)
    command.publish(go(['joint1'], [before + 0.2]))
    graph.until(lambda: joints[-1].position[0] > before + 0.19, 'joint1 at its target')
    assert joints[-1].position[0] < before + 0.21


def test_a_command_from_before_a_reset_is_not_followed(graph, robot, contract):
    joints = graph.listen(JointState, contract.state.topic, 'sensor')
    command = graph.talk(JointTrajectory, contract.output.topic, 'command')
    answer = graph.call(SimReset, 'sim/reset', SimReset.Request(task='pick', seed=3))
    start = convert.ns(answer.start)
    graph.until(lambda: joints and convert.ns(joints[-1].header.stamp) > start)
    before = np.array(joints[-1].position)
    command.publish(go(['joint1'], [before[0] + 0.5], start - 1))
    command.publish(go(['joint3'], [before[2] + 0.1], start + 1))  # the sentinel
    graph.until(lambda: joints[-1].position[2] > before[2] + 0.09, 'the later command')
    assert abs(joints[-1].position[0] - before[0]) < 0.02


def test_an_episode_is_set_up_told_and_timed(graph, robot):
    outcomes = graph.listen(SimOutcome, 'sim/outcome', 'latched')
    states = graph.listen(SimState, 'sim/state', 'reliable')
    answer = graph.call(SimReset, 'sim/reset', SimReset.Request(task='place', seed=5))
    assert answer.accepted
    assert answer.target in answer.instruction or answer.target.split()[0] in answer.instruction
    assert answer.time_limit == Duration(sec=13)
    graph.until(lambda: outcomes and outcomes[-1].task == 'place')
    graph.until(lambda: states and states[-1].seed == 5)
    assert not outcomes[-1].success
    assert not outcomes[-1].over
    world = messages.state_from_msg(states[-1])
    assert set(world.objects) == {
        'red block',
        'green block',
        'blue cylinder',
        'yellow cylinder',
    }
    assert world.finger == pytest.approx(0.04, abs=1e-3)
    same = graph.call(SimReset, 'sim/reset', SimReset.Request(task='place', seed=5))
    assert same.instruction == answer.instruction
    seen = len(states)
    graph.until(lambda: len(states) > seen + 1)
    assert messages.state_from_msg(states[-1]).objects.keys() == world.objects.keys()
    for name, pose in messages.state_from_msg(states[-1]).objects.items():
        np.testing.assert_allclose(pose.position, world.objects[name].position, atol=1e-4)


@pytest.mark.parametrize(
    ('request_', 'named'),
    [
        (SimReset.Request(task='juggle'), 'juggle'),
        (SimReset.Request(task='pick', seed=-1), 'seed'),
        (SimReset.Request(task='pick', instruction='sing'), 'sing'),
        (SimReset.Request(task='pick', phrasing='loud'), 'loud'),
    ],
)
def test_an_impossible_episode_is_refused_with_a_reason(graph, robot, request_, named):
    answer = graph.call(SimReset, 'sim/reset', request_)
    assert not answer.accepted
    assert named in answer.reason
    assert '\n' not in answer.reason


def test_faults_are_injected_and_ended(graph, robot, contract):
    scene = graph.listen(Image, contract.cameras['scene'].topic, 'sensor')
    wrist = graph.listen(Image, contract.cameras['wrist'].topic, 'sensor')
    graph.until(lambda: scene and wrist)
    fault = SimInject.Request(camera='wrist', drop_rate=1.0)
    assert graph.call(SimInject, 'sim/inject', fault).accepted
    graph.until(lambda: len(scene) > 3, 'pictures after the fault')
    lost_at, count = len(wrist), len(scene)
    graph.until(lambda: len(scene) > count + 4, 'scene pictures')
    assert len(wrist) == lost_at
    assert graph.call(SimInject, 'sim/inject', SimInject.Request()).accepted
    graph.until(lambda: len(wrist) > lost_at + 1, 'wrist pictures again')
    refused = graph.call(SimInject, 'sim/inject', SimInject.Request(drop_rate=2.0))
    assert not refused.accepted
    assert 'drop_rate' in refused.reason


def test_a_delayed_picture_keeps_its_stamp(graph, robot, contract):
    images = graph.listen(Image, contract.cameras['scene'].topic, 'sensor')
    joints = graph.listen(JointState, contract.state.topic, 'sensor')
    request = SimInject.Request(camera_delay=Duration(nanosec=400_000_000))
    assert graph.call(SimInject, 'sim/inject', request).accepted
    count = len(images)
    graph.until(lambda: len(images) > count + 6 and joints)
    age = convert.ns(joints[-1].header.stamp) - convert.ns(images[-1].header.stamp)
    assert age >= 390_000_000


def test_under_simulated_time_it_is_the_clock(graph, contract_path):
    node = RobotNode(
        parameter_overrides=[
            Parameter('contract', value=str(contract_path)),
            Parameter('use_sim_time', value=True),
        ]
    )
    graph.add(node)
    clock = graph.listen(Clock, '/clock', 'clock', matched=False)
    joints = graph.listen(JointState, 'joint_states', 'sensor', matched=False)
    assert node.begin()
    graph.until(lambda: len(clock) > 20 and len(joints) > 20)
    times = [convert.ns(c.clock) for c in clock]
    assert times == sorted(times)
    assert times[-1] < 60 * 10**9
    stamps = {convert.ns(j.header.stamp) for j in joints}
    assert stamps & set(times)
    node.end('test')


def test_the_simulated_clock_jumps_and_pauses_on_demand(graph, contract_path):
    node = RobotNode(
        parameter_overrides=[
            Parameter('contract', value=str(contract_path)),
            Parameter('use_sim_time', value=True),
        ]
    )
    graph.add(node)
    clock = graph.listen(Clock, '/clock', 'clock', matched=False)
    assert node.begin()

    def inject(**faults):
        assert graph.call(SimInject, 'sim/inject', SimInject.Request(**faults)).accepted

    def now_s():
        return convert.ns(clock[-1].clock) / 1e9 if clock else 0.0

    graph.until(lambda: now_s() > 1.2, 'time')
    inject(clock_jump=Duration(sec=100))
    graph.until(lambda: now_s() > 101.0, 'the jump forward')
    inject(clock_jump=Duration(sec=-90))
    graph.until(lambda: now_s() < 20.0, 'the jump back')
    inject(clock_jump=Duration(sec=-100))
    graph.until(lambda: now_s() < 5.0, 'the jump to the start')
    assert now_s() >= 1.0
    inject(clock_pause=True)
    heard = len(clock)  # the answer came after the last tick
    assert graph.call(SimReset, 'sim/reset', SimReset.Request(task='pick', seed=3)).accepted
    assert len(clock) <= heard + 1  # one was under way
    inject()
    graph.until(lambda: len(clock) > heard + 5, 'time going on')
    node.end('test')


def test_a_clock_that_is_not_its_own_is_left_alone(graph, robot):
    for request in (
        SimInject.Request(clock_pause=True),
        SimInject.Request(clock_jump=Duration(sec=1)),
    ):
        answer = graph.call(SimInject, 'sim/inject', request)
        assert not answer.accepted
        assert 'use_sim_time' in answer.reason


def test_as_a_process_it_ends_cleanly(graph, contract_path):
    process = graph.start('vla_sim.ros.robot:RobotNode', contract=contract_path)
    joints = graph.listen(JointState, 'joint_states', 'sensor')
    graph.until(lambda: joints, 'joint states')
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    assert 'Traceback' not in process.output


@pytest.mark.parametrize(
    ('name', 'value', 'named'), [('task', 'juggle', 'juggle'), ('seed', '-3', 'seed')]
)
def test_a_wrong_parameter_is_refused_with_one_line(graph, contract_path, name, value, named):
    process = graph.start('vla_sim.ros.robot:RobotNode', contract=contract_path, **{name: value})
    assert process.wait() == 1
    assert named in process.output
    assert 'Traceback' not in process.output
