"""Where a sweep goes on: in the first folder of its words that is not finished."""

from argparse import Namespace

import pytest

from vla_cli import sweep
from vla_cli.places import Places


def given(**changes):
    one = {'policy': 'flow', 'strategy': 'rtc', 'latency_ms': '0', 'seed': '1', 'graph': False,
           'bag': None, 'baseline': None, 'only': None}  # fmt: skip
    return Namespace(**one | changes)


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [({}, False), ({'seed': '1,2'}, True), ({'policy': 'flow,hold'}, True),
     ({'strategy': 'rtc,async'}, True), ({'latency_ms': '0,uniform:1:2'}, True)],
)  # fmt: skip
def test_more_than_one_value_makes_a_sweep(changes, expected):
    assert sweep.asked(given(**changes)) is expected


@pytest.mark.parametrize(
    'changes', [{'graph': True}, {'only': 0}, {'baseline': 'r.json'}, {'policy': 'flow,replay'}]
)
def test_what_is_for_one_run_is_refused(changes):
    assert next(iter(changes)) in sweep.contradiction(given(seed='1,2', **changes))


def test_a_sweep_goes_on_until_it_is_finished(tmp_path):
    places = Places(tmp_path)
    first = sweep.folder(places, ['--seed', '1,2'])
    assert first == sweep.folder(places, ['--seed', '1,2'])
    assert first != sweep.folder(places, ['--seed', '1,3'])
    first.mkdir(parents=True)
    (first / 'episodes.jsonl').touch()
    assert sweep.folder(places, ['--seed', '1,2']) == first
    (first / 'report.json').touch()
    second = sweep.folder(places, ['--seed', '1,2'])
    assert second.name == f'{first.name}-2'
