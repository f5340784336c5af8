"""The parts of `./vla bench control`: they measure what they say."""

import sys
from pathlib import Path

import numpy as np
import pytest

from vla_control.core.moments import Columns
from vla_control.core.settings import ExecutorSettings
from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions
from vla_eval.bench._control import ensemble, gate, period, robot, scaling
from vla_eval.bench._control.feeding import Fed
from vla_eval.bench._control.peer import Nobody, Peer
from vla_eval.bench._control.timing import samples, spread
from vla_eval.bench._screen import Screen

ROOT = Path(__file__).parents[4]


@pytest.fixture
def quick(tmp_path):
    return BenchOptions(ROOT, tmp_path, quick=True, seed=1)


def test_the_motion_of_the_gates_figure_is_clean_and_moves():
    tick = gate.Clean(robot.chain(14))
    for _ in range(1300):
        tick()
    assert tick.held_back == 0
    moved = np.ptp(robot.positions(14, np.linspace(0, 6, 50)), axis=0)
    assert (moved > 0.3).all()


def test_growth_is_seen_where_there_is_some():
    kept = []
    assert gate.growth(lambda: kept.append(bytes(100)), 1000) > 100_000
    assert gate.growth(lambda: bytes(100), 1000) <= gate.GROWTH_B


@pytest.mark.parametrize('columns', [ensemble.PLAIN, ensemble.POSED])
def test_an_ensemble_tick_gives_the_action_of_now(columns):
    action = ensemble.ticks(columns, 100, 0)()
    assert action.shape == (14,)
    assert np.isfinite(action).all()


def test_ensemble_rows_without_peers_are_judged_but_for_the_peer(quick, monkeypatch):
    monkeypatch.setattr(ensemble, 'QUICK_ROUNDS', 1)
    monkeypatch.setattr(ensemble, 'EACH', 50)
    plain, posed = ensemble.measure(quick, Screen())
    assert (plain.id, posed.id) == ('ensemble_tick', 'ensemble_tick_so3')
    assert plain.peer is None
    assert plain.target == 'p50 < 10 us, >= 3x the peer (not run)'
    assert 0 < plain.value < posed.value
    assert plain.more['samples'] == 50


FED = {'chain': lambda s: Fed.chain(3, 16, s), 'tabletop': lambda s: Fed.tabletop(ROOT, s)}


@pytest.mark.parametrize('make', FED.values(), ids=FED)
@pytest.mark.parametrize('strategy', ['receding_horizon', 'temporal_ensemble'])
def test_a_fed_executor_follows_its_chunks_unclipped(make, strategy):
    fed = make(ExecutorSettings(strategy=strategy))
    for _ in range(300):
        if fed.due:
            fed.executor.accept(fed.chunk(), fed.now_ns)
        fed.tick()
    status = fed.executor.status(fed.now_ns)
    assert fed.moving > 280
    assert status.chunks.received == 30
    assert status.chunks.refused == status.gate.refused == status.gate.stops == 0
    assert status.gate.clipped <= 3


def test_scaling_has_a_curve_for_each_size(quick, monkeypatch):
    for name, value in {
        'HORIZONS': (10, 20), 'WIDTHS': (6, 8), 'OVERLAPS': (1, 2), 'HORIZON': 10,
        'QUICK_CHUNKS': 3, 'QUICK_TICKS': 20, 'WARM': 0,
    }.items():  # fmt: skip
        monkeypatch.setattr(scaling, name, value)
    rows = {row.id: row for row in scaling.measure(quick, Screen())}
    assert set(rows) >= {'scale_horizon', 'scale_width', 'scale_chunks'}
    assert rows['scale_width'].curve.sizes == (6.0, 8.0)
    assert all(cost > 0 for row in rows.values() for cost in row.curve.costs)


def test_the_bare_loop_keeps_its_period():
    errors = period.bare_errors(10_000_000, 0.5)
    assert 40 <= len(errors) <= 51
    assert sorted(errors)[len(errors) // 2] < 10_000


def test_samples_are_as_many_as_asked_for():
    calls = []
    took = samples(lambda: calls.append(1), 20, warm=5)
    assert (len(took), len(calls)) == (20, 25)
    assert spread(took)['samples'] == 20


def test_a_peer_answers_line_by_line_and_its_end_is_told(tmp_path):
    script = tmp_path / 'peer.py'
    script.write_text(
        'import sys\n'
        'for line in sys.stdin:\n'
        '    if line == "fall\\n":\n'
        '        sys.exit("it fell")\n'
        '    print("[1.5, 2.5]" if line.strip() else "[]", flush=True)\n'
    )
    with Peer(Path(sys.executable), script) as peer:
        assert peer.ask('go') == [1.5, 2.5]
        with pytest.raises(VlaError, match=r'peer\.py.*it fell'):
            peer.ask('fall')


def test_nobody_is_asked_where_peers_are_not_wanted(quick):
    with Peer.of(quick, 'lerobot', ensemble.SCRIPT) as nobody:
        assert nobody is None
    assert isinstance(Peer.of(quick, 'lerobot', ensemble.SCRIPT), Nobody)


def test_columns_of_the_figures_are_as_wide_as_the_issue_of_the_peer():
    assert ensemble.PLAIN.width == ensemble.POSED.width == 14
    assert Columns(14) == ensemble.PLAIN
