"""Bags that hold the suite's messages and not their definitions: Humble's, and rewritten ones."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
import yaml
from mcap.writer import Writer as McapWriter

from vla_core.contract import load
from vla_eval.core.bags import commands, metadata
from vla_eval.core.bags.decoder import Decoder
from vla_eval.core.bags.definitions import Definitions
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.simulated import Manner, record
from vla_eval.core.bags.tape import Tape
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.errors import BagError
from vla_eval.core.lerobot.to_dataset import Conversion
from vla_eval.core.openloop import report
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.openloop.measured import measure
from vla_eval.core.openloop.paths import Geometry
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.hold import HoldPolicy
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

ROOT = Path(__file__).parents[4]
CONTRACT_FILE = ROOT / 'config' / 'robots' / 'tabletop.yaml'
CONTRACT = load(CONTRACT_FILE)
CHUNK, COMMAND = 'vla_msgs/msg/ActionChunk', 'vla_msgs/msg/Command'
OTHER = 'RIHS01_' + 64 * '0'


@pytest.fixture(scope='module')
def make(tmp_path_factory):
    """Makes bags of the same episode."""
    simulator = Simulator(CONTRACT)

    def bag(storage) -> Path:
        folder = tmp_path_factory.mktemp('bags') / 'bag'
        expert = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
        robot, messages = VirtualRobot(CONTRACT, simulator), ROOT / 'src' / 'vla_msgs' / 'msg'
        record(folder, robot, expert, Trial('reach', 0, 41), messages, Manner(storage))
        return folder

    yield bag
    simulator.close()


@pytest.fixture(scope='module')
def whole(make):
    """Return a bag with definitions."""
    return make('MCAP')


@pytest.fixture
def bare(make):
    """Return the same in sqlite3 without definitions, type hashes kept."""
    folder = make('SQLITE3')
    with database(folder) as base:
        base.execute('DELETE FROM message_definitions')
    return folder


def database(folder):
    return sqlite3.connect(next(folder.glob('*.db3')))


def other_hash(folder, kind):
    """Let a bag tell another hash of a type."""
    with database(folder) as base:
        base.execute('UPDATE topics SET type_description_hash = ? WHERE type = ?', (OTHER, kind))


def rewritten(source: Path, folder: Path) -> Path:
    """Write a bag as MCAP, with the types' names alone."""
    folder.mkdir()
    with (folder / 'bag_0.mcap').open('wb') as file:
        writer = McapWriter(file)
        writer.start(profile='ros2', library='test')
        channels = {}
        for m in Bag(source).messages():
            if m.topic not in channels:
                schema = writer.register_schema(m.kind, 'ros2msg', b'')
                channels[m.topic] = writer.register_channel(m.topic, 'cdr', schema)
            writer.add_message(channels[m.topic], m.log_ns, m.data, m.publish_ns)
        writer.finish()
    about = yaml.safe_load((source / metadata.FILE).read_text())
    top = about[metadata.TOP]
    top['relative_file_paths'], top['storage_identifier'] = ['bag_0.mcap'], 'mcap'
    (folder / metadata.FILE).write_text(yaml.safe_dump(about))
    return folder


def untold(folder: Path) -> Path:
    """Take the type hashes out of what a bag's metadata and database say: Humble knows none."""
    file = folder / metadata.FILE
    about = yaml.safe_load(file.read_text())
    for topic in about[metadata.TOP]['topics_with_message_count']:
        del topic['topic_metadata']['type_description_hash']
    file.write_text(yaml.safe_dump(about))
    if list(folder.glob('*.db3')):
        with database(folder) as base:
            base.execute("UPDATE topics SET type_description_hash = ''")
    return folder


def run(bag):
    loop = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), OpenLoopSettings(deprive=False))
    return loop.run(Tape(bag, CONTRACT))


def assert_same(one, other):
    np.testing.assert_array_equal(one.commanded.positions, other.commanded.positions)
    assert len(one.recorded) == len(other.recorded) > 10
    for a, b in zip(one.recorded, other.recorded, strict=True):
        assert (a.t0_ns, a.sequence, a.epoch) == (b.t0_ns, b.sequence, b.epoch)
        np.testing.assert_array_equal(a.actions, b.actions)
    assert one.committed == other.committed > 10


def test_the_suites_messages_are_read_as_installed(whole, bare, tmp_path):
    expected = run(whole)
    assert_same(expected, run(bare))
    assert_same(expected, run(untold(bare)))
    assert_same(expected, run(rewritten(whole, tmp_path / 'told')))
    assert_same(expected, run(untold(rewritten(whole, tmp_path / 'untold'))))
    assert not expected.left_out
    np.testing.assert_array_equal(  # the times of the stamps: no definition says where those are
        commands.read(bare, CONTRACT).times_ns, commands.read(whole, CONTRACT).times_ns
    )


def test_what_is_of_another_version_is_left_out_where_it_is_not_needed(whole, bare, tmp_path):
    other_hash(bare, CHUNK)
    trace = run(bare)
    np.testing.assert_array_equal(trace.commanded.positions, run(whole).commanded.positions)
    assert not trace.recorded
    assert trace.committed == 0
    assert set(trace.left_out) == {'vla/plan', 'vla/action_chunk'}
    measured = measure(trace, CONTRACT, Geometry(CONTRACT))
    conditions = Conditions(CONTRACT_FILE, ROOT / 'checkpoints', 'hold')
    written = report.write(
        tmp_path, [measured], 100.0, policy='hold', strategy='sync', ablate='',
        latency=conditions.latency, clock='virtual', provenance={}, wall={},
    )  # fmt: skip
    (told,) = written.values['bags']
    assert told['left_out']['vla/plan'].startswith(f'the definition of {CHUNK} is missing, and')
    assert 'vla/plan was left out: the definition of' in written.html.read_text()


def test_what_is_of_another_version_is_refused_where_it_is_needed(bare, tmp_path):
    other_hash(bare, COMMAND)
    said = f'the definition of {COMMAND} is missing, and the installed one is another .RIHS01_000'
    for use in (
        lambda: Conversion([bare], CONTRACT, tmp_path / 'set').run(),
        lambda: commands.read(bare, CONTRACT),
    ):
        with pytest.raises(BagError, match=said) as refusal:
            use()
        assert '\n' not in str(refusal.value)
        assert str(bare) in str(refusal.value)


def test_the_hash_that_the_metadata_tells_counts_too(whole, tmp_path):
    folder = rewritten(whole, tmp_path / 'bag')
    file = folder / metadata.FILE
    about = yaml.safe_load(file.read_text())
    for topic in about[metadata.TOP]['topics_with_message_count']:
        if topic['topic_metadata']['type'] == CHUNK:
            topic['topic_metadata']['type_description_hash'] = OTHER
    file.write_text(yaml.safe_dump(about))
    assert set(Tape(folder, CONTRACT).left_out) == {'vla/plan', 'vla/action_chunk'}


def test_without_the_suites_packages_it_is_one_line(bare):
    bag = Bag(bare)
    message = next(iter(bag.messages(['/vla/command'])))
    said = f'{COMMAND} is missing .*none of the installed packages.*embedded definitions'
    with pytest.raises(BagError, match=said):
        Decoder(bag, Definitions({})).decode(message)
