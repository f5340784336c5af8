"""The parts of `./vla bench control` that need ROS: messages and the ticker."""

from pathlib import Path

import pytest

from vla_control.core.settings import ExecutorSettings
from vla_eval.bench import BenchOptions
from vla_eval.bench._control import chunks, memory, period
from vla_eval.bench._control.feeding import Fed
from vla_eval.bench._screen import Screen

pytestmark = pytest.mark.ros
ROOT = Path(__file__).parents[4]


def test_chunk_accept_lets_every_chunk_in(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks, 'QUICK_CHUNKS', 5)
    monkeypatch.setattr(chunks, 'WARM', 2)
    (row,) = chunks.measure(BenchOptions(ROOT, tmp_path, quick=True), Screen())
    assert row.id == 'chunk_accept'
    assert row.value > 0
    assert row.more['samples'] == 5


def test_memory_is_of_ticks_that_move_and_not_run_when_quick(tmp_path, monkeypatch):
    (row,) = memory.measure(BenchOptions(ROOT, tmp_path, quick=True), Screen())
    assert (row.target, row.ok, row.value) == ('not run', True, None)
    monkeypatch.setattr(memory, 'HOUR_TICKS', 200)
    monkeypatch.setattr(memory, 'FIRST_TICKS', 60)
    monkeypatch.setattr(memory, 'LOOKS', 2)
    (row,) = memory.measure(BenchOptions(ROOT, tmp_path), Screen())
    assert row.more['ticks'] == 260
    assert row.more['moving_ticks'] > 200
    assert row.more['begin_mb'] > 10


def test_the_ticker_does_control_ticks():
    fed = Fed.chain(3, 16, ExecutorSettings())
    errors, missed = period.ticker_errors(fed, 10_000_000, 0.5)
    assert 10 < len(errors) <= 51
    assert fed.ticks == len(errors) + 1
    assert fed.moving > 0
    assert missed >= 0
