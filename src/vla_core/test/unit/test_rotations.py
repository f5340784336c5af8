"""SO(3): axioms, limits near identity and near pi; the exponential's series as oracle."""

import numpy as np
import pytest

from vla_core import rotations

RNG = np.random.default_rng(7)
AXES = RNG.normal(size=(20, 3))
AXES /= np.linalg.norm(AXES, axis=1)[:, None]
ANGLES = (0.0, 1e-9, 1e-5, 9.9e-5, 1.1e-4, 0.3, 2.0, np.pi - 1e-6, np.pi - 1e-9)


def taylor(K):
    """Matrix exponential by its series: nothing in common with Rodrigues' formula."""
    total, term = np.eye(3), np.eye(3)
    for n in range(1, 60):
        term = term @ K / n
        total = total + term
    return total


@pytest.mark.parametrize('angle', ANGLES)
def test_exp_is_the_matrix_exponential(angle):
    for axis in AXES:
        R = rotations.exp(angle * axis)
        np.testing.assert_allclose(R, taylor(rotations.skew(angle * axis)), atol=1e-12)


@pytest.mark.parametrize('angle', ANGLES)
def test_log_inverts_exp(angle):
    for axis in AXES:
        np.testing.assert_allclose(
            rotations.log(rotations.exp(angle * axis)), angle * axis, atol=2e-8
        )


def test_quaternions_and_6d_keep_the_rotation():
    for axis in AXES:
        for angle in (*ANGLES, np.pi):
            R = rotations.exp(angle * axis)
            np.testing.assert_allclose(
                rotations.from_quaternion(rotations.to_quaternion(R)), R, atol=1e-12
            )
            np.testing.assert_allclose(rotations.from_6d(rotations.to_6d(R)), R, atol=1e-12)


def test_6d_projects_noisy_columns_onto_a_rotation():
    R = rotations.from_6d(np.array([2.0, 0.1, 0.0, 0.3, 0.7, 0.0]))
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)


@pytest.mark.parametrize('bad', [[0, 0, 0, 0, 1, 0], [1, 0, 0, 2, 0, 0], [np.nan] * 6])
def test_6d_refuses_what_names_no_rotation(bad):
    with pytest.raises(rotations.RotationError):
        rotations.from_6d(np.array(bad, float))


@pytest.mark.parametrize('bad', [[0, 0, 0, 0], [2, 0, 0, 0], [1, 0, 0], [np.nan, 0, 0, 1]])
def test_quaternion_refuses_what_names_no_rotation(bad):
    with pytest.raises(rotations.RotationError):
        rotations.from_quaternion(np.array(bad, float))


def test_slerp_takes_the_short_way_round_the_wrap():
    z = np.array([0.0, 0.0, 1.0])
    half = rotations.slerp(
        rotations.exp(np.deg2rad(179) * z), rotations.exp(np.deg2rad(-179) * z), 0.5
    )
    np.testing.assert_allclose(half, rotations.exp(np.pi * z), atol=1e-9)


def test_mean_of_yaw_at_plus_and_minus_179_degrees_is_180():
    z = np.array([0.0, 0.0, 1.0])
    Rs = np.stack([rotations.exp(np.deg2rad(a) * z) for a in (179, -179)])
    np.testing.assert_allclose(rotations.mean(Rs, np.ones(2)), rotations.exp(np.pi * z), atol=1e-9)


def test_mean_minimises_the_chordal_distance():
    Rs = np.stack([rotations.exp(0.4 * a) for a in AXES[:6]])
    weights = RNG.uniform(0.1, 1.0, 6)

    def cost(R):
        return sum(w * np.sum((R - S) ** 2) for w, S in zip(weights, Rs, strict=True))

    best = rotations.mean(Rs, weights)
    for axis in AXES:
        assert cost(best) <= cost(best @ rotations.exp(1e-3 * axis)) + 1e-12


def test_mean_refuses_opposing_rotations():
    Rs = np.stack([np.eye(3), rotations.exp(np.array([0.0, 0.0, np.pi]))])
    with pytest.raises(rotations.RotationError):
        rotations.mean(Rs, np.ones(2))


def test_many_6d_rotations_are_what_each_is_alone():
    rng = np.random.default_rng(3)
    axes = rng.normal(size=(400, 3))
    angles = np.concatenate([rng.uniform(0, np.pi, 200), np.pi - rng.uniform(0, 1e-6, 200)])
    axes *= (angles / np.linalg.norm(axes, axis=1))[:, None]
    axes[:3] = np.pi * np.eye(3)
    D = np.stack([rotations.to_6d(rotations.exp(w)) for w in axes])
    D[:, :3] *= rng.uniform(0.5, 2.0, (400, 1))  # columns need not be unit
    for d, q in zip(D, rotations.quaternions_from_6d(D), strict=True):
        np.testing.assert_allclose(rotations.from_quaternion(q), rotations.from_6d(d), atol=1e-12)


@pytest.mark.parametrize('row', [[0, 0, 0, 0, 1, 0], [1, 0, 0, 2, 0, 0], [1, 0, 0, 0, 0, 0]])
def test_many_6d_rotations_with_a_bad_one_are_refused(row):
    D = np.array([[1.0, 0, 0, 0, 1, 0], row])
    with pytest.raises(rotations.RotationError):
        rotations.quaternions_from_6d(D)


def test_slerp_of_quaternions_is_slerp_of_rotations_whatever_their_signs():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 100, 4))
    a, b = a / np.linalg.norm(a, axis=1)[:, None], b / np.linalg.norm(b, axis=1)[:, None]
    b[:20] = a[:20]
    b[20:40] = a[20:40] + rng.normal(size=(20, 4)) * 1e-8
    b[:40] *= -1.0
    f = rng.uniform(0.0, 1.0, 100)
    found = rotations.slerp_quaternions(a, b, f)
    for q, p, fraction, got in zip(a, b, f, found, strict=True):
        R = rotations.slerp(rotations.from_quaternion(q), rotations.from_quaternion(p), fraction)
        np.testing.assert_allclose(rotations.from_quaternion(got), R, atol=1e-7)


def test_mean_of_quaternions_is_taken_along_leading_axes():
    rng = np.random.default_rng(5)
    Q = rng.normal(size=(3, 1, 4)) + 0.3 * rng.normal(size=(3, 6, 4))
    Q /= np.linalg.norm(Q, axis=2, keepdims=True)
    weights = rng.uniform(0.1, 1.0, (3, 6))
    for q, quaternions, w in zip(rotations.mean_quaternions(Q, weights), Q, weights, strict=True):
        R = rotations.mean(np.stack([rotations.from_quaternion(p) for p in quaternions]), w)
        np.testing.assert_allclose(rotations.from_quaternion(q), R, atol=1e-9)


def test_the_fast_mean_of_one_is_the_mean_of_many():
    rng = np.random.default_rng(7)
    upper = np.triu_indices(4)
    for trial in range(2000):
        middle = rng.normal(size=4) * 10.0 ** rng.uniform(-9, 0, 4)  # also turns about one axis
        spread = 10.0 ** rng.uniform(-9, 0.5)
        Q = middle / np.linalg.norm(middle) + spread * rng.normal(size=(1 + trial % 9, 4))
        Q *= rng.choice([-1.0, 1.0], size=(len(Q), 1)) / np.linalg.norm(Q, axis=1, keepdims=True)
        M = (rng.uniform(0.1, 9.0, size=(len(Q), 1)) * Q).T @ Q
        expected, opposed = rotations.principal_quaternions(M)
        assert not opposed
        got = np.array(rotations.principal_quaternion(M[upper].tolist()))
        assert abs(abs(got @ expected) - 1.0) < 1e-12
        assert np.abs(got - np.sign(got @ expected) * expected).max() < 1e-12
        assert got[0] >= 0.0


def test_the_fast_mean_refuses_what_has_none():
    half = np.diag([1.0, 0.0, 0.0, 1.0])[np.triu_indices(4)].tolist()
    with pytest.raises(rotations.RotationError):
        rotations.principal_quaternion(half)
