"""Histories against brute force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_perception.core.streams import BACK_AFTER, History, Sample

stamps = st.lists(st.integers(1, 200), max_size=40)


def history(*given_stamps, span=1000, limit=100):
    h = History(span, limit)
    for stamp in given_stamps:
        h.add(stamp, f'v{stamp}')
    return h


@given(stamps, st.integers(-50, 250))
def test_nearest_and_around_are_what_a_full_search_finds(given_stamps, moment):
    h = history(*given_stamps)
    known = sorted(set(given_stamps))
    if not known:
        assert h.nearest(moment) is None
        assert h.around(moment) == (None, None)
        return
    wanted = min(known, key=lambda s: (abs(s - moment), s))
    assert h.nearest(moment) == Sample(wanted, f'v{wanted}')
    before = max((s for s in known if s <= moment), default=None)
    after = min((s for s in known if s >= moment), default=None)
    assert [s and s.stamp_ns for s in h.around(moment)] == [before, after]


@given(stamps, st.integers(0, 200), st.integers(0, 200))
def test_between_leaves_the_first_out_and_takes_the_last_in(given_stamps, a, b):
    found = [s.stamp_ns for s in history(*given_stamps).between(a, b)]
    assert found == sorted(s for s in set(given_stamps) if a < s <= b)


@given(stamps, st.integers(1, 8))
def test_the_newest_are_kept_whatever_order_they_came_in(given_stamps, limit):
    h = history(*given_stamps, limit=limit)
    assert [s.stamp_ns for s in h.newest_first()] == sorted(set(given_stamps))[::-1][:limit]


def test_says_what_became_of_each_sample():
    h = History(100, 3)
    assert h.add(1000, 'a') == 'new'
    assert h.add(1020, 'b') == 'new'
    assert h.add(1010, 'c') == 'late'
    assert h.add(1010, 'd') == 'repeated'
    assert h.nearest(1010).value == 'c'
    assert h.add(990, 'e') == 'dropped'
    assert [s.value for s in h.newest_first()] == ['b', 'c', 'a']


def test_what_is_older_than_the_span_goes():
    h = history(1000, 1050, 1101, span=100)
    assert [s.stamp_ns for s in h.newest_first()] == [1101, 1050]


def test_one_straggler_does_not_clear_the_history():
    h = history(1000, 1010, span=100)
    assert h.add(500, 'x') == 'dropped'
    assert h.add(1020, 'y') == 'new'
    assert len(h) == 3


@pytest.mark.parametrize('ahead', [10_000, 10**15])
def test_a_clock_that_went_back_begins_anew(ahead):
    h = history(1000, ahead, span=100)
    came = [h.add(1001 + i, i) for i in range(BACK_AFTER)]
    assert came == ['dropped'] * (BACK_AFTER - 1) + ['back']
    assert h.newest.stamp_ns == 1000 + BACK_AFTER
    assert len(h) == 1
