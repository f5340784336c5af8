"""The model's thread: newest wins, epochs end what was begun before them, errors are told."""

import threading

import pytest

from vla_policy.core.hold import HoldPolicy
from vla_policy.core.model_thread import ModelThread

PATIENCE_S = 5.0


class Gated:
    """Plans only when it is let: `begun` tells that it was asked, `go` lets it answer."""

    def __init__(self, contract):
        self._hold = HoldPolicy(contract)
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.asked, self.epochs = [], []

    def reset(self, epoch):
        self.epochs.append(epoch)

    def infer(self, observation, committed):
        self.asked.append((observation.sequence, committed))
        self.begun.release()
        assert self.go.acquire(timeout=PATIENCE_S)
        if observation.instruction == 'break':
            raise ValueError('broken on purpose')
        return self._hold.infer(observation, committed)


class Desk:
    """A model thread with a gated policy, and everything it delivered."""

    def __init__(self, contract):
        self.policy = Gated(contract)
        self.chunks, self.errors = [], []
        self._heard = threading.Semaphore(0)
        self.thread = ModelThread(self.policy, self._take, self._fail)
        self.thread.start()

    def _take(self, chunk):
        self.chunks.append(chunk)
        self._heard.release()

    def _fail(self, error):
        self.errors.append(error)
        self._heard.release()

    def wait_begun(self):
        assert self.policy.begun.acquire(timeout=PATIENCE_S)

    def wait_heard(self):
        assert self._heard.acquire(timeout=PATIENCE_S)


@pytest.fixture
def desk(contract):
    made = Desk(contract)
    yield made
    made.policy.go.release(100)
    made.thread.stop()


@pytest.fixture
def seen(world):
    def make(sequence, epoch=1, words='go'):
        plain = world.observation(words)
        return plain.with_changes(sequence=sequence, epoch=epoch)

    return make


def test_only_the_newest_observation_is_planned_from(desk, seen):
    desk.thread.see(seen(1))
    desk.wait_begun()
    for sequence in (2, 3, 4):
        desk.thread.see(seen(sequence))
    desk.policy.go.release(2)
    desk.wait_heard()
    desk.wait_heard()
    assert [chunk.sequence for chunk in desk.chunks] == [1, 4]
    assert desk.thread.overtaken == 2


def test_a_chunk_begun_before_a_new_epoch_is_dropped(desk, seen):
    desk.thread.see(seen(1, epoch=1))
    desk.wait_begun()
    desk.thread.see(seen(2, epoch=2))
    desk.policy.go.release(2)
    desk.wait_heard()
    assert [chunk.sequence for chunk in desk.chunks] == [2]
    assert desk.thread.outdated == 1
    assert desk.policy.epochs == [1, 2]


def test_epochs_may_count_from_the_start_again(desk, seen):
    desk.policy.go.release(2)
    desk.thread.see(seen(1, epoch=9))
    desk.wait_heard()
    desk.thread.see(seen(2, epoch=1))
    desk.wait_heard()
    assert [chunk.epoch for chunk in desk.chunks] == [9, 1]


def test_without_words_nothing_is_planned(desk, seen):
    desk.policy.go.release(1)
    desk.thread.see(seen(1, words=''))
    desk.thread.see(seen(2))
    desk.wait_heard()
    assert [sequence for sequence, _ in desk.policy.asked] == [2]


def test_words_taken_back_end_what_was_begun(desk, seen):
    desk.thread.see(seen(1, epoch=1))
    desk.wait_begun()
    desk.thread.see(seen(2, epoch=2, words=''))
    desk.policy.go.release(2)
    desk.thread.see(seen(3, epoch=3))
    desk.wait_heard()
    assert [chunk.sequence for chunk in desk.chunks] == [3]


def test_a_plan_counts_as_committed_in_its_own_epoch_only(desk, seen, contract):
    plan = HoldPolicy(contract).infer(seen(0, epoch=1), None)
    desk.policy.go.release(2)
    desk.thread.commit(plan)
    desk.thread.see(seen(1, epoch=1))
    desk.wait_heard()
    desk.thread.see(seen(2, epoch=2))
    desk.wait_heard()
    assert desk.policy.asked == [(1, plan), (2, None)]


def test_a_failure_is_told(desk, seen):
    desk.policy.go.release(1)
    desk.thread.see(seen(1, words='break'))
    desk.wait_heard()
    assert str(desk.errors[0]) == 'broken on purpose'


def test_a_stopped_thread_can_begin_again(desk, seen):
    desk.policy.go.release(2)
    desk.thread.see(seen(1))
    desk.wait_heard()
    desk.thread.stop()
    desk.thread.see(seen(2))  # nobody is there
    desk.thread.start()
    desk.thread.see(seen(3))
    desk.wait_heard()
    assert [chunk.sequence for chunk in desk.chunks] == [1, 3]
