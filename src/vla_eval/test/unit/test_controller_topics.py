"""What other systems tell their controllers, as the executed action: when each point counts."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rosbags.rosbag2 import Reader as RosbagsReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from vla_core.contract import load
from vla_eval.bench._bags.made import BEGIN_NS, Made, Script, joints
from vla_eval.core.bags.controller import Setpoints
from vla_eval.core.bags.sensors import JointReading
from vla_eval.core.bags.tape import Tape
from vla_eval.core.errors import BagError
from vla_eval.core.lerobot.dataset import LerobotDataset
from vla_eval.core.lerobot.to_dataset import Conversion
from vla_eval.core.openloop import figures
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.openloop.measured import measure
from vla_eval.core.openloop.paths import Geometry
from vla_policy.core.hold import HoldPolicy

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
NAMES = CONTRACT.output.joints
ORDER = [CONTRACT.state.names.index(name) for name in NAMES]
STORE = get_typestore(Stores.ROS2_JAZZY)
SECOND, MS = 1_000_000_000, 1_000_000
NOW = 50 * SECOND
ON_THE_WAY_S = 0.002  # of a made bag's messages, from stamp to arrival
WORDS = 'reach the red block'


def told_by(interface, topic='arm/told'):
    """Return the contract of a robot whose controller is told on another topic."""
    output = dataclasses.replace(CONTRACT.output, interface=interface, topic=topic)
    return dataclasses.replace(CONTRACT, output=output)


def following(interface='JointTrajectory'):
    return Setpoints(Path('bag'), '/arm/told', told_by(interface))


def clock(ns):
    return SimpleNamespace(sec=ns // SECOND, nanosec=ns % SECOND)


def trajectory(*points, stamp_ns=0, names=NAMES):
    """Return a JointTrajectory of (seconds, value of every joint, derivatives ...)."""
    made = [
        SimpleNamespace(
            time_from_start=clock(round(seconds * SECOND)),
            positions=np.full(len(names), value),
            velocities=np.full(len(names), more[0]) if more else np.zeros(0),
            accelerations=np.full(len(names), more[1]) if more[1:] else np.zeros(0),
        )
        for seconds, value, *more in points
    ]
    header = SimpleNamespace(stamp=clock(stamp_ns))
    return SimpleNamespace(header=header, joint_names=list(names), points=made)


def at(value, speed=None):
    """Return joints that were measured, all alike."""
    names = CONTRACT.state.names
    speeds = None if speed is None else np.full(len(names), speed)
    return JointReading(NOW, names, np.full(len(names), value), speeds)


def seen(rows):
    """Return {ms since NOW: value of the first joint}."""
    return {round((t - NOW) / MS, 3): round(float(q[0]), 9) for t, q in rows}


def test_a_point_counts_at_the_arrival_plus_its_time_from_start():
    told = following()
    assert told.take(trajectory((0.05, 1.0), (0.08, 4.0)), NOW, at(0.0)) == []
    assert seen(told.until(NOW + 20 * MS)) == {10: 0.2, 20: 0.4}
    later = seen(told.until(NOW + SECOND))
    assert later == {30: 0.6, 40: 0.8, 50: 1.0, 60: 2.0, 70: 3.0, 80: 4.0}
    assert list(told.until(NOW + 2 * SECOND)) == []  # held, not commanded


def test_a_stamp_is_the_start_and_what_is_past_on_arrival_is_not_told():
    told = following()
    points = trajectory((0.01, 1.0), (0.05, 5.0), (0.06, 6.0), stamp_ns=NOW - 30 * MS)
    told.take(points, NOW, at(9.0))
    assert seen(told.until(NOW + SECOND)) == {10: 4.0, 20: 5.0, 30: 6.0}
    told.take(trajectory((0.01, 1.0), stamp_ns=NOW + 90 * MS), NOW + 80 * MS, at(0.0))
    assert seen(told.until(NOW + SECOND)) == {90: 0.5, 100: 1.0}


def test_a_trajectory_that_is_over_on_arrival_changes_nothing():
    told = following()
    told.take(trajectory((0.04, 4.0)), NOW, at(0.0))
    rows = told.take(trajectory((0.01, 9.0), stamp_ns=NOW - SECOND), NOW + 15 * MS, at(0.0))
    assert seen([*rows, *told.until(NOW + SECOND)]) == {10: 1.0, 20: 2.0, 30: 3.0, 40: 4.0}


def test_another_trajectory_takes_the_place_of_the_one_before():
    told = following()
    told.take(trajectory((0.1, 10.0)), NOW, at(0.0))
    rows = told.take(trajectory((0.02, 3.0)), NOW + 25 * MS, at(2.0))
    assert seen(rows) == {10: 1.0, 20: 2.0, 25: 2.5}
    assert seen(told.until(NOW + SECOND)) == {35: 2.5, 45: 3.0}
    told.take(trajectory((0.1, 10.0)), NOW + SECOND, at(0.0))
    rows = told.take(trajectory(), NOW + SECOND + 15 * MS, at(0.0))  # no point: stop
    assert seen(rows) == {1010: 1.0, 1015: 1.5}
    assert list(told.until(NOW + 9 * SECOND)) == []


@pytest.mark.parametrize(
    ('degree', 'told_of'), [(1, 1), (3, 2), (5, 3)], ids=['linear', 'cubic', 'quintic']
)
def test_between_points_it_goes_by_what_is_told_of_them(degree, told_of):
    path = np.polynomial.Polynomial(np.arange(1.0, degree + 2))  # of that degree: met exactly
    points = [
        (seconds, *(path.deriv(k)(seconds) if k else path(seconds) for k in range(told_of)))
        for seconds in (0.1, 0.4)
    ]
    told = following()
    told.take(trajectory(*points), NOW, None)  # nothing was measured: it begins with the points
    rows = list(told.until(NOW + SECOND))
    assert [t for t, _ in rows] == list(range(NOW + 100 * MS, NOW + 401 * MS, 10 * MS))
    expected = [path((t - NOW) / SECOND) for t, _ in rows]
    np.testing.assert_allclose([q for _, q in rows], np.tile(expected, (len(NAMES), 1)).T)


def test_from_where_it_stood_it_goes_at_the_speed_that_was_measured():
    told = following()
    told.take(trajectory((0.1, 0.001, 0.03)), NOW, at(0.0, 0.0))  # t^3 meets both ends
    for t, q in told.until(NOW + SECOND):
        np.testing.assert_allclose(q, ((t - NOW) / SECOND) ** 3, atol=1e-12)


def test_joints_are_told_apart_by_their_names():
    told = following()
    message = trajectory((0.0, 0.0), names=NAMES[::-1])
    message.points[0].positions = np.arange(len(NAMES), dtype=float)
    told.take(message, NOW, None)
    ((_, q),) = told.until(NOW)
    assert q.tolist() == list(range(len(NAMES)))[::-1]


@pytest.mark.parametrize(
    ('message', 'said'),
    [
        (
            trajectory((0.1, 0.0), names=('shoulder',)),
            'commands shoulder; robot tabletop has joint1',
        ),
        (trajectory((0.1, 0.0), (0.1, 1.0)), 'time_from_start: rising'),
        (trajectory((0.1, np.nan)), '8 finite numbers expected'),
    ],
)
def test_what_no_controller_of_this_robot_takes_is_refused(message, said):
    with pytest.raises(BagError, match=f'bag: /arm/told.*{said}'):
        following().take(message, NOW, None)
    short = SimpleNamespace(data=[1.0, 2.0])
    with pytest.raises(BagError, match='/arm/told: 8 finite numbers expected'):
        following('Float64MultiArray').take(short, NOW, None)


# -- whole bags ----------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def own(tmp_path_factory):
    """Return a bag with `vla/command`: 2 s, and every 10 ms where to be 50 ms later."""
    folder = tmp_path_factory.mktemp('bags') / 'own'
    Made(folder, CONTRACT, Script(words=((2.0, WORDS),))).write()
    return folder


def ros(kind, **fields):
    return STORE.types[kind](**fields)


def array(q, stamp_ns):
    layout = ros('std_msgs/msg/MultiArrayLayout', dim=[], data_offset=0)
    return ros('std_msgs/msg/Float64MultiArray', layout=layout, data=q)


def goal(q, stamp_ns, seconds=0.05):
    """Return where to be 50 ms after a stamp."""
    none = np.zeros(0)
    point = ros(
        'trajectory_msgs/msg/JointTrajectoryPoint',
        positions=q, velocities=none, accelerations=none, effort=none,
        time_from_start=ros(
            'builtin_interfaces/msg/Duration', sec=0, nanosec=round(seconds * SECOND)
        ),
    )  # fmt: skip
    stamp = ros('builtin_interfaces/msg/Time', sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    header = ros('std_msgs/msg/Header', stamp=stamp, frame_id='')
    return ros(
        'trajectory_msgs/msg/JointTrajectory',
        header=header, joint_names=list(NAMES), points=[point],
    )  # fmt: skip


def rewritten(source, target, topic, make, every_ms=10):
    """Copy a bag; instead of what the suite says its commands are told to a controller."""
    with (
        RosbagsReader(source) as reader,
        Writer(target, version=9, storage_plugin=StoragePlugin.MCAP) as out,
    ):
        out.set_custom_data('instruction', WORDS)
        connections = {}
        for connection, log_ns, data in reader.messages():
            name, kind, raw = connection.topic, connection.msgtype, bytes(data)
            if name == '/vla/command' and make is not None:
                stamp_ns = log_ns - round(ON_THE_WAY_S * SECOND)
                if (stamp_ns - BEGIN_NS) % (every_ms * MS):
                    continue
                q = joints(CONTRACT, (stamp_ns - BEGIN_NS) / SECOND + 0.05)[ORDER]
                message = make(q, stamp_ns)
                name, kind = topic, message.__msgtype__
                raw = bytes(STORE.serialize_cdr(message, kind))
            if name.startswith('/vla/'):
                continue
            if name not in connections:
                connections[name] = out.add_connection(name, kind, typestore=STORE)
            out.write(connections[name], log_ns, raw)
    return target


def actions(bag, contract, out):
    Conversion([bag], contract, out).run()
    dataset = LerobotDataset(out)
    (episode,) = dataset.episodes
    rows = dataset.rows(episode)
    return (rows['vla.stamps'][:, 0] - BEGIN_NS) / SECOND, rows['action']


def test_an_array_of_joints_becomes_the_action_from_its_arrival_on(own, tmp_path):
    contract = told_by('Float64MultiArray')
    bag = rewritten(own, tmp_path / 'bag', '/left/arm/told', array)  # under a namespace, too
    times, found = actions(bag, contract, tmp_path / 'set')
    assert len(times) == 19  # to the first frame nothing had been told
    expected = [joints(CONTRACT, t - 0.01 + 0.05)[ORDER] for t in times]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_a_trajectory_becomes_the_action_that_the_controller_was_at(own, tmp_path):
    bag = rewritten(own, tmp_path / 'bag', '/arm/told', goal, every_ms=50)
    times, found = actions(bag, told_by('JointTrajectory'), tmp_path / 'set')
    assert len(times) == 19
    # told every 50 ms where to be 50 ms after the stamp, it is to be there at the next one
    expected = [joints(CONTRACT, t)[ORDER] for t in times]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_what_a_controller_was_told_is_what_chunks_are_held_against(own, tmp_path):
    bag = rewritten(own, tmp_path / 'bag', '/arm/told', goal, every_ms=50)
    contract = told_by('JointTrajectory')
    loop = OpenLoop(contract, HoldPolicy(contract), OpenLoopSettings(deprive=False))
    trace = loop.run(Tape(bag, contract))
    assert trace.reference is not trace.measured
    times = trace.commanded.times_ns
    assert times[-1] <= BEGIN_NS + 2 * SECOND
    assert np.diff(times).max() <= 12 * MS
    path = [joints(CONTRACT, (t - BEGIN_NS) / SECOND)[ORDER] for t in times]
    np.testing.assert_allclose(trace.commanded.positions, path, atol=5e-3)
    summary = figures.summary([measure(trace, contract, Geometry(contract))])
    assert summary['reference'] == 'commanded'


def test_the_suites_own_command_goes_before_the_controllers(own):
    tape = Tape(own, told_by('JointState', 'joint_states'))
    assert 'controller' not in tape.topics
    assert 'vla/command' in tape.topics


def test_where_neither_is_there_the_measured_path_stands_for_it(own, tmp_path):
    bag = rewritten(own, tmp_path / 'bag', '', None)
    contract = told_by('JointTrajectory')
    loop = OpenLoop(contract, HoldPolicy(contract), OpenLoopSettings(deprive=False))
    trace = loop.run(Tape(bag, contract))
    assert trace.reference is trace.measured
    said = (
        r'nothing of /vla/command, nor of /arm/told \(trajectory_msgs/msg/JointTrajectory\).*'
        r'output\.topic'
    )
    with pytest.raises(BagError, match=said) as refusal:
        Conversion([bag], contract, tmp_path / 'set').run()
    assert '\n' not in str(refusal.value)
