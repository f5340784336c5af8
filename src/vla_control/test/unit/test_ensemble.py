"""The incremental ensembler against brute force, and what it keeps."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.ensemble import EnsembleError, Ensembler
from vla_control.core.moments import Columns
from vla_core import rotations
from vla_core.rotations import RotationError

STEP = 100
NOW = 1_700_000_000_000_000_000  # ns: as large as ROS times are
POSE = Columns(9, rotations=(3,), angles=(7,), votes=(8,))


def plain(width=1, m=0.01):
    return Ensembler(Columns(width), STEP, m)


def column(values):
    return np.array(values, float).reshape(-1, 1)


def oracle(chunks, time, m):
    """Return the mean at a time by the words of the paper; chunks are (order, t0, values)."""
    found = []
    for _, t0, values in sorted(chunks, key=lambda c: c[0]):
        place = (time - t0) / STEP
        if 0 <= place <= len(values) - 1:
            found.append(np.interp(place, np.arange(len(values)), values))
    if not found:
        return None
    w = [math.exp(-m * i) for i in range(len(found))]
    return float(np.dot(w, found) / sum(w))


def poses(rng, count, spread=0.3):
    """Return rows of the columns of POSE."""
    q = np.array([0.2, 0.1, 0.9, 0.1]) + spread * rng.normal(size=(count, 4))
    q *= rng.choice([-1.0, 1.0], size=(count, 1)) / np.linalg.norm(q, axis=1, keepdims=True)
    rest = rng.normal(size=(count, 3)), q, 3.0 + 0.5 * rng.normal(size=(count, 1))
    return np.concatenate([*rest, rng.uniform(size=(count, 1))], axis=1)


# -- values ----------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-400, 900),
            st.lists(st.floats(-10, 10), min_size=1, max_size=12),
        ),
        min_size=1,
        max_size=9,
    ),
    st.floats(-1.0, 1.0),
    st.randoms(use_true_random=False),
    st.integers(0, STEP - 1),
)
def test_against_brute_force_in_any_order_at_any_offset(drawn, m, random, phase):
    chunks = [((k,), NOW + t0, values) for k, (t0, values) in enumerate(drawn)]
    came = list(chunks)
    random.shuffle(came)
    ensembler = plain(m=m)
    ensembler.rebase(NOW + phase)
    for order, t0, values in came:
        ensembler.add(column(values), t0, order)
    for k in range(-6, 24):
        time = NOW + phase + k * STEP
        got, expected = ensembler.at(time), oracle(chunks, time, m)
        assert (got is None) == (expected is None)
        if got is not None:
            assert got[0] == pytest.approx(expected, abs=1e-11)


def test_one_after_the_other_is_the_same_as_all_anew():
    # 100 deep, as a policy that plans at every tick makes it: rounding does not build up
    rng = np.random.default_rng(3)
    rows = [poses(rng, 100) for _ in range(400)]
    running = Ensembler(POSE, STEP)
    for k, chunk in enumerate(rows):
        running.add(chunk, NOW + k * STEP)
        running.forget(NOW + k * STEP)
    anew = Ensembler(POSE, STEP)
    for k in range(399, 299, -1):
        anew.add(rows[k], NOW + k * STEP)
    for k in (399, 420, 450, 498):
        np.testing.assert_allclose(
            running.at(NOW + k * STEP), anew.at(NOW + k * STEP), rtol=0, atol=1e-12
        )


def test_rotations_angles_and_votes_are_averaged_as_such():
    rng = np.random.default_rng(4)
    rows = [poses(rng, 1)[0] for _ in range(7)]
    ensembler = Ensembler(POSE, STEP, 0.3)
    for k, row in enumerate(rows):
        ensembler.add(row[None], NOW, (k,))
    got, w = ensembler.at(NOW), np.exp(-0.3 * np.arange(7))
    w /= w.sum()
    stacked = np.stack(rows)
    R = rotations.mean(np.stack([rotations.from_quaternion(r[3:7]) for r in rows]), w)
    np.testing.assert_allclose(rotations.from_quaternion(got[3:7]), R, atol=1e-12)
    np.testing.assert_allclose(got[:3], w @ stacked[:, :3], atol=1e-12)
    mean_angle = math.atan2(w @ np.sin(stacked[:, 7]), w @ np.cos(stacked[:, 7]))
    assert got[7] == pytest.approx(mean_angle, abs=1e-12)
    assert got[8] == pytest.approx(w @ (stacked[:, 8] > 0.5), abs=1e-12)
    many = ensembler.means(NOW, 1)
    np.testing.assert_allclose(many.rows[0], got, atol=1e-12)
    assert not many.opposed


def test_without_geometry_everything_is_a_plain_number():
    ensembler = Ensembler(POSE, STEP, 0.0, geometry=False)
    rng = np.random.default_rng(5)
    rows = np.stack([poses(rng, 1)[0] for _ in range(5)])
    for k, row in enumerate(rows):
        ensembler.add(row[None], NOW, (k,))
    expected = rows.mean(0)
    expected[3:7] /= np.linalg.norm(expected[3:7])
    np.testing.assert_allclose(ensembler.at(NOW), expected, atol=1e-12)
    np.testing.assert_allclose(ensembler.means(NOW, 1).rows[0], expected, atol=1e-12)


@pytest.mark.parametrize(('geometry', 'degrees'), [(True, 180.0), (False, 0.0)])
def test_an_angle_at_plus_and_minus_179_degrees(geometry, degrees):
    ensembler = Ensembler(Columns(1, angles=(0,)), STEP, 0.0, geometry)
    for k, angle in enumerate((179.0, -179.0)):
        ensembler.add(column([math.radians(angle)]), NOW, (k,))
    assert abs(math.degrees(ensembler.at(NOW)[0])) == pytest.approx(degrees, abs=1e-9)


def test_between_times_of_the_grid_a_rotation_and_an_angle_go_the_short_way():
    half = rotations.to_quaternion(rotations.exp(np.array([0.0, 0.0, 0.5])))
    row, after = np.zeros(9), np.zeros(9)
    row[3], after[3:7] = 1.0, -half
    row[7], after[7] = 3.0, -3.0
    ensembler = Ensembler(POSE, STEP)
    ensembler.add(np.stack([row, after]), NOW)
    got = ensembler.at(NOW + STEP // 2)
    quarter = rotations.to_quaternion(rotations.exp(np.array([0.0, 0.0, 0.25])))
    assert abs(got[3:7] @ quarter) == pytest.approx(1.0)
    assert abs(got[7]) == pytest.approx(math.pi)


def test_opposed_rotations_are_refused_and_marked():
    ensembler = Ensembler(Columns(4, rotations=(0,)), STEP, 0.0)
    ensembler.add(np.tile([1.0, 0, 0, 0], (3, 1)), NOW)
    ensembler.add(np.tile([0.0, 0, 0, 1.0], (3, 1)), NOW + STEP)
    with pytest.raises(RotationError):
        ensembler.at(NOW + STEP)
    assert ensembler.means(NOW, 4).opposed == {1, 2}
    np.testing.assert_allclose(ensembler.at(NOW), [1, 0, 0, 0])


def test_opposed_angles_are_refused():
    ensembler = Ensembler(Columns(1, angles=(0,)), STEP, 0.0)
    ensembler.add(column([0.0]), NOW, (1,))
    ensembler.add(column([math.pi]), NOW, (2,))
    with pytest.raises(RotationError):
        ensembler.at(NOW)


def test_a_value_of_exactly_zero_counts():
    ensembler = plain(m=0.0)
    ensembler.add(column([0.0, 0.0]), NOW, (1,))
    ensembler.add(column([3.0, 0.0]), NOW, (2,))
    ensembler.add(column([0.0, 0.0]), NOW, (3,))
    assert ensembler.at(NOW)[0] == pytest.approx(1.0)
    assert ensembler.at(NOW + STEP)[0] == 0.0


@pytest.mark.parametrize('m', [1e6, 40.0, -40.0, -1e6])
def test_extreme_m_is_the_oldest_or_the_newest(m):
    ensembler = plain(m=m)
    for k in range(150):
        ensembler.add(column([float(k)]), NOW, (k,))
    assert ensembler.at(NOW)[0] == pytest.approx(0.0 if m > 0 else 149.0, abs=1e-9)


# -- what comes and goes ----------------------------------------


def test_after_a_reset_nothing_has_ever_been_there():
    ensembler = plain()
    ensembler.add(column([1.0] * 4), NOW, (0,))
    ensembler.reset()
    assert len(ensembler) == 0
    assert ensembler.at(NOW) is None


def test_what_was_forgotten_has_no_mean_and_the_rest_keeps_it():
    ensembler = plain()
    ensembler.add(column(range(10)), NOW)
    ensembler.add(column(range(10)), NOW + 3 * STEP)
    ahead = ensembler.at(NOW + 6 * STEP)
    ensembler.forget(NOW + 5 * STEP)
    assert ensembler.at(NOW + 4 * STEP) is None
    np.testing.assert_array_equal(ensembler.at(NOW + 6 * STEP), ahead)
    assert ensembler.forgot(NOW + 4 * STEP)
    assert not ensembler.forgot(NOW + 5 * STEP)


def test_no_time_without_a_prediction_has_a_mean():
    ensembler = plain()
    assert ensembler.at(NOW) is None
    ensembler.add(column([1.0, 2.0]), NOW)
    ensembler.add(column([1.0, 2.0]), NOW + 5 * STEP)
    assert [ensembler.at(NOW + k * STEP) is None for k in range(-1, 8)] == [
        *(True, False, False, True, True, True, False, False, True)
    ]
    assert ensembler.at(NOW + STEP + 1) is None
    for first, count in ((NOW, 3), (NOW + 1, 1), (NOW - STEP, 1), (NOW, 5000)):
        with pytest.raises(EnsembleError):
            ensembler.means(first, count)


@pytest.mark.parametrize('rows', [np.zeros((3, 2)), np.zeros((0, 1)), np.zeros(3)])
def test_rows_of_another_shape_are_refused(rows):
    with pytest.raises(EnsembleError, match=r'\(H, 1\)'):
        plain().add(rows, NOW)


@pytest.mark.parametrize('order', [(0,), (9,)])
def test_a_chunk_beyond_all_sense_is_refused_and_leaves_the_others_alone(order):
    ensembler = plain()
    ensembler.add(column([1.0, 2.0]), NOW, (5,))
    with pytest.raises(EnsembleError):
        ensembler.add(column([1.0]), NOW + 2_000_000 * STEP, order)
    ensembler.add(column([3.0, 3.0]), NOW, (6,))
    assert len(ensembler) == 2
    assert ensembler.at(NOW + STEP)[0] == pytest.approx(oracle(
        [((5,), NOW, [1.0, 2.0]), ((6,), NOW, [3.0, 3.0])], NOW + STEP, 0.01))  # fmt: skip


def test_long_chunks_and_wide_gaps_find_room():
    ensembler = plain(m=0.0)
    ensembler.add(column(np.arange(3000.0)), NOW)
    ensembler.add(column(np.arange(20.0)), NOW + 5000 * STEP)
    ensembler.add(column(np.arange(20.0)), NOW - 700 * STEP, (NOW + 9000 * STEP,))
    assert ensembler.at(NOW + 2999 * STEP)[0] == 2999.0
    assert ensembler.at(NOW + 5019 * STEP)[0] == 19.0
    assert ensembler.at(NOW - 700 * STEP)[0] == 0.0


def test_memory_is_bounded_over_a_hundred_thousand_chunks():
    ensembler = Ensembler(Columns(2), STEP)
    rows = np.ones((20, 2))

    def tick(k):
        ensembler.add(rows.copy(), NOW + k * STEP)
        ensembler.forget(NOW + k * STEP)
        assert ensembler.at(NOW + k * STEP)[0] == 1.0

    for k in range(80_000):
        tick(k)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for k in range(80_000, 100_000):
        tick(k)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(ensembler) <= 128
    assert grown < 200 * rows.nbytes
