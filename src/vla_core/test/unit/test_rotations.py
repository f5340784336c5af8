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
