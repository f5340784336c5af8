"""The chunk store: what is let in, each refusal with its reason, and the counts."""

import numpy as np
import pytest

from vla_control.core.errors import ChunkRefused
from vla_control.core.reasons import Reason
from vla_control.core.store import ChunkStore
from vla_core.command import ChunkCounts


@pytest.fixture
def stored(rig):
    rig = rig()
    return rig, ChunkStore(rig.contract, rig.layout, max_lead_ns=10**9)


REFUSED = {
    Reason.WRONG_CONTRACT: {'contract_digest': '0' * 64},
    Reason.WRONG_STEP: {'step_ns': 1},
    Reason.OTHER_EPOCH: {'epoch': 7},
    Reason.EXPIRED: {'t0_ns': 1},
    Reason.TOO_EARLY: {'t0_ns': 102 * 10**9},
}


@pytest.mark.parametrize('reason', REFUSED)
def test_a_chunk_that_does_not_fit_is_refused_with_its_reason(stored, reason):
    rig, store = stored
    with pytest.raises(ChunkRefused) as caught:
        store.accept(rig.chunk(rig.glide(), **REFUSED[reason]), 1, rig.now_ns)
    assert caught.value.reason is reason
    assert 'expected' in caught.value.detail or reason is Reason.EXPIRED
    assert store.tracks == ()
    expired = reason is Reason.EXPIRED
    assert store.counts == ChunkCounts(received=1, refused=not expired, expired=expired)


def test_wrong_columns_are_named(stored):
    rig, store = stored
    rows = rig.glide()
    swapped = ('tool.y', 'tool.x', *rig.contract.action.columns[2:])
    with pytest.raises(ChunkRefused, match="'tool.x' expected as column 0, got 'tool.y'"):
        store.accept(rig.chunk(rows, columns=swapped), 1, rig.now_ns)
    with pytest.raises(ChunkRefused, match='10 columns expected, got 9'):
        store.accept(rig.chunk(rows[:, :9], columns=swapped[:9]), 1, rig.now_ns)


def test_a_duplicate_is_refused_whatever_it_holds(stored):
    rig, store = stored
    chunk = rig.chunk(rig.glide())
    store.accept(chunk, 1, rig.now_ns)
    with pytest.raises(ChunkRefused) as caught:
        store.accept(chunk.with_changes(actions=chunk.actions + 0.1), 1, rig.now_ns)
    assert caught.value.reason is Reason.DUPLICATE
    assert len(store.tracks) == 1


def test_a_row_of_zeros_is_a_row(jointed):
    rig = jointed()
    store = ChunkStore(rig.contract, rig.layout, 10**9)
    track = store.accept(rig.chunk(np.zeros((16, 7))), 1, rig.now_ns)
    assert len(track.points) == 17


def test_chunks_stand_in_order_of_observation_however_they_arrive(stored):
    rig, store = stored
    stamps = [5, 2, 9, 1]
    for stamp in stamps:
        chunk = rig.chunk(rig.glide(), observation_stamp_ns=stamp, t0_ns=rig.now_ns + stamp)
        store.accept(chunk, 1, rig.now_ns)
    assert [t.chunk.observation_stamp_ns for t in store.tracks] == sorted(stamps)


def test_a_chunk_is_over_one_step_after_its_last_row(stored):
    rig, store = stored
    chunk = store.accept(rig.chunk(rig.glide()), 1, rig.now_ns).chunk
    store.drop_elapsed(chunk.t0_ns + 16 * chunk.step_ns - 1)
    assert len(store.tracks) == 1
    store.drop_elapsed(chunk.t0_ns + 16 * chunk.step_ns)
    assert store.tracks == ()


def test_memory_is_bounded(stored):
    rig, store = stored
    rows = rig.glide()
    for k in range(300):
        store.accept(rig.chunk(rows, observation_stamp_ns=k + 1), 1, rig.now_ns)
    assert len(store.tracks) == 256
    assert store.tracks[0].chunk.observation_stamp_ns == 45


@pytest.mark.parametrize(
    ('strategy', 'wanted'),
    [('sync', 4), ('receding_horizon', 4), ('temporal_ensemble', 1), ('async', 1), ('rtc', 4)],
)
def test_a_chunk_of_fewer_rows_than_are_executed_is_refused(rig, strategy, wanted):
    rig = rig(strategy=strategy, execute_rows=4)
    rig.measure()
    rig.instruct()
    rig.send(rig.glide(horizon=wanted))
    rig.now_ns += rig.step_ns
    if wanted > 1:
        with pytest.raises(ChunkRefused, match='4 rows or more expected .execute_rows., got 3'):
            rig.send(rig.glide(horizon=3))
        assert rig.status().chunks.refused == 1
