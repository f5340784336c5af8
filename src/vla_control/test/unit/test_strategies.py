"""Strategies: which way-points, from which chunks."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from vla_control.core.errors import SettingsError
from vla_control.core.settings import ExecutorSettings
from vla_control.core.strategies import STRATEGIES, Moment
from vla_control.core.strategies.asynchronous import Asynchronous
from vla_control.core.strategies.receding_horizon import RecedingHorizon
from vla_control.core.strategies.rtc import RealTimeChunking
from vla_control.core.strategies.sync import Synchronous
from vla_core import rotations

STEP = 100  # ns, that of the `track` fixture
MOVING = Moment(0)


def receding(rows=4):
    return RecedingHorizon(SimpleNamespace(execute_rows=rows))


@pytest.mark.parametrize('name', STRATEGIES)
def test_each_strategy_has_nothing_to_follow_without_chunks_and_forgets_on_reset(name, track):
    strategy = STRATEGIES[name](ExecutorSettings(strategy=name))
    still = Moment(0, 0)
    assert strategy.route((), still) is None
    tracks = (track(1, [1.0, 2.0, 3.0]),)
    route = strategy.route(tracks, still)
    assert route.tracks == tracks
    assert strategy.route(tracks, Moment(50)) is route  # nothing is handed over
    strategy.reset()
    assert strategy.route((), Moment(60, 0)) is None
    later = (track(70, [5.0, 5.0]),)
    assert strategy.route(later, Moment(80, 65)).tracks == later


# -- sync ----------------------------------------------------------------------------------------


def sync(rows=2):
    return Synchronous(SimpleNamespace(execute_rows=rows))


def test_sync_never_follows_a_chunk_observed_before_the_rest(track):
    strategy = sync()
    early, late = track(90, [1.0, 2.0, 3.0]), track(110, [1.0, 2.0, 3.0])
    assert strategy.route((early,), Moment(100)) is None  # it still moves
    assert strategy.route((early,), Moment(120, 100)) is None
    assert strategy.route((early, late), Moment(130, 100)).tracks == (late,)


@pytest.mark.parametrize('delay', [0, 30, 250, 5000])
def test_sync_starts_at_the_head_however_long_planning_took(track, delay):
    strategy, chunk = sync(3), track(100, [1.0, 2.0, 3.0, 4.0])
    now = 100 + delay
    route = strategy.route((chunk,), Moment(now, 50))
    np.testing.assert_array_equal(route.points.linear[:, 0], [1.0, 2.0, 3.0, 3.0])
    first = max(chunk.chunk.t0_ns, now + STEP)
    assert route.points.times_ns.tolist() == [first + k * STEP for k in range(4)]
    assert route.sources(1) == ((chunk,), (1.0,))


def test_sync_executes_its_rows_to_the_end_then_waits_for_rest_and_a_new_observation(track):
    strategy, first = sync(2), track(100, [1.0, 2.0, 3.0])
    route = strategy.route((first,), Moment(110, 50))
    end = route.points.times_ns[-1]
    newer = track(150, [9.0, 9.0])
    assert strategy.route((first, newer), Moment(end - 1)) is route  # not looked at
    assert strategy.route((first, newer), Moment(end)) is route  # it is over: the follower rests
    assert strategy.route((first, newer), Moment(end + 20, end + 10)) is route  # seen in motion
    fresh = track(end + 15, [7.0, 8.0])
    assert strategy.route((first, newer, fresh), Moment(end + 40, end + 10)).tracks == (fresh,)


def test_sync_does_not_follow_the_same_chunk_twice(track):
    strategy, chunk = sync(1), track(100, [1.0, 2.0])
    route = strategy.route((chunk,), Moment(110, 50))
    end = route.points.times_ns[-1]
    assert strategy.route((chunk,), Moment(end + 10, 60)) is route


def test_sync_with_a_chunk_shorter_than_its_rows_executes_all_of_it(track):
    route = sync(9).route((track(100, [1.0, 2.0]),), Moment(110, 50))
    assert route.points.linear[:, 0].tolist() == [1.0, 2.0, 2.0]


# -- receding horizon ----------------------------------------------------------------------------


def test_receding_horizon_changes_after_m_rows_to_the_newest(track):
    strategy, tracks, followed = receding(4), (), []
    for k in range(1, 14):
        tracks = (*tracks, track(k * STEP, np.zeros(16)))
        followed.append(strategy.route(tracks, MOVING).tracks[0].chunk.sequence // STEP)
    assert followed == [1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9, 13]


def test_receding_horizon_allows_cameras_their_jitter(track):
    strategy = receding(4)
    first, early, late = track(1000, np.zeros(16)), track(1390, np.zeros(16)), track(1340, [0] * 9)
    strategy.route((first,), MOVING)
    assert strategy.route((first, late), MOVING).tracks == (first,)
    assert strategy.route((first, late, early), MOVING).tracks == (early,)


def test_receding_horizon_keeps_a_chunk_to_its_end_and_its_route_the_same_object(track):
    strategy = receding(4)
    first = track(100, np.zeros(16))
    route = strategy.route((first,), MOVING)
    assert strategy.route((first, track(200, np.zeros(16))), MOVING) is route
    assert strategy.route((track(200, np.zeros(16)),), MOVING).tracks[0].chunk.sequence == 200
    assert strategy.route((), MOVING) is None


def test_receding_horizon_gives_the_rows_as_they_are(track):
    chunk = track(100, [3.0, 1.0, 2.0])
    route = receding().route((chunk,), MOVING)
    assert route.points is chunk.points
    assert route.sources(2) == ((chunk,), (1.0,))


# -- async ---------------------------------------------------------------------------------------


def handing(rows=3, blend='linear', geometry=True, angles=()):
    settings = SimpleNamespace(blend_rows=rows, blend=blend, geometry=geometry)
    return Asynchronous(settings, angles)


SHARES = {
    'linear': [0.25, 0.5, 0.75],
    'cosine': [0.5 - 0.5 * math.cos(math.pi * u) for u in (0.25, 0.5, 0.75)],
}


@pytest.mark.parametrize('blend', SHARES)
def test_async_hands_over_to_each_newer_chunk_over_its_rows(track, blend):
    strategy = handing(3, blend)
    old, new = track(0, np.zeros(16)), track(STEP, np.ones(16))
    assert strategy.route((old,), Moment(10)).points is old.points
    now = 450  # rows of the new one are meant for 200, 300, ...; the next is 500
    route = strategy.route((old, new), Moment(now))
    got = route.points.linear[:, 0]
    np.testing.assert_allclose(got[3:6], SHARES[blend])  # 500, 600, 700
    np.testing.assert_allclose(got[6:], 1.0)
    np.testing.assert_allclose(route.weights.sum(0), 1.0)
    np.testing.assert_allclose(route.weights[1, 3:6], SHARES[blend])
    assert route.sources(4) == ((old, new), (1 - SHARES[blend][1], SHARES[blend][1]))
    assert strategy.route((old, new), Moment(now + 60)) is route


def test_async_takes_both_chunks_at_the_same_time_not_at_the_same_index(track):
    strategy = handing(3)
    slope = np.arange(16.0)
    old, new = track(0, slope), track(5 * STEP, 5.0 + slope)  # one line in time
    strategy.route((old,), Moment(10))
    route = strategy.route((old, new), Moment(620))
    np.testing.assert_allclose(route.points.linear[:16, 0], 5.0 + slope)


def test_async_without_rows_changes_at_once_and_where_the_old_one_is_over_too(track):
    old, new = track(0, np.zeros(3)), track(STEP, np.ones(16))
    at_once = handing(0)
    at_once.route((old,), Moment(10))
    assert at_once.route((old, new), Moment(150)).points is new.points
    strategy = handing(3)
    strategy.route((old,), Moment(10))
    assert strategy.route((old, new), Moment(400)).points is new.points  # over at 400
    strategy = handing(3)
    strategy.route((old,), Moment(10))
    got = strategy.route((old, new), Moment(250)).points.linear[:, 0]  # rows 200, 300, 400, 500
    np.testing.assert_allclose(got[1:5], [0.25, 0.5, 1.0, 1.0])


def test_async_hands_over_from_a_hand_over_without_a_jump(track):
    strategy = handing(4)
    a, b, c = track(0, np.zeros(16)), track(STEP, np.ones(16)), track(2 * STEP, np.zeros(16))
    strategy.route((a,), Moment(10))
    first = strategy.route((a, b), Moment(220)).points
    second = strategy.route((a, b, c), Moment(430)).points  # rows at 300, 400, 500, ...
    was = np.interp(500, first.times_ns, first.linear[:, 0])
    np.testing.assert_allclose(second.linear[2, 0], 0.8 * was)
    assert strategy.route((a, b, c), Moment(440)).tracks == (b, c)


def turned(*angles):
    return [rotations.to_quaternion(rotations.exp([0.0, 0.0, a])) for a in angles]


def test_async_mixes_rotations_on_the_shorter_way_with_geometry(track):
    old = track(0, np.zeros(4), quaternion=turned(*[math.radians(170)] * 4))
    new = track(STEP, np.zeros(4), quaternion=[-q for q in turned(*[math.radians(-170)] * 4)])
    strategy = handing(1)
    strategy.route((old,), Moment(10))
    route = strategy.route((old, new), Moment(150))
    middle = rotations.log(rotations.from_quaternion(route.points.quaternion[0]))
    assert abs(middle[2]) == pytest.approx(math.pi, abs=1e-9)
    assert not route.opposed


def test_async_without_geometry_averages_plain_numbers(track):
    old = track(0, np.zeros(4), quaternion=turned(*[0.3] * 4))
    new = track(STEP, np.zeros(4), quaternion=[-q for q in turned(*[0.5] * 4)])
    angles = []
    for geometry in (True, False):
        strategy = handing(1, geometry=geometry)
        strategy.route((old,), Moment(10))
        q = strategy.route((old, new), Moment(150)).points.quaternion[0]
        assert q @ q == pytest.approx(1.0)
        angles.append(abs(rotations.log(rotations.from_quaternion(q))[2]))
    assert angles[0] == pytest.approx(0.4)
    assert angles[1] > 2.0  # q and -q are the same rotation, and as numbers nearly cancel


@pytest.mark.parametrize('geometry', [True, False])
def test_async_refuses_rotations_that_oppose_each_other(track, geometry):
    old = track(0, np.zeros(4), quaternion=turned(0.0, 0.0, 0.0, 0.0))
    opposite = turned(*[math.pi] * 4) if geometry else [-q for q in turned(0, 0, 0, 0)]
    new = track(STEP, np.zeros(4), quaternion=opposite)
    strategy = handing(1, geometry=geometry)
    strategy.route((old,), Moment(10))
    route = strategy.route((old, new), Moment(150))
    assert route.opposed == {0}  # where both count; from then on the newer one counts alone
    assert np.isfinite(route.points.quaternion).all()


def test_async_lets_the_larger_share_decide_the_gripper(track):
    old = track(0, np.zeros(8), gripper=np.zeros(8))
    new = track(STEP, np.zeros(8), gripper=np.ones(8))
    votes = []
    for geometry in (True, False):
        strategy = handing(3, geometry=geometry)
        strategy.route((old,), Moment(10))
        votes.append(strategy.route((old, new), Moment(150)).points.gripper[:4, 0].tolist())
    assert votes[0] == [0.0, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(votes[1], [0.25, 0.5, 0.75, 1.0])


def test_async_mixes_endless_angles_on_the_circle(track):
    old, new = track(0, np.full(8, 3.0)), track(STEP, np.full(8, -3.0))
    strategy = handing(1, angles=(0,))
    strategy.route((old,), Moment(10))
    got = strategy.route((old, new), Moment(150)).points.linear[:, 0]
    np.testing.assert_allclose(got[0], math.pi)
    np.testing.assert_allclose(got[1:], math.tau - 3.0)  # on, not back by a turn
    plain = handing(1, geometry=False, angles=(0,))
    plain.route((old,), Moment(10))
    np.testing.assert_allclose(plain.route((old, new), Moment(150)).points.linear[0, 0], 0.0)
    opposed = handing(1, angles=(0,))
    opposed.route((old,), Moment(10))
    across = track(STEP, np.full(8, 3.0 - math.pi))
    assert opposed.route((old, across), Moment(150)).opposed == {0}


# -- rtc -----------------------------------------------------------------------------------------


def test_rtc_follows_the_newest_observation_whatever_comes_late(track):
    strategy = RealTimeChunking(SimpleNamespace(execute_rows=1))
    a, b, late = track(200, np.zeros(8)), track(300, np.ones(8)), track(100, np.zeros(8))
    first = strategy.route((a,), MOVING)
    assert first.points is a.points
    assert strategy.route((late, a), MOVING) is first
    assert strategy.route((late, a, b), MOVING).points is b.points


def test_rtc_follows_a_chunk_for_its_execution_horizon(track):
    strategy = RealTimeChunking(SimpleNamespace(execute_rows=3))
    tracks = [track(k * STEP, np.full(8, k)) for k in range(4)]
    first = strategy.route((tracks[0],), MOVING)
    assert strategy.route(tuple(tracks[:3]), MOVING) is first
    assert strategy.route(tuple(tracks), MOVING).points is tracks[3].points


def test_an_unknown_strategy_is_refused():
    with pytest.raises(SettingsError, match='strategy: one of sync'):
        ExecutorSettings(strategy='async_')
