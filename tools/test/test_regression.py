"""`--baseline` and `--fail-if` on the command line: what is let through, what gets one line."""

import json
import os
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from vla_cli import regression

ROOT = Path(__file__).parents[2]
REPORT = {
    'format': 1,
    'success': 0.75,
    'policy': 'flow',
    'tasks': {'reach': {'rate': 1.0}, 'pick': {'rate': 0.5}},
    'latency_ms': {'inference': {'p95': 12.5, 'p99': None}},
    'gate': {'stops': 0},
}


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ('success<-0.05', [('success', '<', -0.05)]),
        ('success/pick < -.1', [('success/pick', '<', -0.1)]),
        ('gate.stops>0', [('gate.stops', '>', 0.0)]),
        ('success<-5e-2, latency_ms.inference.p95>3',
         [('success', '<', -0.05), ('latency_ms.inference.p95', '>', 3.0)]),
    ],
)  # fmt: skip
def test_conditions_are_read(text, found):
    assert [(c.key, c.op, c.number) for c in regression.conditions(text)] == found


@pytest.mark.parametrize(
    'text',
    ['', 'success', 'success<', '<0.1', 'succes<<x', 'success<x', 'success<nan', 'success<inf',
     'success=0', 'success<=0', 'success<0;gate.stops>0', 'success<0,', 'a b<0'],
)  # fmt: skip
def test_nonsense_is_refused_with_what_would_be_right(text):
    with pytest.raises(ArgumentTypeError, match='is no condition: write'):
        regression.conditions(text)


@pytest.mark.parametrize(
    ('key', 'number'),
    [
        ('success', 0.75),
        ('success/pick', 0.5),
        ('tasks.reach.rate', 1.0),
        ('latency_ms.inference.p95', 12.5),
        ('latency_ms.inference.p99', None),
        ('latency_ms', None),
        ('policy', None),
        ('success/push', None),
        ('nosuch.key', None),
    ],
)
def test_a_key_names_a_number_of_the_report(key, number):
    assert regression.conditions(f'{key}<0')[0].number_in(REPORT) == number


def test_less_is_less_and_equal_is_not():
    condition = regression.conditions('success<-0.05')[0]
    assert [condition.met(x) for x in (-0.06, -0.05, 0.2)] == [True, False, False]


@pytest.fixture
def report(tmp_path):
    path = tmp_path / 'report.json'
    path.write_text(json.dumps(REPORT))
    return path


def vla(*words):
    command = [sys.executable, '-I', '-S', str(ROOT / 'vla'), 'eval', *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, env=dict(os.environ)
    )


@pytest.mark.parametrize(
    ('content', 'named'),
    [
        ('{"format": 1', 'no report.json'),
        ('[]', 'no report.json of one run'),
        ('{"rows": []}', 'no report.json of one run'),
        (json.dumps({**REPORT, 'format': 7}), 'version 7'),
    ],
)
def test_a_baseline_that_is_none_is_one_line(report, content, named):
    report.write_text(content)
    done = vla('--baseline', report, '--fail-if', 'success<0', '--tasks', 'reach,pick')
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1
    assert named in done.stderr
    assert str(report) in done.stderr


@pytest.mark.parametrize(
    ('words', 'named'),
    [
        (('--fail-if', 'succes<<x'), 'succes<<x'),
        (('--fail-if', 'succes<0'), "'succes'"),
        (('--fail-if', 'success/fly<0'), "'fly'"),
        (('--fail-if', 'tasks.fly.rate<0'), "'fly'"),
        (('--fail-if', 'latency_ms.inference.p99>0'), 'latency_ms.inference.p99'),
        (('--tasks', 'reach,push'), 'reach,push'),
        (('--tasks', 'reach'), '--tasks reach,pick'),
        (('--baseline', '/no/such/report.json'), '/no/such/report.json'),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_run(report, tmp_path, words, named):
    out = tmp_path / 'out'
    done = vla('--tasks', 'reach,pick', '--baseline', report, '--out', out, *words)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.count('\n') == 1
    assert named in done.stderr
    assert not out.exists()


def test_a_condition_without_a_baseline_is_refused():
    done = vla('--fail-if', 'success<0')
    assert done.returncode == 2
    assert '--baseline' in done.stderr
