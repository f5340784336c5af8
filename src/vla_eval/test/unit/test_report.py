"""report.json and report.html of a made-up run."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from vla_eval.core import report, report_json
from vla_eval.core.statistics import wilson

TASKS = ('reach', 'push', 'pick', 'place')
REPEAT = './vla eval --seed 7 --tasks {task} --only {index}'
LOADS = {'src', 'srcset', 'poster', 'data', 'background', 'xlink:href'}


class Page(HTMLParser):
    """What a browser would load, and what it would show."""

    def __init__(self):
        super().__init__()
        self.loads, self.pictures, self.words, self.tags = [], 0, '', []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.pictures += tag in ('img', 'svg')
        self.loads += [text for name, text in attrs if name in LOADS]

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def written(tmp_path, run, conditions, provenance):
    wall = {'seconds': 1.5}
    return report.write(tmp_path / 'out', run, conditions, 'virtual', provenance, wall, REPEAT)


@pytest.fixture
def page(written):
    page = Page()
    page.feed(written.html.read_text(encoding='utf-8'))
    return page


def test_every_promised_key_is_there(written):
    read = json.loads(written.json.read_text(encoding='utf-8'))
    assert tuple(read['tasks']) == TASKS
    for task in read['tasks'].values():
        assert task['rate'] == task['successes'] / task['episodes'] == 0.8
        assert task['ci95'] == pytest.approx(wilson(4, 5), abs=1e-6)
    for stage in ('capture_to_command', 'inference'):
        assert all(read['latency_ms'][stage][p] > 0 for p in ('p50', 'p95', 'p99'))
    assert read['gate'] == {'ticks': 4000, 'clipped': 20, 'refused': 0, 'holds': 0, 'stops': 0}
    assert read['chunks'] == {'received': 400, 'refused': 0, 'expired': 0}
    assert read['wall']['seconds'] == 1.5
    assert read['wall']['latency_ms']['inference']['count'] == 400
    assert {'strategy', 'policy', 'phrasing', 'ablate', 'latency', 'clock'} <= read.keys()
    assert [e['seed'] for e in read['episodes']] == [e['seed'] for e in written.values['episodes']]
    assert len(read['episodes']) == 20


def test_wall_figures_change_nothing_else(run, conditions, provenance):
    slower = [replace(r, wall_ms={'inference': (99.0,)}) for r in run]
    first = report_json.build(run, conditions, 'virtual', provenance, {'seconds': 1.0})
    other = report_json.build(slower, conditions, 'virtual', {}, {'seconds': 2.0})
    assert first['wall'] != other['wall']
    apart = [{**r, 'wall': 0, 'provenance': 0} for r in (first, other)]
    assert report_json.text(apart[0]) == report_json.text(apart[1])


def test_a_run_without_executed_chunks_has_no_invented_latency(run, conditions, provenance):
    silent = [replace(r, stages_ms={}) for r in run]
    values = report_json.build(silent, conditions, 'virtual', provenance, {})
    assert values['latency_ms']['inference']['p50'] is None
    json.loads(report_json.text(values))


def test_the_page_loads_nothing_from_elsewhere(written, page):
    assert page.loads
    assert all(text.startswith(('data:', '#')) for text in page.loads)
    text = written.html.read_text(encoding='utf-8')
    assert 'url(http' not in text
    assert '@import' not in text
    assert '<script' not in text
    assert written.html.stat().st_size < 5e6


def test_the_page_shows_and_explains(written, page):
    tags = [tag for tag, _ in page.tags]
    assert ('meta', 'width=device-width, initial-scale=1') in [
        (tag, attrs.get('content')) for tag, attrs in page.tags
    ]
    assert tags.count('figure') == tags.count('figcaption')
    assert page.pictures >= len(TASKS)
    assert '@media print' in written.html.read_text(encoding='utf-8')
    for word in (*TASKS, 'Wilson', '80.0 %', 'receding_horizon', 'ab' * 32):
        assert word in page.words


def test_each_failure_is_listed_with_its_seed_and_command(run, page):
    for result in run:
        command = REPEAT.format(task=result.trial.task, index=result.trial.index)
        assert (command in page.words) == (not result.success)
        if not result.success:
            assert str(result.trial.seed) in page.words


def test_nothing_half_written_stays(written):
    assert sorted(p.name for p in written.json.parent.iterdir()) == ['report.html', 'report.json']
    assert report.finished(written.json.parent)


def test_words_are_escaped(tmp_path, run, conditions, provenance):
    run[-1] = replace(run[-1], heard='<b>pick</b> & place')
    written = report.write(tmp_path, run, conditions, 'virtual', provenance, {}, REPEAT)
    assert '&lt;b&gt;pick&lt;/b&gt; &amp; place' in written.html.read_text(encoding='utf-8')
