"""The shell's pure parts: parameters, outputs, joint order, markers. Needs messages, no graph."""

import dataclasses

import numpy as np
import pytest
from visualization_msgs.msg import Marker

from vla_control.core.errors import ChunkRefused, SettingsError, StateRefused
from vla_control.core.settings import ExecutorSettings
from vla_control.ros.inputs import JointReader, read_chunk
from vla_control.ros.markers import Markers
from vla_control.ros.output import Output
from vla_control.ros.params import ExecutorParams
from vla_core.command import Command, ExecutorStatus, Mode
from vla_ros import convert
from vla_ros.params import build

pytestmark = pytest.mark.ros


def test_defaults_of_the_parameters_are_those_of_the_core():
    assert build(ExecutorParams, {}).settings() == ExecutorSettings()


def test_every_setting_is_a_parameter():
    names = {f.name for f in dataclasses.fields(ExecutorSettings)} - {'modes'}
    assert names < {f.name for f in dataclasses.fields(ExecutorParams)}
    changed = build(ExecutorParams, {'mode_velocity': 'stop', 'execute_rows': 2}).settings()
    assert (changed.modes['velocity'], changed.execute_rows) == ('stop', 2)


@pytest.mark.parametrize('interface', ['JointTrajectory', 'Float64MultiArray', 'JointState'])
def test_outputs_carry_positions_in_the_order_of_the_contract(contracts, interface):
    contract = contracts['jointed']
    contract = dataclasses.replace(
        contract, output=dataclasses.replace(contract.output, interface=interface)
    )
    q, v = np.arange(7.0), np.arange(7.0) / 10
    msg = Output(contract).message(Command(5 * 10**9, 1, 1, contract.output.joints, q, v, 's'))
    if interface == 'JointTrajectory':
        assert msg.joint_names == list('abcdef') + ['jaw']
        assert list(msg.points[0].positions) == q.tolist()
        assert list(msg.points[0].velocities) == v.tolist()
        assert convert.ns(msg.points[0].time_from_start) == contract.rates.control_ns
    elif interface == 'JointState':
        assert (list(msg.position), list(msg.velocity)) == (q.tolist(), v.tolist())
        assert convert.ns(msg.header.stamp) == 5 * 10**9
    else:
        assert list(msg.data) == q.tolist()


def test_an_interface_for_poses_is_refused(contracts):
    contract = contracts['jointed']
    output = dataclasses.replace(contract.output, interface='PoseStamped')
    with pytest.raises(SettingsError, match="output.interface: .* got 'PoseStamped'"):
        Output(dataclasses.replace(contract, output=output))


def test_joints_are_found_by_name_whatever_else_is_told():
    reader = JointReader(('b', 'a'))
    msg = convert.joint_state_to_msg(7, ('a', 'x', 'b'), np.array([1.0, 9, 2]), np.zeros(3))
    stamp, positions, velocities = reader.read(msg)
    assert (stamp, positions.tolist(), velocities.tolist()) == (7, [2.0, 1.0], [0.0, 0.0])
    msg = convert.joint_state_to_msg(7, ('b', 'a'), np.array([1.0, 2.0]), np.zeros(2))
    msg.velocity = []
    assert reader.read(msg)[1].tolist() == [1.0, 2.0]
    assert reader.read(msg)[2] is None
    msg = convert.joint_state_to_msg(7, ('a', 'x'), np.zeros(2), np.zeros(2))
    with pytest.raises(StateRefused, match="joint 'b' expected among a, x"):
        reader.read(msg)


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        (lambda m: m.data.__setitem__(3, float('inf')), 'not_finite'),
        (lambda m: setattr(m, 'horizon', 5), 'malformed'),
        (lambda m: setattr(m.t0, 'sec', 0) or setattr(m.t0, 'nanosec', 0), 'malformed'),
        (lambda m: setattr(m, 'columns', ['x'] * 10), 'malformed'),
    ],
)
def test_malformed_chunks_are_refused_with_a_typed_reason(rig, change, reason):
    rig = rig()
    msg = convert.chunk_to_msg(rig.chunk(rig.glide()))
    assert read_chunk(msg).horizon == 16
    change(msg)
    with pytest.raises(ChunkRefused) as caught:
        read_chunk(msg)
    assert caught.value.reason == reason


def status(mode=Mode.RUNNING, epoch=1, **changes):
    return ExecutorStatus(10**9, mode, epoch, 'go', 's', **changes)


def test_markers_begin_anew_with_an_epoch_and_say_why_it_is_stopped():
    markers = Markers('base_link')
    plan = np.array([[0.0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]])
    for k in range(4):
        array = markers.build(status(), plan, np.array([k, 0.0, 0.0]))
    predicted, executed, _, gate = array.markers
    assert [p.x for p in predicted.points] == [0.0, 1.0, 2.0]
    assert [p.x for p in executed.points] == [0.0, 1.0, 2.0, 3.0]
    assert {m.header.frame_id for m in array.markers} == {'base_link'}
    stopped = status(Mode.STOPPED, epoch=2, stop_reason='a wall', last_refusal='velocity: fast')
    predicted, executed, spread, gate = markers.build(stopped, None, np.zeros(3)).markers
    assert predicted.action == executed.action == spread.action == Marker.DELETE
    assert gate.text.splitlines() == [
        'stopped: a wall',
        'go',
        'clipped 0, refused 0, held 0, stops 0',
        'velocity: fast',
    ]


def test_the_spread_is_points_and_those_of_one_time_have_one_colour():
    times = np.array([30, 40, 50, 30, 40, 50]) * 10**6
    positions = np.arange(18.0).reshape(6, 3)
    spread = Markers('base_link').build(status(), None, None, (times, positions)).markers[2]
    assert (spread.ns, spread.type, spread.action) == ('spread', Marker.POINTS, Marker.ADD)
    assert [(p.x, p.y, p.z) for p in spread.points] == [tuple(row) for row in positions]
    assert spread.colors[:3] == spread.colors[3:]
    assert spread.colors[0].r > spread.colors[1].r > spread.colors[2].r  # soon is orange
    assert spread.scale.x == spread.scale.y > 0
