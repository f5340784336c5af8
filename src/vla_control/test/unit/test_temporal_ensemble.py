"""Temporal ensembling as a strategy: weights, values, geometry, what comes late or is dropped."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_control.core.strategies import Moment
from vla_control.core.strategies.temporal_ensemble import TemporalEnsemble, weights
from vla_core import rotations

STEP = 100  # ns, that of the `track` fixture
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
BEGIN = Moment(0)


def ensemble(m=0.01, geometry=True, angles=()):
    return TemporalEnsemble(SimpleNamespace(ensemble_m=m, geometry=geometry), angles)


# -- temporal ensemble: weights ----------------------------------------


def test_golden_weights_oldest_first():
    # exp(-0.01 i) / sum, i = 0 the oldest (ACT, Algorithm 2): the oldest weighs most.
    w = weights(np.ones((4, 1), bool), 0.01)[:, 0]
    np.testing.assert_allclose(
        w, [0.2537624057, 0.2512374277, 0.2487375734, 0.2462625932], atol=1e-9
    )
    assert weights(np.ones((2, 1), bool), math.log(3.0))[:, 0] == pytest.approx([0.75, 0.25])


def test_m_zero_is_the_plain_mean_and_a_negative_m_favours_the_newest():
    np.testing.assert_allclose(weights(np.ones((5, 2), bool), 0.0), 0.2)
    w = weights(np.ones((3, 1), bool), -1.0)[:, 0]
    assert w[0] < w[1] < w[2]


def test_rank_counts_only_chunks_that_have_a_prediction():
    covers = np.array([[True, False], [True, True], [True, True]])
    w = weights(covers, 1.0)
    np.testing.assert_allclose(w[:, 1], [0.0, 1 / (1 + math.e**-1), 1 / (1 + math.e)])


def test_extreme_m_stays_finite():
    for m in (1e6, -1e6):
        w = weights(np.ones((256, 1), bool), m)[:, 0]
        assert np.isfinite(w).all()
        assert w[0 if m > 0 else -1] == 1.0


# -- temporal ensemble: values ----------------------------------------


def at(rows, t0, time):
    """Value of one chunk at a time by plain arithmetic; None outside its rows."""
    position = (time - t0) / STEP
    if not 0 <= position <= len(rows) - 1:
        return None
    k = min(int(position), len(rows) - 2) if len(rows) > 1 else 0
    if len(rows) == 1:
        return rows[0]
    return rows[k] + (position - k) * (rows[k + 1] - rows[k])


@given(
    st.lists(
        st.tuples(st.integers(0, 600), st.lists(st.floats(-10, 10), min_size=1, max_size=9)),
        min_size=1,
        max_size=7,
        unique_by=lambda t: t[0],
    ),
    st.floats(-1.0, 1.0),
)
def test_against_brute_force_at_any_offset(track, chunks, m):
    chunks = sorted(chunks)
    tracks = tuple(track(observed, rows) for observed, rows in chunks)
    route = ensemble(m).route(tracks, BEGIN)
    newest = tracks[-1]
    for k in range(newest.chunk.horizon):
        time = newest.chunk.row_ns(k)
        found = [
            (t.chunk.sequence, v)
            for t, (_, rows) in zip(tracks, chunks, strict=True)
            if (v := at(rows, t.chunk.t0_ns, time)) is not None
        ]
        raw = [math.exp(-m * i) for i in range(len(found))]
        expected = sum(w * v for w, (_, v) in zip(raw, found, strict=True)) / sum(raw)
        assert route.points.linear[k, 0] == pytest.approx(expected, abs=1e-9)
        sources, shares = route.sources(k)
        assert [s.chunk.sequence for s in sources] == [sequence for sequence, _ in found]
        assert list(shares) == pytest.approx([w / sum(raw) for w in raw])
    np.testing.assert_array_equal(route.points.linear[-1], route.points.linear[-2])


def test_alignment_is_by_time_not_by_arrival(track):
    # The same straight line seen by three chunks, one of which began late: the mean is the line.
    tracks = tuple(track(t, (t + STEP * (1 + np.arange(16.0))) / 1000) for t in (100, 250, 330))
    route = ensemble().route(tracks, BEGIN)
    np.testing.assert_allclose(route.points.linear[:-1, 0], route.points.times_ns[:-1] / 1000)


def test_yaw_at_plus_and_minus_179_degrees_means_180(track):
    quaternions = [
        rotations.to_quaternion(rotations.exp(np.array([0, 0, np.deg2rad(a)])))
        for a in (179.0, -179.0)
    ]
    tracks = tuple(track(t, np.zeros(9), np.tile(q, (9, 1))) for t, q in
                   zip((100, 200), quaternions, strict=True))  # fmt: skip
    R = rotations.from_quaternion(ensemble(0.0).route(tracks, BEGIN).points.quaternion[0])
    yaw = math.degrees(math.atan2(R[1, 0], R[0, 0]))
    assert abs(yaw) == pytest.approx(180.0, abs=1e-6)


def test_q_and_minus_q_are_one_rotation(track):
    q = rotations.to_quaternion(rotations.exp(np.array([0.3, -0.2, 1.0])))
    tracks = (
        track(100, np.zeros(9), np.tile(q, (9, 1))),
        track(200, np.zeros(9), np.tile(-q, (9, 1))),
    )
    got = ensemble(0.0).route(tracks, BEGIN).points.quaternion
    np.testing.assert_allclose(np.abs(got @ q), 1.0)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1.0)


def test_mean_rotation_is_that_of_vla_core(track):
    rng = np.random.default_rng(1)
    w = rng.normal(size=(3, 3)) * 0.4
    Rs = np.stack([rotations.exp(v) for v in w])
    tracks = tuple(
        track(100 * (k + 1), np.zeros(9), np.tile(rotations.to_quaternion(R), (9, 1)))
        for k, R in enumerate(Rs)
    )
    got = rotations.from_quaternion(ensemble(0.5).route(tracks, BEGIN).points.quaternion[0])
    np.testing.assert_allclose(got, rotations.mean(Rs, np.exp([0, -0.5, -1.0])), atol=1e-9)


def test_opposed_rotations_are_marked_where_they_meet_and_only_there(track):
    half_turn = np.array([0.0, 0.0, 0.0, 1.0])
    tracks = (
        track(100, np.zeros(4), np.tile(IDENTITY, (4, 1))),
        track(200, np.zeros(9), np.tile(half_turn, (9, 1))),
    )
    route = ensemble(0.0).route(tracks, BEGIN)
    assert route.opposed == {0, 1, 2}
    np.testing.assert_allclose(np.abs(route.points.quaternion[3:] @ half_turn), 1.0)


def test_grippers_vote(track):
    grips = ([0.9] * 9, [0.8] * 9, [0.1] * 9)
    tracks = tuple(track(100 * (k + 1), np.zeros(9), gripper=g) for k, g in enumerate(grips))
    route = ensemble(0.0).route(tracks, BEGIN)
    assert route.points.gripper[0, 0] == pytest.approx(2 / 3)  # the mean would be 0.6


def test_without_geometry_grippers_and_quaternions_are_plain_numbers(track):
    a, b = (rotations.to_quaternion(rotations.exp(np.array([0, 0, w]))) for w in (3.0, -3.0))
    tracks = (
        track(100, np.zeros(9), np.tile(a, (9, 1)), gripper=[0.9] * 9),
        track(200, np.zeros(9), np.tile(b, (9, 1)), gripper=[0.2] * 9),
    )
    points = ensemble(0.0, geometry=False).route(tracks, BEGIN).points
    assert points.gripper[0, 0] == pytest.approx(0.55)
    np.testing.assert_allclose(points.quaternion[0], IDENTITY, atol=1e-12)  # and that is the harm


def test_angles_are_averaged_on_the_circle_and_stay_on_the_turn_of_the_newest(track):
    turn = math.tau
    tracks = (track(100, [[0.5, 3.1]] * 9), track(200, [[1.5, turn - 3.1]] * 9))
    linear = ensemble(0.0, angles=(1,)).route(tracks, BEGIN).points.linear[:8]
    np.testing.assert_allclose(linear, [[1.0, math.pi]] * 8, atol=1e-12)
    linear = ensemble(0.0, angles=(1,), geometry=False).route(tracks, BEGIN).points.linear[:8]
    np.testing.assert_allclose(linear, [[1.0, math.pi]] * 8, atol=1e-12)
    tracks = (track(100, [[0.5, 3.1]] * 9), track(200, [[1.5, -3.1 - turn]] * 9))
    linear = ensemble(0.0, angles=(1,)).route(tracks, BEGIN).points.linear[:8]
    np.testing.assert_allclose(linear, [[1.0, -math.pi - turn]] * 8, atol=1e-12)


@pytest.mark.parametrize('step', [STEP, 70, 137])
@pytest.mark.parametrize('seed', range(4))
def test_as_chunks_come_late_and_go_it_is_as_if_made_from_those_in_force(track, seed, step):
    # steps of 100 ns keep chunks on one grid, others do not; latencies change their order
    rng = np.random.default_rng(seed)
    strategy, in_force = ensemble(0.1), ()
    observed = [k * step for k in range(1, 120)]
    coming = [
        (t + int(rng.integers(0, 900)), track(t, rng.normal(size=int(rng.integers(1, 14)))))
        for t in observed
    ]
    coming.sort(key=lambda c: c[0])
    for now, late in coming:
        if rng.uniform() < 0.05:  # dropped although in force
            in_force = in_force[1:]
        alive = [t for t in (*in_force, late) if t.chunk.end_ns > now]
        in_force = tuple(sorted(alive, key=lambda t: t.key))
        got, anew = (s.route(in_force, Moment(now)) for s in (strategy, ensemble(0.1)))
        if late not in in_force:  # what is followed stays
            continue
        ahead = np.flatnonzero(anew.points.times_ns[:-1] >= now)
        np.testing.assert_allclose(
            got.points.linear[ahead], anew.points.linear[ahead], rtol=0, atol=1e-12
        )
        np.testing.assert_array_equal(got.weights, anew.weights)
        assert got.tracks == anew.tracks == in_force


def test_a_newer_observation_may_begin_earlier(track):
    early, late = track(700, np.zeros(9)), track(900, np.ones(9), t0=200)
    strategy = ensemble(0.0)
    strategy.route((early,), BEGIN)
    route = strategy.route((early, late), BEGIN)
    np.testing.assert_allclose(route.points.linear[:, 0], [1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5])


def test_route_stays_the_same_object_until_a_chunk_comes(track):
    strategy = ensemble()
    a, b, c = (track(t, np.zeros(9)) for t in (100, 200, 300))
    route = strategy.route((a, b), BEGIN)
    assert strategy.route((b,), BEGIN) is route
    assert strategy.route((b, c), BEGIN) is not route
    assert strategy.route((), BEGIN) is None
