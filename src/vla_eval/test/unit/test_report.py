"""report.json and report.html of a made-up run."""

import base64
import io
import json
from dataclasses import replace
from html.parser import HTMLParser

import av
import numpy as np
import pytest

from vla_core.command import GateCounts
from vla_eval.core import baseline, films, report, report_html, report_json
from vla_eval.core.page import gate
from vla_eval.core.statistics import wilson

TASKS = ('reach', 'push', 'pick', 'place')
REPEAT = './vla eval --seed 7 --tasks {task} --only {index}'
FILM = np.stack([np.full((96, 96, 3), (k * 9, 120, 255 - k * 9), np.uint8) for k in range(20)])
LOADS = {'src', 'srcset', 'poster', 'data', 'background', 'xlink:href'}


class Page(HTMLParser):
    """What a browser would load, and what it would show."""

    def __init__(self):
        super().__init__()
        self.loads, self.pictures, self.words, self.tags = [], 0, '', []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.pictures += tag in ('img', 'svg', 'video')
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


def test_the_first_failures_of_a_task_are_films_that_open(tmp_path, run, conditions, provenance):
    failing = [replace(r, success=False, film=FILM) for r in run]
    written = report.write(tmp_path, failing, conditions, 'virtual', provenance, {}, REPEAT)
    page = Page()
    page.feed(written.html.read_text(encoding='utf-8'))
    films = [dict(attrs) for tag, attrs in page.tags if tag == 'video']
    assert len(films) == 3 * len(TASKS)
    assert len({film['src'] for film in films}) == 1  # the same pictures, the same bytes
    head, _, data = films[0]['src'].partition(',')
    assert head == 'data:video/webm;base64'
    with av.open(io.BytesIO(base64.b64decode(data))) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.codec.canonical_name, stream.average_rate) == ('vp9', 10)
        shown = np.stack([f.to_ndarray(format='rgb24') for f in film.decode(stream)])
    assert shown.shape == FILM.shape
    assert np.abs(shown.astype(int) - FILM).mean() < 8


def test_a_page_full_of_failures_stays_small(tmp_path, run, conditions, provenance):
    noise = np.random.default_rng(0).integers(0, 255, (80, 96, 96, 3), np.uint8)
    failing = [replace(r, success=False, film=noise) for r in run]
    written = report.write(tmp_path, failing, conditions, 'virtual', provenance, {}, REPEAT)
    assert 1e6 < written.html.stat().st_size < 5e6
    assert 'would make this page too large' in written.html.read_text(encoding='utf-8')


def test_films_are_no_larger_than_they_are_shown():
    data = films.webm(np.zeros((3, 480, 640, 3), np.uint8)).partition(',')[2]
    with av.open(io.BytesIO(base64.b64decode(data))) as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (320, 240)


def test_a_long_run_still_fits_a_page(run, conditions, provenance):
    many = [replace(r, film=None, pictures=(), path=None) for r in run] * 2000
    values = report_json.build(many, conditions, 'virtual', provenance, {})
    page = report_html.build(values, many, REPEAT)
    assert len(page) < 5e6
    assert '36000 more are in report.json' in page


@pytest.mark.parametrize(
    ('clipped', 'stops', 'said'),
    [(0, 0, 'changed 0.000 % of 4000 ticks'), (4, 0, 'Kept here'), (5, 0, 'Not kept'),
     (0, 1, 'stopped the robot once'), (0, 2, 'Not kept')],
)  # fmt: skip
def test_the_gates_false_alarms_are_told_in_words_beside_their_target(
    run, conditions, provenance, clipped, stops, said
):
    counts = [GateCounts(ticks=200)] * 19 + [GateCounts(200, clipped=clipped, stops=stops)]
    run = [replace(r, gate=gate) for r, gate in zip(run, counts, strict=True)]
    values = report_json.build(run, conditions, 'virtual', provenance, {})
    words = gate.verdict(values)
    assert said in words
    assert 'at most 0.1 % of the ticks clipped, and no stop' in words
    page = report_html.build(values, run, REPEAT)
    assert ('Episodes with stops' in page) == bool(stops)


def test_the_comparison_with_a_baseline_is_on_the_page_and_in_the_numbers(
    tmp_path, run, conditions, provenance
):
    old = report_json.build(run, conditions, 'virtual', provenance, {})
    worse = [replace(r, success=r.success and r.trial.task != 'pick', steps=20) for r in run]
    more = {'baseline': lambda new: baseline.compare(old, new) | {'fail_if': []}}
    written = report.write(tmp_path, worse, conditions, 'virtual', provenance, {}, REPEAT, more)
    found = json.loads(written.json.read_text(encoding='utf-8'))['baseline']
    assert found['success']['difference'] == pytest.approx(-0.2)
    pick = found['tasks']['pick']
    assert (pick['pairs'], pick['lost'], pick['gained']) == (5, 4, 0)
    assert pick['p'] == pytest.approx(0.125)
    assert pick['steps'] is None
    assert found['tasks']['reach']['p'] == 1.0
    assert found['tasks']['reach']['steps']['pairs'] == 4
    page = written.html.read_text(encoding='utf-8')
    assert 'Beside the baseline' in page
    assert '-80.0' in page
    assert 'exact McNemar' in page


def test_nothing_half_written_stays(written):
    assert sorted(p.name for p in written.json.parent.iterdir()) == ['report.html', 'report.json']


def test_words_are_escaped(tmp_path, run, conditions, provenance):
    run[-1] = replace(run[-1], heard='<b>pick</b> & place')
    written = report.write(tmp_path, run, conditions, 'virtual', provenance, {}, REPEAT)
    assert '&lt;b&gt;pick&lt;/b&gt; &amp; place' in written.html.read_text(encoding='utf-8')
