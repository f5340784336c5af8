"""Bags of other systems as a robot's sensors; and what is no such bag, told in one line."""

import dataclasses
import json
import re
import sqlite3
import struct
from pathlib import Path

import numpy as np
import pytest
import yaml
from rosbags.rosbag2 import Reader as RosbagsReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from vla_core.contract import load
from vla_eval.core.bags import metadata, tape
from vla_eval.core.bags.feed import Feed
from vla_eval.core.bags.simulated import BEGUN_NS, Manner, record
from vla_eval.core.bags.tape import Tape
from vla_eval.core.episodes import Trial
from vla_eval.core.errors import BagError, EvalError
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.robot import VirtualRobot
from vla_perception.core.errors import NotReady
from vla_perception.core.observer import ObserverCore
from vla_policy.core.hold import HoldPolicy
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
MESSAGES = ROOT / 'src' / 'vla_msgs' / 'msg'
STORE = get_typestore(Stores.ROS2_JAZZY)
SECOND = 1_000_000_000
TRIAL = Trial('reach', 0, 41)


@pytest.fixture(scope='module')
def make(tmp_path_factory):
    simulator = Simulator(CONTRACT)

    def bag(**manner) -> Path:
        folder = tmp_path_factory.mktemp('bags') / 'bag'
        robot = VirtualRobot(CONTRACT, simulator)
        expert = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
        record(folder, robot, expert, TRIAL, MESSAGES, Manner(**manner))
        return folder

    yield bag
    simulator.close()


@pytest.fixture(scope='module')
def plain(make):
    return make()


def observations(path, contract=CONTRACT):
    """Return what the observer makes of a bag."""
    tape, observer, found = Tape(path, contract), ObserverCore(contract), []
    feed = Feed(observer, tape.decoder)
    observer.set_context(1, 'words')
    for timed in tape.messages():
        if timed.role.startswith('vla/') or not feed.take(timed):
            continue
        try:
            found.append(observer.assemble(timed.now_ns))
        except NotReady:
            continue
    return found


def assert_same(one, other, shift_ns=0):
    assert len(one) == len(other) > 10
    for a, b in zip(one, other, strict=True):
        assert a.stamp_ns + shift_ns == b.stamp_ns
        np.testing.assert_array_equal(a.state, b.state)
        np.testing.assert_array_equal(a.T_base_tool.matrix, b.T_base_tool.matrix)
        for key, view in a.views.items():
            np.testing.assert_array_equal(view.image, b.views[key].image)
            np.testing.assert_array_equal(view.K, b.views[key].K)


def edited(source: Path, target: Path, edit, storage=StoragePlugin.MCAP) -> Path:
    """Copy a bag; `edit(topic, kind, log time, data)` returns what is written instead, or None."""
    with RosbagsReader(source) as reader, Writer(target, version=9, storage_plugin=storage) as out:
        connections = {}
        for connection, log_ns, data in reader.messages():
            written = edit(connection.topic, connection.msgtype, log_ns, bytes(data))
            if written is None:
                continue
            topic, kind, log_ns, data = written
            if topic not in connections:
                store = STORE if kind in STORE.types else None
                given = {'typestore': store} if store else {
                    'msgdef': connection.msgdef.data, 'rihs01': connection.digest,
                }  # fmt: skip
                connections[topic] = out.add_connection(topic, kind, **given)
            out.write(connections[topic], log_ns, data)
    return target


def humble(source: Path, folder: Path, leave_out=()) -> Path:
    """Write a bag as Humble does: metadata of version 5, sqlite3 without definitions."""
    folder.mkdir()
    with sqlite3.connect(folder / 'bag_0.db3') as base, RosbagsReader(source) as reader:
        base.executescript(
            'CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);'
            "INSERT INTO schema VALUES (3, 'humble');"
            'CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT,'
            ' serialization_format TEXT, offered_qos_profiles TEXT);'
            'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER,'
            ' data BLOB);'
        )
        for c in reader.connections:
            if c.topic not in leave_out:
                row = c.id, c.topic, c.msgtype, 'cdr', ''
                base.execute('INSERT INTO topics VALUES (?, ?, ?, ?, ?)', row)
        for k, (c, log_ns, data) in enumerate(reader.messages()):
            if c.topic not in leave_out:
                row = k, c.id, log_ns, bytes(data)
                base.execute('INSERT INTO messages VALUES (?, ?, ?, ?)', row)
    base.close()
    about = {
        'version': 5,
        'storage_identifier': 'sqlite3',
        'relative_file_paths': ['bag_0.db3'],
        'compression_format': '',
        'compression_mode': '',
    }
    (folder / metadata.FILE).write_text(yaml.safe_dump({metadata.TOP: about}))
    return folder


OWN = ('/vla/command', '/vla/plan', '/vla/action_chunk')


@pytest.mark.parametrize(
    'manner',
    [
        {'storage': 'SQLITE3'},
        {'packed': True},
        {'rename': {'/joint_states': '/left/joint_states'}},
        {'rename': {'/tf': '/left/tf', '/tf_static': '/left/tf_static'}},
    ],
    ids=['sqlite3', 'compressed', 'namespace', 'transforms under a namespace'],
)
def test_other_bags_give_the_same_observations(make, plain, manner):
    assert_same(observations(plain), observations(make(**manner)))


def test_a_bag_too_large_to_be_kept_gives_the_same_observations(plain, monkeypatch):
    kept = observations(plain)
    monkeypatch.setattr(tape, 'KEPT_BYTES', 1 << 20)
    assert_same(kept, observations(plain))


def test_a_bag_of_humble_gives_the_same_observations(plain, tmp_path):
    assert_same(observations(plain), observations(humble(plain, tmp_path / 'humble', OWN)))


def test_topics_of_another_system_are_those_of_the_contract(make, plain, tmp_path):
    folder = make(rename={'/camera/scene/image_raw': '/d435/color', '/joint_states': '/arm/state'})
    scene = dataclasses.replace(CONTRACT.cameras['scene'], topic='/d435/color')
    contract = dataclasses.replace(
        CONTRACT,
        cameras={**CONTRACT.cameras, 'scene': scene},
        state=dataclasses.replace(CONTRACT.state, topic='arm/state'),
    )
    assert_same(observations(plain), observations(folder, contract))
    with pytest.raises(
        BagError, match='nothing of /camera/scene/image_raw.*it holds .*/d435/color'
    ):
        Tape(folder, CONTRACT)


def test_sensors_on_a_simulated_clock_are_played_on_it(make, plain):
    begun_ns = 5 * SECOND
    folder = make(stamped_ns=begun_ns - BEGUN_NS)
    tape = Tape(folder, CONTRACT)
    assert begun_ns - BEGUN_NS - 10_000_000 < tape.offset_ns <= begun_ns - BEGUN_NS
    assert_same(observations(plain), observations(folder), begun_ns - BEGUN_NS)


@pytest.mark.parametrize(
    'topic', ['/joint_states', '/camera/wrist/image_raw', '/camera/scene/camera_info']
)
def test_a_sensor_that_is_missing_is_named_beside_those_that_are_there(make, topic):
    folder = make(leave_out=[topic])
    with pytest.raises(BagError) as told:
        Tape(folder, CONTRACT)
    assert f'{folder}: nothing of {topic} ' in str(told.value)
    assert '/camera/scene/image_raw' in str(told.value).partition('it holds')[2]
    assert '\n' not in str(told.value)


def test_a_topic_of_another_type_is_refused(plain, tmp_path):
    text = bytes(
        STORE.serialize_cdr(STORE.types['std_msgs/msg/String'](data='x'), 'std_msgs/msg/String')
    )

    def edit(topic, kind, log_ns, data):
        if topic == '/joint_states':
            return topic, 'std_msgs/msg/String', log_ns, text
        return topic, kind, log_ns, data

    with pytest.raises(
        BagError, match='/joint_states is std_msgs/msg/String, sensor_msgs/msg/JointState'
    ):
        Tape(edited(plain, tmp_path / 'bag', edit), CONTRACT)


def shifted_stamp(data: bytes, kind: str, by_s: float) -> bytes:
    """Return a sensor message with another stamp in its (first) header."""
    message = STORE.deserialize_cdr(data, kind)
    headers = (
        [t.header for t in message.transforms] if kind.endswith('TFMessage') else [message.header]
    )
    for header in headers:
        ns = header.stamp.sec * SECOND + header.stamp.nanosec + round(by_s * SECOND)
        header.stamp.sec, header.stamp.nanosec = divmod(ns, SECOND)
    return bytes(STORE.serialize_cdr(message, kind))


def test_sensors_on_two_clocks_are_refused(plain, tmp_path):
    def edit(topic, kind, log_ns, data):
        data = shifted_stamp(data, kind, -7200.0) if topic == '/joint_states' else data
        return topic, kind, log_ns, data

    with pytest.raises(BagError, match=r'two clocks: .* is stamped 7200 s ahead of /joint_states'):
        Tape(edited(plain, tmp_path / 'bag', edit), CONTRACT)


def test_stamps_that_run_slower_than_the_recorder_are_refused(plain, tmp_path):
    def edit(topic, kind, log_ns, data):  # a simulator at a fifth of real time
        return topic, kind, BEGUN_NS + 5 * (log_ns - BEGUN_NS), data

    with pytest.raises(BagError, match='two clocks: the stamps of .* gain -.* use_sim_time'):
        Tape(edited(plain, tmp_path / 'bag', edit), CONTRACT)


def test_messages_that_were_held_up_at_the_start_say_nothing_of_clocks(plain, tmp_path):
    def edit(topic, kind, log_ns, data):
        held = topic == '/camera/scene/image_raw' and log_ns < BEGUN_NS + 300_000_000
        return topic, kind, log_ns, shifted_stamp(data, kind, -1.5) if held else data

    assert Tape(edited(plain, tmp_path / 'bag', edit), CONTRACT).offset_ns == 0


def test_time_that_goes_back_is_refused(plain, tmp_path):
    def edit(topic, kind, log_ns, data):
        late = log_ns > BEGUN_NS + 600_000_000 and kind in STORE.types and topic == '/joint_states'
        return topic, kind, log_ns, shifted_stamp(data, kind, -5.0) if late else data

    with pytest.raises(BagError, match=r'time goes back by [45]\.\d s in /joint_states'):
        Tape(edited(plain, tmp_path / 'bag', edit), CONTRACT)


def test_a_bag_without_words_says_how_to_give_them(plain, tmp_path):
    folder = humble(plain, tmp_path / 'bag', (*OWN, '/vla/instruction'))
    loop = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), OpenLoopSettings())
    with pytest.raises(EvalError, match='tells no words.*--instruction'):
        loop.run(Tape(folder, CONTRACT))
    given = OpenLoopSettings(instruction='reach for the red block')
    trace = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), given).run(Tape(folder, CONTRACT))
    assert [text for _, text in trace.words] == ['reach for the red block']
    assert len(trace.chunks) > 10


def test_a_bag_of_which_no_observation_can_be_made_says_why(plain, tmp_path):
    def edit(topic, kind, log_ns, data):  # /tf_static is left, and says nothing
        return None if topic == '/tf' else (topic, kind, log_ns, data)

    folder = edited(plain, tmp_path / 'bag', edit)
    loop = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), OpenLoopSettings())
    with pytest.raises(EvalError) as told:
        loop.run(Tape(folder, CONTRACT))
    assert re.search(r'no observation can be made of it: tf: no_transform', str(told.value))


def test_a_cut_bag_is_sent_to_repair(plain, tmp_path):
    data = next(plain.glob('*.mcap')).read_bytes()
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(BagError, match=r'cut\.mcap: .*vla bag repair'):
        Tape(cut, CONTRACT)


def test_about_is_what_was_noted(plain):
    assert Tape(plain, CONTRACT).about['task'] == 'reach'
    assert json.loads(Tape(plain, CONTRACT).about['seed']) == 41


def end_of(loop: OpenLoop, path: Path) -> str:
    """Return why a bag is refused, '' where it is evaluated."""
    try:
        trace = loop.run(Tape(path, CONTRACT))
    except EvalError as error:
        return str(error)
    return '' if trace.chunks else 'no chunk'


@pytest.mark.parametrize('storage', ['MCAP', 'SQLITE3'])
def test_whatever_is_damaged_is_evaluated_or_refused_in_one_line(make, tmp_path, storage):
    folder = make(storage=storage, packed=storage == 'SQLITE3')
    (source,) = [*folder.glob('*.mcap'), *folder.glob('*.db3')]
    whole, rng = source.read_bytes(), np.random.default_rng(11)
    loop = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), OpenLoopSettings(deprive=False))
    ends = []
    for k in range(24):
        data = bytearray(whole)
        for at in rng.integers(0, len(data) - 64, (1, 4, 40)[k % 3]):
            data[at : at + 64] = bytes(64) if k % 2 else rng.bytes(64)
        damaged = tmp_path / f'{k}{source.suffix}'
        damaged.write_bytes(data)
        ends.append(end_of(loop, damaged))
    for k, said in enumerate(ends):
        assert said == '' or (f'{k}{source.suffix}' in said and '\n' not in said)
    assert sum(said != '' for said in ends) > 5


def test_a_record_in_a_chunk_that_is_longer_than_any_index_is_refused(tmp_path):
    inside = b'\x63' + (2**63 + 7).to_bytes(8, 'little') + b'x' * 40
    head = struct.pack('<QQQII', 0, 0, len(inside), 0, 0) + struct.pack('<Q', len(inside))
    chunk = b'\x06' + struct.pack('<Q', len(head) + len(inside)) + head + inside
    file = tmp_path / 'long.mcap'
    file.write_bytes(b'\x89MCAP0\r\n' + b'\x01' + struct.pack('<QII', 8, 0, 0) + chunk)
    with pytest.raises(BagError, match=r'long\.mcap: holds no message'):
        Tape(file, CONTRACT)


def test_a_broken_picture_is_unreadable_and_nobody_else_hears_of_it(make, tmp_path, capfd):
    def edit(topic, kind, log_ns, data):
        if kind == 'sensor_msgs/msg/CompressedImage':
            data = data[:200] + bytes(64) + data[264:]
        return topic, kind, log_ns, data

    folder = edited(make(packed=True), tmp_path / 'bag', edit)
    loop = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), OpenLoopSettings())
    with pytest.raises(EvalError, match='scene: unreadable: data: a whole JPEG or PNG expected'):
        loop.run(Tape(folder, CONTRACT))
    assert capfd.readouterr().err == ''
