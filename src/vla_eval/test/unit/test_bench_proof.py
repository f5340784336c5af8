"""The long proof: it finds what is wrong, repeats what it found, and finds nothing on its own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vla_control.core.executor import ChunkExecutor
from vla_core.contract import load
from vla_eval.bench import BenchOptions, proof
from vla_eval.bench._proof import case as cases
from vla_eval.bench._proof.case import Case
from vla_eval.bench._proof.watch import Watch
from vla_eval.bench._screen import Screen

ROOT = Path(__file__).parents[4]
ROBOTS = proof.robots(ROOT)
IDS = [path.stem for path in ROBOTS]
TABLETOP = ROBOTS[IDS.index('tabletop')]


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(cases, 'TICKS', 200)


def test_robots_of_both_kinds_are_attacked():
    assert {'tabletop', 'jointed', 'endless', 'tipped'} <= set(IDS)


@pytest.mark.parametrize('robot', ROBOTS, ids=IDS)
def test_a_case_finds_nothing_and_is_the_same_again(robot, short):
    first, again = (cases.build(None)(Case(robot, (7, 0, 3))) for _ in range(2))
    assert first == again
    assert first.findings == []
    assert first.commands > 50
    assert first.let_in > 0
    assert cases.build(None)(Case(robot, (7, 0, 4))) != first


def test_a_robot_with_less_than_the_gate_keeps_is_found_out(short, monkeypatch):
    weaker = []

    def watch(contract, *flags):
        joints = {
            name: replace(j, velocity=0.02 * j.velocity, jerk=0.3 * j.jerk)
            for name, j in contract.limits.joints.items()
        }
        weaker.append(contract)
        return Watch(replace(contract, limits=replace(contract.limits, joints=joints)), *flags)

    monkeypatch.setattr(cases, 'Watch', watch)
    found = cases.build(None)(Case(TABLETOP, (7, 0, 3)))
    assert weaker
    words = ' '.join(found.findings)
    assert 'velocity' in words
    assert 'jerk' in words
    assert max(found.worst.rates) > 0.01


class Wrong(ChunkExecutor):
    """An executor that goes wrong after a while, in one way."""

    kind = ''

    def tick(self, now_ns):
        command = super().tick(now_ns)
        if command is None or command.sequence < 20:
            return command
        if self.kind == 'raises':
            raise ZeroDivisionError('on purpose')
        if self.kind == 'mute':
            return replace(command, hold_reason='', stop_reason='', sources=(), weights=())
        if self.kind == 'liar':
            return replace(command, hold_reason='unreachable', sources=(), weights=())
        return replace(command, positions=command.positions + 1e-4 * (command.sequence % 2))


@pytest.mark.parametrize('kind', ['raises', 'mute', 'liar', 'trembles'])
def test_an_executor_that_goes_wrong_is_found_out(short, monkeypatch, kind):
    monkeypatch.setattr(Wrong, 'kind', kind)
    monkeypatch.setattr(cases, 'ChunkExecutor', Wrong)
    jointed = ROBOTS[IDS.index('jointed')]
    found = cases.build(None)(Case(jointed, (7, 0, 3)))
    assert found.findings
    assert found.exceptions == (kind == 'raises')
    assert bool(found.unexplained) == (kind in ('mute', 'liar'))
    assert ('jerk' in found.findings[0]) == (kind == 'trembles')


def ramp(*rates):
    """Return positions of one joint that reach given shares of velocity, acceleration, jerk."""
    return np.cumsum(np.array(rates))


@pytest.mark.parametrize(('excess', 'found'), [(1.0, False), (1.0 + 1e-4, True)])
def test_each_limit_is_watched(excess, found):
    contract = load(ROBOTS[IDS.index('jointed')])
    joint, dt = contract.limits.joints['a'], 0.02
    still = np.zeros(7)

    def findings(values, follows=True):
        watch = Watch(contract, False, False)
        for value in values:
            q = still.copy()
            q[0] = value
            watch.see(q, follows)
        return [f.split(':')[0] for f in watch.findings]

    v, a = excess * joint.velocity * dt, excess * joint.acceleration * dt**2
    j = excess * joint.jerk * dt**3
    assert findings([0, 0, 0, j]) == ['jerk'] * found
    steady = 0.5 * a * np.arange(6.0) ** 2  # acceleration a throughout, no jerk
    assert findings(steady) == ['acceleration'] * (4 * found)
    assert findings(v * np.arange(5.0)) == ['velocity'] * (4 * found)
    assert findings([joint.upper + (1e-12 if found else 0.0)]) == ['position'] * found


def test_the_rows_say_what_was_attacked(tmp_path, monkeypatch, short):
    monkeypatch.setattr(proof, 'QUICK_ROWS', 1000)
    monkeypatch.setattr(proof, 'robots', lambda root: [TABLETOP])
    monkeypatch.setattr(proof, '_QUICK_BATCH', 2)
    rows = proof.run(BenchOptions(ROOT, tmp_path, quick=True, seed=3), Screen())
    found = {row.id: row for row in rows}
    assert all(row.ok for row in rows), rows
    assert found['proof_rows'].value >= 1000
    assert found['proof_rows'].more['offered'] > found['proof_rows'].value
    for name in ('position', 'velocity', 'acceleration', 'jerk', 'exceptions', 'stop_s'):
        assert f'proof_{name}' in found


def test_a_failing_case_names_what_repeats_it(tmp_path, monkeypatch, short, capsys):
    monkeypatch.setattr(cases, 'ChunkExecutor', Wrong)
    monkeypatch.setattr(Wrong, 'kind', 'mute')
    case = Case(TABLETOP, (5, IDS.index('tabletop'), 9))
    first = cases.build(None)(case)
    assert proof.main([str(TABLETOP), '5', '9', str(ROOT)]) == 1
    assert first.findings[0] in capsys.readouterr().out
