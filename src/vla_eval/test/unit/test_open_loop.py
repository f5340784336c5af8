"""Bags through observer and policy in virtual time, and the command that does it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from vla_core.contract import load
from vla_core.latency import Latency
from vla_eval.commands import evaluate
from vla_eval.core.bags.simulated import record
from vla_eval.core.bags.tape import Tape, Timed
from vla_eval.core.bags.values import Message
from vla_eval.core.episodes import Trial
from vla_eval.core.openloop import accuracy, figures
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.openloop.measured import measure
from vla_eval.core.openloop.paths import Geometry
from vla_eval.core.openloop.trace import Trace
from vla_eval.core.robot import VirtualRobot
from vla_policy.core.hold import HoldPolicy
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
GEOMETRY = Geometry(CONTRACT)
STORE = get_typestore(Stores.ROS2_JAZZY)
SECOND = 1_000_000_000
STEP_NS = SECOND // 10


def figure_of(comparison, name):
    return next(f for f in comparison['figures'] if f['name'] == name)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    """Return a pick by the expert."""
    simulator = Simulator(CONTRACT)
    folder = tmp_path_factory.mktemp('bags') / 'pick'
    expert = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
    messages = ROOT / 'src' / 'vla_msgs' / 'msg'
    outcome = record(
        folder, VirtualRobot(CONTRACT, simulator), expert, Trial('pick', 0, 5), messages
    )
    simulator.close()
    assert outcome.success
    return folder


class Recorded:
    """The bag's own chunks, as a policy."""

    def __init__(self, chunks):
        self._chunks = {chunk.observation_stamp_ns: chunk for chunk in chunks}
        self.committed = []

    def reset(self, epoch):
        pass

    def infer(self, observation, committed):
        self.committed.append(committed)
        chunk = self._chunks[observation.stamp_ns]
        return dataclasses.replace(chunk, epoch=observation.epoch, sequence=observation.sequence)


def run(bag, policy, **settings) -> Trace:
    return OpenLoop(CONTRACT, policy, OpenLoopSettings(**settings)).run(Tape(bag, CONTRACT))


def test_the_chunks_of_a_bag_make_the_motion_of_the_bag(bag):
    own = run(bag, HoldPolicy(CONTRACT)).recorded
    assert len(own) > 10
    policy = Recorded(own)
    trace = run(bag, policy, deprive=False)
    assert len(trace.chunks) == len(own)
    assert all(plan is not None for plan in policy.committed[1:])
    # strategy and gate run dry as they ran then, some milliseconds later
    last = trace.commanded.times_ns[-1] - STEP_NS
    times = np.arange(trace.commanded.times_ns[0] + STEP_NS, last, STEP_NS)
    apart = np.abs(trace.dry.at(times) - trace.commanded.at(times))
    assert apart[:, :7].max() < 0.06
    assert np.median(apart[:, :7]) < 0.003
    assert trace.gate.stops == trace.counts.refused == 0
    found = measure(trace, CONTRACT, GEOMETRY)
    assert found.unchanged == found.matched == len(own)
    summary = figures.summary([found])
    assert summary['error'] == {
        **summary['recorded']['error'], 'by_column': summary['error']['by_column']
    }  # fmt: skip
    assert {'free', 'closing', 'holding'} <= set(summary['phases'])


def test_the_same_bag_and_seed_give_the_same_report_and_latency_is_drawn_from_the_seed(bag):
    latency = Latency.parse('uniform:0:200')
    one, two, other = (
        run(bag, HoldPolicy(CONTRACT), seed=seed, latency=latency) for seed in (1, 1, 2)
    )
    assert one.received_ns == two.received_ns != other.received_ns
    a, b = (figures.summary([measure(t, CONTRACT, GEOMETRY)]) for t in (one, two))
    assert json.dumps(a) == json.dumps(b)
    assert max(one.stages_ms['inference']) > 20.0
    assert one.counts.received > 5


class Listens:
    """Goes where its words and pictures say."""

    def __init__(self):
        self._hold = HoldPolicy(CONTRACT)
        self.heard = set()

    def reset(self, epoch):
        pass

    def infer(self, observation, committed):
        self.heard.add(observation.instruction)
        chunk = self._hold.infer(observation, committed)
        rows = np.array(chunk.actions)
        rows[:, 0] += 0.01 * (len(observation.instruction) % 7)
        rows[:, 1] += 0.05 * float(any(v.image.any() for v in observation.views.values()))
        return dataclasses.replace(chunk, actions=rows)


def test_a_policy_deprived_of_pictures_or_words_is_seen_to_change(bag):
    policy = Listens()
    trace = run(bag, policy)
    (words,) = [text for _, text in trace.words if text]
    (others,) = policy.heard - {words}
    shift = 0.01 * abs(len(words) % 7 - len(others) % 7)
    found = figures.summary([measure(trace, CONTRACT, GEOMETRY)])['sensitivity']
    assert found['no-vision']['position_m']['mean'] == pytest.approx(0.05)
    assert found['wrong-words']['position_m']['mean'] == pytest.approx(shift)
    assert found['no-vision']['chunks'] > 5

    blind = run(bag, Listens(), ablate='no-vision')
    np.testing.assert_allclose(blind.chunks[3].actions[:, 1], trace.chunks[3].actions[:, 1] - 0.05)
    assert not blind.shifts


@pytest.fixture
def started_by_vla(monkeypatch):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    monkeypatch.setenv('VLA_COMMAND', './vla eval --bag')


def words(out, *bags, **options):
    options = {
        'episodes': 1, 'tasks': 'reach', 'seed': 5, 'strategy': 'receding_horizon',
        'policy': 'hold', 'out': out,
    } | options  # fmt: skip
    given = [w for name, value in options.items() for w in (f'--{name}', str(value))]
    return given + [w for one in bags for w in ('--bag', str(one))]


def test_two_reports_of_one_bag_are_the_same_text(bag, tmp_path, started_by_vla, capsys):
    texts = []
    for name in ('one', 'two'):
        assert evaluate.main(words(tmp_path / name, bag)) == 0
        report = json.loads((tmp_path / name / 'report.json').read_text())
        assert report['wall']['times_real_time'] > 0
        del report['provenance'], report['wall']
        texts.append(json.dumps(report))
    assert texts[0] == texts[1]
    assert report['chunks']['received'] > 10
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str(tmp_path / 'two' / 'report.html')
    page = (tmp_path / 'one' / 'report.html').read_text()
    assert page.count('<section>') > 7
    for key in ('error', 'consistency', 'smoothness', 'gate', 'phases', 'sensitivity'):
        assert report['meaning'][key].split('.')[0].replace("'", '&#x27;') in page


def test_several_bags_are_one_report(bag, tmp_path, started_by_vla):
    assert evaluate.main(words(tmp_path / 'out', bag, bag)) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    one, two = (entry['open_loop'] for entry in report['bags'])
    assert one == two
    together = report['open_loop']['error']['mean']['position_m']
    assert together == pytest.approx(one['error']['mean']['position_m'])
    assert report['chunks']['received'] == 2 * report['bags'][0]['chunks']['received']


def test_a_comparison_is_in_the_report(bag, tmp_path, started_by_vla, capsys):
    given = words(tmp_path / 'out', bag, **{'against-strategy': 'temporal_ensemble'})
    assert evaluate.main(given) == 0
    report = json.loads((tmp_path / 'out' / 'report.json').read_text())
    (found,) = report['comparisons']
    assert (found['first'], found['second']) == (
        'hold, receding_horizon', 'hold, temporal_ensemble'
    )  # fmt: skip
    assert figure_of(found, 'error, m')['difference'] == 0.0  # the chunks are the same
    assert figure_of(found, 'dry run: mean jerk, m/s^3')['difference'] != 0.0
    assert found['open_loop']['error'] == report['open_loop']['error']
    assert 'temporal_ensemble' in (tmp_path / 'out' / 'report.html').read_text()
    assert 'temporal_ensemble' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('name', 'data'),
    [
        ('empty.mcap', b''),
        ('noise.mcap', np.random.default_rng(3).bytes(5000)),
        ('text.mcap', b'this is no bag\n'),
        ('magic.mcap', b'\x89MCAP0\r\n'),
        ('huge.mcap', b'\x89MCAP0\r\n\x05' + (2**40).to_bytes(8, 'little') + b'x' * 100),
        ('noise.db3', np.random.default_rng(4).bytes(5000)),
        ('folder', None),
    ],
)
def test_what_is_no_bag_is_one_line_and_no_report(name, data, tmp_path, started_by_vla, capsys):
    bad = tmp_path / name
    if data is None:
        bad.mkdir()
    else:
        bad.write_bytes(data)
    assert evaluate.main(words(tmp_path / 'out', bad)) == 1
    said = capsys.readouterr()
    assert said.err.count('\n') == 1
    assert name in said.err
    assert 'Traceback' not in said.err
    assert not (tmp_path / 'out' / 'report.json').exists()


def test_pictures_that_serve_no_observation_are_counted_by_reason(bag, tmp_path):
    trace = run(bag, HoldPolicy(CONTRACT), deprive=False)
    assert not trace.refusals  # every picture served: the other camera's came in time

    blind = Tape(bag, CONTRACT)
    begin_ns, messages = blind.begin_ns, blind.messages

    def without_wrist(roles=None):  # from the third tenth of a second on for half a second
        for timed in messages(roles):
            passed_ns = timed.now_ns - begin_ns
            if timed.role != 'camera/wrist' or not 250_000_000 < passed_ns < 750_000_000:
                yield timed

    blind.messages = without_wrist
    found = OpenLoop(CONTRACT, HoldPolicy(CONTRACT), OpenLoopSettings(deprive=False)).run(blind)
    assert found.observations == trace.observations - 5
    assert sum(found.refusals.values()) == 5
    assert {reason.partition(':')[0] for reason in found.refusals} == {'wrist'}


class Noted:
    """Holds still, and notes what it is asked."""

    def __init__(self):
        self._hold = HoldPolicy(CONTRACT)
        self.resets, self.asked = [], []

    def reset(self, epoch):
        self.resets.append(epoch)

    def infer(self, observation, committed):
        plan = None if committed is None else committed.epoch
        self.asked.append((observation.epoch, observation.instruction, plan))
        return self._hold.infer(observation, committed)


def test_other_words_in_a_bag_are_another_epoch(bag):
    tape = Tape(bag, CONTRACT)
    messages, change_ns = tape.messages, tape.begin_ns + SECOND
    text = STORE.types['std_msgs/msg/String'](data='push the red block left')
    data = bytes(STORE.serialize_cdr(text, 'std_msgs/msg/String'))

    def with_other_words(roles=None):
        said = False
        for timed in messages(roles):
            if roles is None and timed.now_ns > change_ns and not said:
                said = True
                message = Message(
                    '/vla/instruction', 'std_msgs/msg/String', data, timed.now_ns, timed.now_ns
                )
                yield Timed(timed.now_ns, 'vla/instruction', message)
            yield timed

    tape.messages = with_other_words
    policy = Noted()
    loop = OpenLoop(CONTRACT, policy, OpenLoopSettings(deprive=False))
    trace = loop.run(tape)
    first, second = policy.resets
    assert second == first + 1
    before = [asked for asked in policy.asked if asked[0] == first]
    after = [asked for asked in policy.asked if asked[0] == second]
    assert len(before) == 10
    assert len(after) > 5
    assert {asked[1] for asked in after} == {'push the red block left'}
    assert {plan for _, _, plan in before[1:]} == {first}  # the recorded plan is of these words
    assert {plan for _, _, plan in after} == {None}  # and not of those
    assert [text for _, text in trace.words][1] == 'push the red block left'
    assert trace.counts.refused == 0
    found = accuracy.successive(accuracy.Rows(trace.chunks, GEOMETRY))
    assert np.isnan(found.position[10]).all()
