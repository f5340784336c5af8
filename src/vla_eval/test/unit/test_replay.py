"""Recorded commands, executed once more: the same joints at the same times, the same verdict."""

import json
from pathlib import Path

import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from vla_core.contract import load
from vla_eval.commands import evaluate
from vla_eval.core.bags import commands
from vla_eval.core.bags.definitions import Definitions
from vla_eval.core.bags.writer import BagWriter
from vla_eval.core.episodes import Conditions, Trial
from vla_eval.core.errors import BagError
from vla_eval.core.loop import VirtualLoop
from vla_eval.core.replay import Replay
from vla_eval.core.robot import VirtualRobot
from vla_eval.core.watched import BlindRobot
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

ROOT = Path(__file__).parents[4]
CONTRACT_FILE = ROOT / 'config' / 'robots' / 'tabletop.yaml'
CONTRACT = load(CONTRACT_FILE)
TRIAL = Trial('reach', 0, 41)
BEGUN_NS = 1_700_000_000_000_000_000
STANDARD = {
    'builtin_interfaces/Time': 'int32 sec\nuint32 nanosec\n',
    'std_msgs/Header': 'builtin_interfaces/Time stamp\nstring frame_id\n',
}


@pytest.fixture(scope='module')
def simulator():
    return Simulator(CONTRACT)


@pytest.fixture(scope='module')
def sent(simulator):
    """Return the commands of an episode that succeeded: (N,) ns and (N, J)."""
    robot, times, rows = BlindRobot(CONTRACT, simulator), [], []

    def keep(command):
        if command is not None:
            times.append(command.stamp_ns)
            rows.append(command.positions)

    robot.on_tick = keep
    conditions = Conditions(CONTRACT_FILE, ROOT / 'checkpoints', 'scripted')
    policy = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
    assert VirtualLoop(robot, policy, conditions).run(TRIAL).success
    return np.array(times), np.stack(rows)


@pytest.fixture(scope='module')
def definition(tmp_path_factory):
    """Return what a command looks like, without an installed workspace."""
    share = tmp_path_factory.mktemp('prefix') / 'share'
    for name, text in STANDARD.items():
        package, _, kind = name.partition('/')
        (share / package / 'msg').mkdir(parents=True)
        (share / package / 'msg' / f'{kind}.msg').write_text(text)
    (share / 'vla_msgs').mkdir()
    (share / 'vla_msgs' / 'msg').symlink_to(ROOT / 'src' / 'vla_msgs' / 'msg')
    return Definitions({'AMENT_PREFIX_PATH': str(share.parent)}).of('vla_msgs/msg/Command')


def bag(folder, definition, times, rows, names=CONTRACT.output.joints, **about):
    """Write commands into a bag as a recorder does."""
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(definition.text, definition.kind))
    command = store.types['vla_msgs/msg/Command']
    header = store.types['std_msgs/msg/Header']
    clock = store.types['builtin_interfaces/msg/Time']
    writer = BagWriter(folder, about)
    writer.add_topic('/vla/command', definition)
    for k, (time_ns, row) in enumerate(zip(times, rows, strict=True)):
        stamp = clock(*divmod(BEGUN_NS + int(time_ns), 10**9))
        msg = command(
            header=header(stamp=stamp, frame_id=''),
            sequence=k,
            epoch=2,
            names=list(names),
            positions=np.ascontiguousarray(row),
            velocities=np.zeros(len(row)),
            strategy='sync',
            sources=np.array([], np.uint64),
            weights=np.array([]),
            clipped_by=[],
            hold_reason='',
            stop_reason='',
            authority='policy',
        )
        data = bytes(store.serialize_cdr(msg, definition.kind))
        writer.write('/vla/command', data, BEGUN_NS + int(time_ns) + 1_000_000)
    writer.close()
    return folder


def of_trial(tmp_path, definition, sent, **others):
    about = {'task': TRIAL.task, 'seed': str(TRIAL.seed), 'instruction': 'reach'} | others
    return bag(tmp_path / 'bag', definition, *sent, **about)


def test_what_is_read_is_what_was_sent(tmp_path, definition, sent):
    recorded = commands.read(of_trial(tmp_path, definition, sent), CONTRACT)
    times, rows = sent
    assert recorded.trial == TRIAL
    np.testing.assert_array_equal(recorded.times_ns, times - times[0])
    np.testing.assert_array_equal(recorded.positions, rows)


def test_joints_are_sorted_by_name(tmp_path, definition, sent):
    times, rows = sent
    folder = bag(
        tmp_path / 'bag', definition, times, rows[:, ::-1], CONTRACT.output.joints[::-1],
        task='reach', seed='41',
    )  # fmt: skip
    np.testing.assert_array_equal(commands.read(folder, CONTRACT).positions, rows)


def test_an_episode_ends_where_commands_pause(tmp_path, definition, sent):
    times, rows = sent
    later = times.copy()
    later[20:] += 10**9
    recorded = commands.read(of_trial(tmp_path, definition, (later, rows)), CONTRACT)
    assert len(recorded.positions) == 20


def test_a_replayed_episode_ends_as_it_did(tmp_path, definition, sent, simulator):
    recorded = commands.read(of_trial(tmp_path, definition, sent), CONTRACT)
    result = Replay(VirtualRobot(CONTRACT, simulator), recorded).run()
    assert result.success
    assert (result.gate.ticks, result.gate.clipped, result.gate.refused) == (len(sent[1]), 0, 0)


def test_rows_past_the_limits_do_not_reach_the_robot(tmp_path, definition, sent, simulator):
    """A bag is no safer than a policy: here all joints jump by 2 rad half-way."""
    times, rows = sent
    wild = rows.copy()
    wild[len(wild) // 2 :, :7] += 2.0
    robot, seen = VirtualRobot(CONTRACT, simulator), []
    command = simulator.command
    simulator.command = lambda names, positions, **_: (
        seen.append(positions),
        command(names, positions),
    )
    try:
        recorded = commands.read(of_trial(tmp_path, definition, (times, wild)), CONTRACT)
        result = Replay(robot, recorded).run()
    finally:
        del simulator.command
    assert result.gate.clipped + result.gate.refused > 10
    limits = [CONTRACT.limits.joints[name] for name in CONTRACT.output.joints]
    speeds = np.abs(np.diff(seen, axis=0)) / (CONTRACT.rates.control_ns / 1e9)
    assert (speeds <= [limit.velocity + 1e-6 for limit in limits]).all()


@pytest.mark.parametrize(
    ('change', 'problem'),
    [({'seed': 'x'}, 'no task and seed'), ({'task': 'juggle'}, "task 'juggle'")],
)
def test_a_scene_that_is_not_told_is_refused(
    change, problem, tmp_path, definition, sent, monkeypatch, capsys
):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    folder = of_trial(tmp_path, definition, sent, **change)
    words = ['--episodes', '1', '--tasks', 'reach', '--seed', '1', '--strategy', 'sync']
    words += ['--policy', 'replay', '--bag', str(folder), '--out', str(tmp_path / 'out')]
    assert evaluate.main(words) == 1
    told = capsys.readouterr().err
    assert problem in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / 'out').exists()


def test_the_command_writes_a_report(tmp_path, definition, sent, monkeypatch, capsys):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    folder = of_trial(tmp_path, definition, sent)
    words = ['--episodes', '9', '--tasks', 'push', '--seed', '1', '--strategy', 'sync']
    words += ['--policy', 'replay', '--bag', str(folder), '--out', str(tmp_path / 'out')]
    assert evaluate.main(words) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    assert report['tasks']['reach']['successes'] == report['tasks']['reach']['episodes'] == 1
    assert report['policy'] == 'replay'


def test_another_robot_is_named(tmp_path, definition, sent):
    times, rows = sent
    folder = bag(
        tmp_path / 'bag', definition, times, rows[:, :2], ('left', 'right'),
        task='reach', seed='41',
    )  # fmt: skip
    with pytest.raises(BagError, match='commands left, right; robot tabletop has joint1'):
        commands.read(folder, CONTRACT)
