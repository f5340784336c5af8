"""The page and the numbers of a sweep, from made-up results."""

from dataclasses import replace
from pathlib import Path

import pytest

from vla_core.latency import Latency
from vla_eval.core import report_json, sweep_json
from vla_eval.core.episodes import Conditions
from vla_eval.core.page import sweep_page
from vla_eval.core.statistics import wilson
from vla_eval.core.sweep import Sweep

BASE = Conditions(Path('robots/arm_7.yaml'), Path('checkpoints'), 'hold')
TASKS = ('reach', 'pick')


@pytest.fixture
def played(made):
    """Two policies at two latencies; the second policy fails the first half of every task."""
    sweep = Sweep(
        BASE,
        ('flow', '/runs/other'),
        ('rtc',),
        (Latency(), Latency.parse('200')),
        (1, 2),
        TASKS,
        4,
    )
    found = []
    for setting in sweep.settings:
        jobs = sweep.jobs(setting)
        won = [setting.policy == 'flow' or job.trial.index >= 2 for job in jobs]
        results = [
            replace(made(job.trial.task, job.trial.index, success), trial=job.trial, film=None)
            for job, success in zip(jobs, won, strict=True)
        ]
        found.append(sweep_json.Played(setting, jobs, results))
    return sweep, found


def test_every_setting_is_told_in_the_words_of_a_run(played):
    report = sweep_json.build(*played, {'commit': 'abc'}, {'seconds': 1.0})
    assert [(s['policy'], s['latency'], s['success']) for s in report['settings']] == [
        ('flow', '0', 1.0), ('flow', '200', 1.0),
        ('/runs/other', '0', 0.5), ('/runs/other', '200', 0.5),
    ]  # fmt: skip
    for setting in report['settings']:
        low, high = setting['ci95']
        assert low < setting['success'] <= high
        one = wilson(8, 8) if setting['success'] == 1 else wilson(4, 8)
        assert setting['tasks']['pick']['ci95'] == pytest.approx(one, abs=1e-6)
        assert low > one[0]  # two tasks tell more than one
        assert setting['gate']['ticks'] == 16 * 200
    text = report_json.text(report)
    assert report_json.text(sweep_json.build(*played, {'commit': 'abc'}, {'seconds': 1.0})) == text


def test_differences_are_counted_pair_by_pair(played):
    report = sweep_json.build(*played, {}, {})
    found = {
        (e['axis'], e['new']['policy'], e['new']['latency']): e for e in report['comparisons']
    }
    assert len(found) == 4
    value = found['policy', '/runs/other', '200']['success']
    assert (value['difference'], value['pairs'], value['lost'], value['gained']) == (
        -0.5,
        16,
        8,
        0,
    )
    assert value['p'] == pytest.approx(2 / 2**8, rel=1e-3)
    assert value['ci95'][1] < 0
    assert found['latency', 'flow', '200']['success']['difference'] == 0


def test_the_page_says_what_is_best_what_differs_and_how_to_repeat(played):
    report = sweep_json.build(*played, {'commit': 'abc'}, {})
    page = sweep_page.body(report, played[1])
    for words in ('Success over latency', '4 settings', 'best: flow, rtc, 0 ms', 'Failures (16)'):
        assert words in page
    assert page.count('<figure>') == page.count('<figcaption>') == 2
    assert (
        './vla eval --seed 2 --policy /runs/other --strategy rtc --phrasing known --robot arm_7 '
        '--latency-ms 200 --tasks pick --only 1'
    ) in page
    assert 'at most 0.1 % of the ticks clipped' in page
