"""The follower: from where it starts, row to row in time, elapsed rows dropped."""

import numpy as np
import pytest

from vla_control.core.errors import RowRefused
from vla_control.core.follower import Follower
from vla_control.core.reasons import Reason
from vla_control.core.route import Route
from vla_control.core.spline import Spline
from vla_control.core.waypoints import Waypoint

STEP = 100  # ns, that of the `track` fixture


def start_at(value):
    return Waypoint(np.array([float(value)]), np.array([1.0, 0, 0, 0]), np.zeros(1))


@pytest.fixture
def take_up(track):
    """Return a function that builds a follower of rows 100, 200, ... from a start at rest."""

    def build(rows, now, start, first=1):
        follower, chunk = Follower(), track(0, rows)
        route = Route.of(chunk)
        zero = np.zeros(1)
        path = Spline(now - 10, start_at(start), zero, zero, route.points, first - 1, False)
        follower.start(route, path, first - 1)
        follower.advance(now)
        return follower

    return build


def values(follower, times):
    out = []
    for t in times:
        follower.advance(t)
        out.append(float(follower.at(t).linear[0]))
    return out


def test_goes_from_the_start_to_row_0_and_on_from_row_to_row(take_up):
    follower = take_up([1.0, 3.0, 3.0], now=10, start=0.0)  # rows at 100, 200, 300
    assert values(follower, [0, 100, 200]) == [0.0, 1.0, 3.0]


def test_elapsed_rows_are_never_executed(take_up):
    follower = take_up([9.0, 9.0, 1.0, 1.0], now=210, start=0.0, first=3)  # 0 and 1 have passed
    assert values(follower, [200, 300]) == [0.0, 1.0]
    assert max(values(follower, range(200, 400, 10))) < 2.0


def test_the_last_row_is_held_for_one_step_and_then_it_is_over(take_up):
    follower = take_up([1.0, 2.0], now=10, start=0.0)
    passed = values(follower, [200, 250, 299])
    assert passed[0] == 2.0
    assert passed[2] == pytest.approx(2.0, abs=1e-2)
    follower.advance(300)
    assert follower.over


def test_a_single_row_is_enough(take_up):
    follower = take_up([1.0], now=10, start=0.0)
    assert values(follower, [100, 150, 199]) == [1.0, 1.0, 1.0]


def test_a_block_ends_with_its_row(take_up):
    follower = take_up([1.0, 2.0, 3.0], now=10, start=0.0)
    follower.block(RowRefused(Reason.UNREACHABLE, 'x'), 30)
    assert not follower.advance(99)
    assert follower.blocked
    assert follower.advance(100)
    assert follower.blocked is None


def test_a_block_ends_at_the_next_row_also_where_a_later_one_is_headed_for(take_up):
    follower = take_up([1.0, 2.0, 3.0, 4.0], now=10, start=0.0, first=4)
    follower.block(RowRefused(Reason.FIRST_STEP, 'x'), 110)
    follower.advance(199)
    assert follower.blocked
    follower.advance(200)
    assert follower.blocked is None


def test_what_is_ahead_goes_to_the_end(take_up):
    follower = take_up([1.0, 2.0, 3.0], now=10, start=0.0)
    np.testing.assert_allclose(follower.ahead(100, STEP).linear[:, 0], [2.0, 3.0])
    assert follower.ahead(100, STEP).times_ns.tolist() == [200, 300]
    follower.clear()
    assert follower.ahead(100, STEP) is None


@pytest.mark.parametrize('k', [0, 1, 2])
def test_origin_is_that_of_the_row_headed_for(track, k):
    a, b = track(0, np.zeros(3)), track(1, np.zeros(3))
    shares = np.array([[1.0, 0.25, 0.0, 0.0], [0.0, 0.75, 1.0, 1.0]])
    follower, zero = Follower(), np.zeros(1)
    route = Route(a.points, (a, b), shares)
    follower.start(route, Spline(0, start_at(0), zero, zero, route.points, 0, False), 0)
    follower.advance(100 * k + 50)
    assert follower.origin == [((a,), (1.0,)), ((a, b), (0.25, 0.75)), ((b,), (1.0,))][k]
