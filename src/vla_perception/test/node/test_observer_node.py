"""The observer beside played sensors: what comes out, and what is said where nothing does."""

import re
import signal
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rosgraph_msgs.msg import Clock

from vla_ros import convert
from vla_ros.watch import transport

pytestmark = pytest.mark.ros


def test_observations_are_of_the_captures_that_were_sent(stage):
    o = stage.observed()
    assert list(o.views) == ['scene', 'wrist']
    for key, view in o.views.items():
        np.testing.assert_array_equal(view.image, stage.robot.picture(key, view.stamp_ns))
    assert o.stamp_ns == o.views['scene'].stamp_ns
    assert 0 <= o.stamp_ns - o.state_stamp_ns < 50_000_000  # the same moment, unless it was late
    assert 0 <= o.assembled_ns - o.stamp_ns < 300_000_000
    assert (o.epoch, o.instruction, o.base_frame) == (4, 'reach the red block', 'base_link')
    T_base_tool = stage.robot.T_base_tool(o.stamp_ns)
    np.testing.assert_allclose(o.T_base_tool.matrix, T_base_tool.matrix, atol=1e-6)
    np.testing.assert_allclose(o.state_velocity, np.full(8, 0.1))
    frames = [view.image.header.frame_id for view in stage.observations[-1].views]
    assert frames == ['scene_optical_frame', 'wrist_optical_frame']
    stage.well('observation')


def test_sequence_counts_up_and_stamps_go_on(stage):
    stage.observed(6)
    sequences = np.array([o.sequence for o in stage.observations])
    stamps = np.array([convert.ns(o.header.stamp) for o in stage.observations])
    assert set(np.diff(sequences)) == {1}
    assert min(np.diff(stamps)) > 0


@pytest.mark.parametrize(
    ('stream', 'component', 'words'),
    [
        ('wrist', 'camera wrist', 'missing: no picture has come on camera/wrist/image_raw'),
        ('scene_info', 'camera scene', 'missing: no CameraInfo has come'),
        ('joint_states', 'joint_states', 'missing: nothing has come on joint_states'),
        ('tf', 'tf', 'no_transform: base_link <- tool: '),
        ('status', 'status', 'no_context: no executor status has come'),
    ],
)
def test_a_missing_input_makes_none_until_it_comes(stage, stream, component, words):
    stage.robot.skip = {stream}
    assert stage.silent(component, words) == 0
    stage.robot.skip = set()
    stage.observed()
    stage.well(component)


def test_the_log_says_in_one_line_what_is_missing(stage, graph, capfd):
    stage.robot.skip = {'wrist'}
    said = []

    def told():
        said.append(capfd.readouterr().err)
        return 'no observation' in ''.join(said)

    graph.until(told, 'a line in the log')
    lines = [line for line in ''.join(said).splitlines() if 'no observation' in line]
    wanted = (
        'no observation for 5 s: wrist: missing: no picture has come on camera/wrist/image_raw '
        f'(transport profile {transport()})'
    )
    assert len(lines) == 1
    assert lines[0].endswith(wanted)


@pytest.mark.parametrize(
    ('stream', 'component'), [('scene', 'camera scene'), ('joint_states', 'joint_states')]
)
def test_an_input_that_stops_makes_none_until_it_goes_on(stage, stream, component):
    stage.observed()
    stage.robot.skip = {stream}
    stage.error(component, 'stale: the newest is ')
    count = len(stage.observations)
    assert stage.silent(component, 'stale: the newest is ') == count
    stage.robot.skip = set()
    stage.observed()


def test_a_frozen_camera_makes_none_while_joints_move(stage):
    stage.robot.speed = 0.3
    stage.observed()
    stage.robot.frozen = {'wrist'}
    stage.error('camera wrist', 'frozen: the same picture for ')
    count = len(stage.observations)
    assert stage.silent('camera wrist', 'frozen: the same picture for ') == count
    stage.robot.frozen = set()
    stage.observed()


def test_a_robot_at_rest_before_a_still_scene_is_observed(stage):
    stage.robot.speed = 0.0
    stage.robot.frozen = {'scene', 'wrist'}
    stage.observed(12)  # longer than frozen_s
    stage.well('camera scene')


def test_pictures_of_another_encoding_or_size_make_none(stage):
    stage.robot.encoding['scene'] = 'yuv9'
    count = stage.silent('camera scene', 'unreadable: image.encoding: one of rgb8, ')
    assert count == 0
    stage.robot.encoding['scene'] = 'rgb8'
    stage.robot.size['scene'] = (48, 96)
    words = 'wrong_size: 48x96 pixels came, CameraInfo says 96x96'
    assert stage.silent('camera scene', words) == 0
    stage.robot.size['scene'] = (96, 96)
    stage.observed()


def test_compressed_pictures_are_decoded(make_stage):
    def compressed(top):
        top['cameras']['scene'] |= {'message': 'CompressedImage', 'topic': 'scene/compressed'}

    stage = make_stage(compressed)
    view = stage.observed().views['scene']
    np.testing.assert_array_equal(view.image, stage.robot.picture('scene', view.stamp_ns))


def test_pictures_are_cropped_turned_and_resized(make_stage):
    def framed(top):
        crop = {'crop': [16, 0, 64, 96], 'rotation': 90, 'width': 48, 'height': 32}
        top['cameras']['scene'] |= crop

    stage = make_stage(framed)
    stage.robot.size['scene'] = stage.robot.info_size['scene'] = (96, 96)
    view = stage.observed().views['scene']
    turned = np.rot90(stage.robot.picture('scene', view.stamp_ns)[:, 16:80], -1)
    halved = turned.reshape(32, 2, 48, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(view.image, halved, atol=0.51)
    np.testing.assert_allclose(view.K[:2, :2], np.diag([45.0, 45.0]))


def test_a_second_robot_has_its_own_topics_and_frames(make_stage):
    o = make_stage(namespace='/left', prefix='left').observed()
    assert o.base_frame == 'left/base_link'


def test_simulated_time_that_goes_back_begins_anew(graph, make_stage):
    clock = graph.talk(Clock, '/clock', 'clock', matched=False)
    now_ns = [100_000_000_000]

    def advance():
        now_ns[0] += 10_000_000
        clock.publish(Clock(clock=convert.stamp(now_ns[0])))

    graph.probe.create_timer(0.01, advance)
    stage = make_stage(clock=lambda: now_ns[0], use_sim_time=True)
    assert stage.observed().stamp_ns > 100_000_000_000
    now_ns[0] = 10_000_000_000
    graph.until(lambda: stage.observed(1).stamp_ns < 100_000_000_000, 'an early stamp')
    o = stage.observed()
    assert 10_000_000_000 < o.stamp_ns <= o.assembled_ns < 100_000_000_000


def test_nothing_is_published_while_inactive(stage):
    stage.observed()
    stage.node.trigger_deactivate()
    count = len(stage.observations)
    stage.says('observation', DiagnosticStatus.OK, 'inactive')
    assert len(stage.observations) <= count + 1  # one may have been on its way
    stage.node.trigger_activate()
    stage.observed()


@pytest.mark.parametrize(
    ('params', 'words'),
    [
        ({'contract': '/nowhere.yaml'}, '/nowhere.yaml: No such file'),
        ({}, 'contract: the file of a robot contract expected'),
        ({'wait_s': -1.0}, 'wait_s: a number, 0 .. 1 s expected, got -1.0'),
    ],
)
def test_a_wrong_parameter_ends_the_process_with_one_line(graph, contract_file, params, words):
    if 'wait_s' in params:
        params = params | {'contract': contract_file()[0]}
    process = graph.start('vla_perception.ros.node:ObserverNode', **params)
    assert process.wait() == 1
    lines = process.output.strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_a_signal_ends_the_process_with_0_and_no_trace(graph, contract_file):
    path, _ = contract_file()
    process = graph.start('vla_perception.ros.node:ObserverNode', contract=path)

    def runs():  # the graph may still know the node of a test before
        blocked = re.search(r'SigBlk:\s*(\w+)', Path(f'/proc/{process.pid}/status').read_text())
        waits = int(blocked[1], 16) >> (signal.SIGINT - 1) & 1
        return waits and 'observer' in graph.probe.get_node_names()

    graph.until(runs, 'the observer')
    process.signal(signal.SIGINT)
    assert process.wait() == 0
    assert 'Traceback' not in process.output
