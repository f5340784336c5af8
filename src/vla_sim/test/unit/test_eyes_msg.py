"""The thread that draws: what makes it wait, and what keeps it from drawing, is told."""

import threading

import pytest

from vla_sim.ros import eyes
from vla_sim.ros.eyes import Eyes


@pytest.fixture
def slow(monkeypatch, contract):
    """Eyes whose renderer comes only when `gate` opens, and then fails."""
    gate, said, told = threading.Event(), [], []

    def renderer(_):
        gate.wait(20.0)
        raise RuntimeError('no EGL')

    monkeypatch.setattr(eyes, 'Cameras', renderer)
    monkeypatch.setattr(eyes, 'PATIENCE_S', 0.01)

    def build(warn=said.append):
        return Eyes(contract, lambda: 0, lambda frames: None, told.append, warn)

    yield build, gate, said, told
    gate.set()


def test_a_renderer_that_takes_long_is_told_of_and_waited_for(slow):
    build, gate, _, told = slow
    said = []

    def warn(words):
        said.append(words)
        gate.set()

    with pytest.raises(RuntimeError, match='no EGL'):
        build(warn).open()
    assert len(said) == 1
    assert 'the renderer is not ready' in said[0]
    assert told == []


def test_what_fails_once_nobody_waits_is_told_all_the_same(slow, monkeypatch):
    monkeypatch.setattr(eyes, 'READY_S', 0.02)
    build, gate, said, told = slow
    drawn = build()
    drawn.open()
    assert len(said) == 1
    gate.set()
    drawn._thread.join(20.0)
    assert [str(error) for error in told] == ['no EGL']
