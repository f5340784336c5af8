"""The comparison of strategies: resumes after a kill, counts right, says what was not run."""

import pytest

from vla_control.core.settings import ExecutorSettings
from vla_control.core.strategies import STRATEGIES
from vla_eval.bench import Row
from vla_eval.bench._strategies import cells, document, page, summary, words
from vla_eval.core.comparison import LATE, SUCCESS, Cell
from vla_eval.core.errors import RequestError
from vla_eval.core.journal import Journal
from vla_eval.core.statistics import wilson

SOURCE = {'seed': 3, 'contract': 'abc'}


def figures(success: bool, **changes) -> dict:
    plain = {
        'success': success, 'steps': 30, 'jerk': 20.0, 'boundary_jump': 0.1, 'hand_overs': 3,
        'ticks': 300, 'clipped': 3, 'refused': 0, 'holds': 0, 'stops': 0, 'moved': False,
        'reaction_ms': None,
    }  # fmt: skip
    return plain | changes


def played(cell: Cell, wins: int, of: int) -> dict:
    return {(cell.name, k): figures(k < wins) for k in range(of)}


def late(strategy: str, ms: int) -> Cell:
    return Cell(SUCCESS, LATE, strategy, ms)


def kept(found: dict) -> Row:
    every = cells.every()
    return summary.rows(every, summary.summaries(every, found), judged=True)[0]


def test_a_journal_goes_on_after_a_cut_off_line(tmp_path):
    path = tmp_path / 'episodes.jsonl'
    with Journal(path, SOURCE) as journal:
        journal.add('a', 0, figures(True))
        journal.add('a', 1, figures(False))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"cell": "a", "ind')
    with Journal(path, SOURCE) as journal:
        assert set(journal.episodes) == {('a', 0), ('a', 1)}
        journal.add('b', 0, figures(True))
    assert path.read_bytes().startswith(whole)
    with Journal(path, SOURCE) as journal:
        assert journal.episodes['b', 0] == figures(True)
        assert len(journal.episodes) == 3


def test_a_journal_of_another_run_is_refused_in_one_line(tmp_path):
    path = tmp_path / 'episodes.jsonl'
    Journal(path, SOURCE).add('a', 0, figures(True))
    with pytest.raises(RequestError, match='other seed') as refused:
        Journal(path, {**SOURCE, 'seed': 4})
    assert '\n' not in str(refused.value)


def test_every_strategy_has_every_cell():
    every = cells.every()
    names = {cell.name for cell in every}
    assert len(names) == len(every)
    for strategy in ('sync', 'receding_horizon', 'temporal_ensemble', 'async', 'rtc'):
        for ms in (0, 50, 100, 200, 400):
            for task in ('reach', 'push', 'pick', 'place', LATE):
                assert f'success/{task}/{strategy}/{ms}ms' in names
                assert ms == 0 or f'success/{task}/{strategy}/{ms}ms_jitter' in names
            assert f'reaction/reach/{strategy}/{ms}ms' in names
    assert {cells.episodes(c, False) for c in every if c.kind == SUCCESS} == {50, 200}
    assert {cells.episodes(c, False) for c in every if c.task == LATE and c.kind == SUCCESS} == {
        200
    }
    quick = {c.strategy for c in every if cells.episodes(c, True)}
    assert quick >= {'sync', 'receding_horizon', 'temporal_ensemble', 'async', 'rtc'}


def test_jitter_keeps_the_mean():
    latency = Cell(SUCCESS, LATE, 'rtc', 200, jitter=True).latency
    assert (latency.kind, (latency.a + latency.b) / 2) == ('uniform', 200)


def test_what_is_kept_leaves_sync_and_variants_out():
    found = (
        played(late('sync', 0), 20, 20)
        | played(late('sync', 400), 20, 20)
        | played(late('rtc_trained', 400), 20, 20)
        | played(late('rtc', 0), 10, 20)
        | played(late('rtc', 400), 16, 20)
        | played(late('async', 400), 4, 20)
    )
    row = kept(found)
    assert row.id == 'late_decision_kept'
    assert row.value == pytest.approx(16 / 20)
    assert not row.ok
    assert row.more['strategy'] == 'rtc'
    assert kept(found | played(late('async', 400), 19, 20)).ok


def test_a_cell_gives_its_rate_its_interval_and_its_smoothness():
    cell = late('rtc', 50)
    every = cells.every()
    found = summary.summaries(every, played(cell, 15, 20))
    rows = {row.id: row for row in summary.rows(every, found, judged=True)}
    row = rows['success/late_decision/rtc/50ms']
    assert row.value == 0.75
    assert row.more['ci95'] == [round(bound, 4) for bound in wilson(15, 20)]
    assert rows['jerk/late_decision/rtc/50ms'].value == 20.0
    assert rows['clipped/late_decision/rtc/50ms'].value == 0.01
    assert rows['success/late_decision/rtc/100ms'].target == 'not run'
    assert rows['success/late_decision/rtc/100ms'].ok
    assert rows['late_decision_kept'].target == 'not run'


def test_page_and_document_hold_every_strategy_and_say_what_was_not_run(tmp_path):
    found = summary.summaries(cells.every(), played(late('rtc', 0), 3, 4))
    document.write(tmp_path / 'strategies.md', found, 'Seed 3.')
    page.write(tmp_path / 'strategies.html', found, 'Seed 3.')
    text = (tmp_path / 'strategies.md').read_text()
    html = (tmp_path / 'strategies.html').read_text()
    for word in ('./vla bench strategies', '0.75 (0.30 - 0.95)', 'not run', '400 ms'):
        assert word in text
        assert word in html
    for strategy in ('sync', 'receding_horizon', 'temporal_ensemble', 'async', 'rtc'):
        assert f'| `{strategy}` |' in text
    assert 'src=' not in html
    assert 'href=' not in html.replace('xlink:href="#', '')


def test_what_follows_says_where_the_default_ties_and_what_to_take_elsewhere():
    default = ExecutorSettings().strategy
    found = {}
    for task in (LATE, *cells.TASKS):
        for strategy in STRATEGIES:
            for ms in cells.LATENCIES_MS:
                wins = 40 if ms == 400 and strategy == default and task == LATE else 98
                wins -= 5 * (strategy == 'temporal_ensemble')
                wins -= 2 * (strategy not in ('rtc', 'temporal_ensemble'))
                cell = Cell(SUCCESS, task, strategy, ms)
                found |= played(cell, wins, 100)
    summed = summary.summaries(cells.every(), found)
    said = ' '.join(words.conclusions(summed))
    assert f'`{default}`, ties with the best strategy on every task' in said
    assert 'at 0, 50, 100, 200 ms' in said
    assert 'At 400 ms take `rtc`: 0.98 on its worst task.' in said

    del summed[Cell(SUCCESS, LATE, 'rtc', 0)]
    assert 'The default' not in ' '.join(words.conclusions(summed))
