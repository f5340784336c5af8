"""The path between way-points: through them, continuous up to the acceleration, rotations too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.spline import Chart, Spline, peaks, pieces
from vla_control.core.waypoints import Waypoint, Waypoints
from vla_core import rotations

STEP = 100_000_000  # ns
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
number = st.floats(-3.0, 3.0)


@given(st.tuples(*[number] * 6), st.floats(0.05, 2.0))
def test_a_piece_has_the_data_of_its_ends(data, h):
    c = pieces(*[np.array([x]) for x in data], h)[:, 0]
    p = np.polynomial.Polynomial(c)
    ends = [p.deriv(n)(u) / h**n for u in (0.0, 1.0) for n in (0, 1, 2)]
    np.testing.assert_allclose(ends, data, atol=1e-9 * (1 + 1 / h**2))


@given(st.tuples(*[number] * 6), st.floats(0.05, 2.0))
def test_peaks_are_about_those_of_brute_force(data, h):
    c = pieces(*[np.array([x]) for x in data], h)
    p, u = np.polynomial.Polynomial(c[:, 0]), np.linspace(0, 1, 2001)
    for order, found in enumerate(peaks(c, h), 1):
        real = np.abs(p.deriv(order)(u)).max() / h**order
        assert found[0] <= real * (1 + 1e-9)
        assert found[0] >= 0.85 * real - 1e-9


def random_path(seed, n=6, turn=0.8):
    """Return a spline from a moving start through random way-points, and these."""
    rng = np.random.default_rng(seed)
    Q = [rotations.to_quaternion(rotations.exp(rng.normal(size=3)))]
    for _ in range(n):
        turned = rotations.from_quaternion(Q[-1]) @ rotations.exp(turn * rng.normal(size=3))
        Q.append(rotations.to_quaternion(turned) * rng.choice([-1.0, 1.0]))
    X = rng.normal(size=(n + 1, 4))
    X[-1], Q[-1] = X[-2], Q[-2]  # the end: the last row again
    times = STEP * np.arange(1, n + 2)
    points = Waypoints(times, X, np.array(Q), rng.uniform(size=(n + 1, 1)))
    start = Waypoint(rng.normal(size=4), Q[0], np.zeros(1))
    state = rng.normal(size=7), rng.normal(size=7)
    return Spline(STEP // 3, start, *state, points, 0, True), points, start, state


def along(path, times):
    k = np.clip(np.searchsorted(path.times_ns, times, side='right'), 1, len(path.times_ns) - 1)
    return [path.at(int(i), int(t)) for i, t in zip(k, times, strict=True)]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_passes_each_way_point_in_time(seed):
    path, points, start, _ = random_path(seed)
    got = along(path, np.array([path.times_ns[0], *points.times_ns]))
    for found, wanted in zip(got, [start, *(points[k] for k in range(len(points)))], strict=True):
        np.testing.assert_allclose(found.linear, wanted.linear, atol=1e-9)
        np.testing.assert_allclose(
            rotations.from_quaternion(found.quaternion),
            rotations.from_quaternion(wanted.quaternion), atol=1e-9,
        )  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_it_starts_with_the_state_given_and_has_no_jump_up_to_the_acceleration(seed):
    path, points, _, (v, a) = random_path(seed)
    d = 100_000  # ns
    h = d / 1e9

    def differences(at, side):
        """Value, velocity, acceleration of the linear part beside a time."""
        times = at + side * d * np.arange(4)
        x = np.array([w.linear for w in along(path, times)])
        v = side * (-11 * x[0] + 18 * x[1] - 9 * x[2] + 2 * x[3]) / (6 * h)
        return x[0], v, (2 * x[0] - 5 * x[1] + 4 * x[2] - x[3]) / h**2

    _, v0, a0 = differences(path.times_ns[0], 1)
    np.testing.assert_allclose(v0, v[:4], atol=2e-2)
    np.testing.assert_allclose(a0, a[:4], atol=20.0 * h * 1e3)
    scale = 1e3
    for t in points.times_ns[:-1]:
        left, right = differences(t, -1), differences(t, 1)
        np.testing.assert_allclose(left[0], right[0], atol=1e-9)
        np.testing.assert_allclose(left[1], right[1], atol=1e-2)
        np.testing.assert_allclose(left[2], right[2], atol=scale * 0.1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_rotations_have_no_jump_in_angular_velocity(seed):
    path, points, _, _ = random_path(seed)
    d = 10_000  # ns

    def omega(a, b):
        R = [rotations.from_quaternion(w.quaternion) for w in (a, b)]
        return rotations.log(R[1] @ R[0].T) / (d / 1e9)

    for t in points.times_ns[:-1]:
        before, at, after = along(path, np.array([t - d, t, t + d]))
        np.testing.assert_allclose(omega(before, at), omega(at, after), atol=0.05)


def test_rotations_turn_on_beyond_half_a_turn():
    step, n = 0.9, 9  # 8.1 rad in all, more than a turn
    angles = step * np.arange(1, n + 1)
    Q = np.array([rotations.to_quaternion(rotations.exp([0.0, 0.0, a])) for a in angles])
    points = Waypoints(STEP * np.arange(1, n + 1), np.zeros((n, 3)), Q, np.zeros((n, 1)))
    w = np.array([0, 0, 0, 0, 0, step / (STEP / 1e9)])
    start = Waypoint(np.zeros(3), IDENTITY, np.zeros(1))
    path = Spline(0, start, w, np.zeros(6), points, 0, True)
    times = np.arange(0, (n - 1) * STEP, STEP // 20)
    R = [rotations.from_quaternion(p.quaternion) for p in along(path, times)]
    turned = np.array([rotations.log(b @ a.T)[2] for a, b in zip(R, R[1:], strict=False)])
    np.testing.assert_allclose(turned[: 20 * (n - 2)], step / 20, atol=1e-9)  # steady, no way back


@pytest.mark.parametrize('about', [IDENTITY, np.array([0.0, 1.0, 0.0, 0.0])])
def test_a_chart_is_continuous_whatever_the_signs_of_quaternions(about):
    angles = np.linspace(0.0, 7.0, 40)
    Q = np.array([rotations.to_quaternion(rotations.exp([a, 0.0, 0.0])) for a in angles])
    Q *= np.random.default_rng(0).choice([-1.0, 1.0], 40)[:, None]
    points = Waypoints(np.arange(40), np.zeros((40, 0)), Q, np.zeros((40, 0)))
    w = Chart(about).coordinates(points, short=0)
    assert np.linalg.norm(w[0]) <= np.pi + 1e-9
    np.testing.assert_allclose(np.diff(w, axis=0)[:, 0], 7.0 / 39, atol=1e-9)
    for row, q in zip(w, Q, strict=True):
        back = Chart(about).quaternion(row)
        assert abs(back @ q) == pytest.approx(1.0)


def test_a_sample_is_what_is_followed():
    path, points, _, _ = random_path(7)
    times = np.arange(path.times_ns[0], points.times_ns[-1], STEP // 7)
    sampled = path.sample(times)
    for k, found in enumerate(along(path, times)):
        np.testing.assert_allclose(sampled.linear[k], found.linear, atol=1e-12)
        assert abs(sampled.quaternion[k] @ found.quaternion) == pytest.approx(1.0)
        np.testing.assert_allclose(sampled.gripper[k], found.gripper)
