"""A trace has the form that Perfetto and chrome://tracing read."""

import json

import pytest

from vla_core.timing import MS, Timing
from vla_eval.core import tracing

BEGIN = 1_700_000_000_000_000_000
WHOLE = Timing(*(BEGIN + k * MS for k in (0, 10, 11, 13, 33, 34, 40)))


@pytest.fixture
def events(tmp_path):
    tracing.write(tmp_path / 't.json', tracing.trace([(3, 7, WHOLE), (3, 8, WHOLE)]))
    assert [p.name for p in tmp_path.iterdir()] == ['t.json']
    return json.loads((tmp_path / 't.json').read_text())['traceEvents']


def of(events, phase):
    return [e for e in events if e['ph'] == phase]


def test_every_event_has_what_its_phase_needs(events):
    needed = {'X': {'name', 'ts', 'dur', 'pid', 'tid'}, 'M': {'name', 'pid', 'args'}}
    flow = {'name', 'cat', 'id', 'ts', 'pid', 'tid'}
    for event in events:
        assert needed.get(event['ph'], flow) <= set(event), event
        assert event['ph'] in 'XMstf'
        assert event.get('dur', 0) >= 0


def test_stages_lie_end_to_end_from_capture_to_the_first_row(events):
    spans = [e for e in of(events, 'X') if e['args']['sequence'] == 7]
    assert sum(e['dur'] for e in spans) == pytest.approx(40_000)  # us
    for before, after in zip(spans, spans[1:], strict=False):
        assert before['ts'] + before['dur'] == pytest.approx(after['ts'], abs=1.0)
    threads = {e['tid']: e['args']['name'] for e in of(events, 'M') if e['name'] == 'thread_name'}
    assert [threads[e['tid']] for e in spans] == ['observer', *['policy'] * 4, 'executor']


def test_a_flow_begins_and_ends_once_per_chunk_inside_a_stage(events):
    for phase in 'sf':
        assert sorted(e['id'] for e in of(events, phase)) == [1, 2]
    places = {(e['tid'], e['ts']) for e in of(events, 'X')}
    assert all((e['tid'], e['ts']) in places for p in 'stf' for e in of(events, p))


def test_stages_that_were_not_passed_are_left_out():
    timing = Timing(captured_ns=BEGIN, assembled_ns=BEGIN + MS, received_ns=BEGIN)
    found = tracing.trace([(1, 1, timing)])['traceEvents']
    assert [e['name'] for e in of(found, 'X')] == ['capture to assembled']
    assert not of(found, 's')
