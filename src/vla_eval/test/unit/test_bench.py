"""Benchmarks: what a row says, what is written, and the exit status."""

import json
import math
import sys
from types import SimpleNamespace

import pytest

from vla_eval.bench import BenchOptions, Curve, Row, percentile
from vla_eval.bench._screen import Screen
from vla_eval.commands import bench

FIELDS = {'id', 'value', 'unit', 'peer', 'peer_name', 'ratio', 'target', 'ok'}


@pytest.mark.parametrize(
    ('better', 'value', 'peer', 'ratio'),
    [
        ('lower', 10.0, 30.0, 3.0),
        ('higher', 10.0, 30.0, 1 / 3),
        ('lower', 0.0, 0.0, 1.0),
        ('lower', 0.0, 5.0, None),
        ('higher', 5.0, 0.0, None),
        ('lower', 10.0, None, None),
    ],
)
def test_the_ratio_is_how_many_times_better(better, value, peer, ratio):
    assert Row('a', value, 'us', peer, better=better).ratio == (
        None if ratio is None else pytest.approx(ratio)
    )


@pytest.mark.parametrize(
    ('limits', 'ok', 'target'),
    [
        ({'below': 10.0}, False, 'p50 < 10 us'),
        ({'most': 10.0}, True, 'p50 <= 10 us'),
        ({'least': 10.0}, True, 'p50 >= 10 us'),
        ({'least': 10.5}, False, 'p50 >= 10.5 us'),
        ({'below': 11.0, 'times': 3.0}, True, 'p50 < 11 us, >= 3x the peer'),
        ({'below': 11.0, 'times': 3.1}, False, 'p50 < 11 us, >= 3.1x the peer'),
        ({}, True, ''),
    ],
)
def test_target_and_verdict_follow_from_the_limits(limits, ok, target):
    row = Row.judged('a', 10.0, 'us', what='p50', peer=30.0, peer_name='theirs', **limits)
    assert (row.ok, row.target) == (ok, target)


def test_a_peer_that_was_not_run_is_not_judged():
    row = Row.judged('a', 10.0, 'us', below=11.0, times=3.0, peer_name='theirs')
    assert (row.ok, row.peer, row.ratio) == (True, None, None)
    assert 'not run' in row.target
    left_out = Row.not_run('b', '%')
    assert (left_out.ok, left_out.value, left_out.target) == (True, None, 'not run')


@pytest.mark.parametrize('value', [math.nan, math.inf])
def test_what_is_no_number_is_no_row(value):
    with pytest.raises(ValueError, match='finite'):
        Row('a', value, 'us')
    with pytest.raises(ValueError, match='finite'):
        Row('a', 1.0, 'us', peer=value)


@pytest.mark.parametrize(('power', 'ok'), [(0.0, True), (1.0, True), (1.2, False), (2.0, False)])
def test_scaling_is_the_exponent_of_cost_over_size(power, ok):
    sizes = (10.0, 20.0, 50.0, 200.0)
    row = Row.scaling('scale_x', Curve('x', sizes, tuple(3 * s**power for s in sizes), 'us'))
    assert row.value == pytest.approx(power, abs=1e-12)
    assert row.ok is ok


def test_percentile_interpolates():
    assert percentile([4.0, 1.0, 3.0, 2.0], 50) == 2.5
    assert percentile([4.0, 1.0, 3.0, 2.0], 100) == 4.0
    assert percentile([7.0], 99) == 7.0


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a made-up benchmark that gives these rows; return exit status and the folder."""

    def go(rows):
        def measured(options, screen):
            with screen.part('part', 3, lines=3) as part:
                part.advance(3, 'all of it')
            return rows(options) if callable(rows) else rows

        monkeypatch.setitem(sys.modules, 'vla_eval.bench.made_up', SimpleNamespace(run=measured))
        options = BenchOptions(tmp_path, tmp_path, quick=True, seed=5)
        return bench.run('made_up', options, Screen()), tmp_path

    return go


def test_what_is_written_is_whole_and_says_where_it_comes_from(run, monkeypatch, capsys):
    monkeypatch.setenv('VLA_COMMAND', './vla bench made_up --quick')
    curve = Curve('n', (1.0, 2.0), (1.0, 2.0), 'us')
    status, folder = run(
        [Row('a', 1.5, 'us', 3.0, 'theirs', more={'p99': 4.0}), Row.scaling('scale_n', curve)]
    )
    assert status == 0
    written = json.loads((folder / 'bench.json').read_text())
    assert set(written) == {'rows', 'provenance'}
    first, second = written['rows']
    assert set(first) >= FIELDS
    assert (first['ratio'], first['p99'], first['ok']) == (2.0, 4.0, True)
    assert second['curve']['costs'] == [1.0, 2.0]
    source = written['provenance']
    assert (source['command'], source['seed']) == ('./vla bench made_up --quick', 5)
    assert source['host']['processor']
    assert source['versions']['numpy'][0].isdigit()
    assert '<svg' in (folder / 'bench.svg').read_text()
    assert sorted(f.name for f in folder.iterdir()) == ['bench.json', 'bench.svg']
    said = capsys.readouterr().out
    assert 'part 3/3 all of it' in said
    assert said.splitlines()[-1] == str(folder / 'bench.svg')


def test_a_row_that_is_not_ok_is_exit_1_and_named(run, capsys):
    status, folder = run([Row('good', 1.0, 's'), Row('bad', 1.0, 's', ok=False)])
    assert status == 1
    assert 'not ok: bad' in capsys.readouterr().out
    assert json.loads((folder / 'bench.json').read_text())['rows'][1]['ok'] is False


def test_two_rows_of_one_name_are_refused_and_nothing_is_written(run):
    with pytest.raises(ValueError, match='twice: a'):
        run([Row('a', 1.0, 's'), Row('a', 2.0, 's')])


def test_options_reach_the_benchmark(run):
    status, _ = run(lambda options: [Row('seed', float(options.seed), '')])
    assert status == 0
