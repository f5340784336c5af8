"""SE(3): group axioms, exp and log against the homogeneous matrix, refusals."""

import numpy as np
import pytest

from vla_core.rotations import RotationError
from vla_core.se3 import SE3

RNG = np.random.default_rng(11)
TANGENTS = [RNG.normal(size=6) * s for s in (0.0, 1e-7, 1e-4, 0.1, 1.0) for _ in range(5)]


def same(A, B, atol=1e-10):
    np.testing.assert_allclose(A.matrix, B.matrix, atol=atol)


@pytest.mark.parametrize('tangent', TANGENTS)
def test_axioms(tangent):
    T_a_b, T_b_c = SE3.exp(tangent), SE3.exp(RNG.normal(size=6))
    same(T_a_b @ T_a_b.inverse(), SE3())
    np.testing.assert_allclose((T_a_b @ T_b_c).matrix, T_a_b.matrix @ T_b_c.matrix, atol=1e-12)
    np.testing.assert_allclose(T_a_b.log(), tangent, atol=1e-8)
    point = RNG.normal(size=3)
    np.testing.assert_allclose(T_a_b.apply(point), (T_a_b.matrix @ [*point, 1.0])[:3], atol=1e-12)


def test_exp_is_the_matrix_exponential():
    tangent = np.array([0.3, -0.2, 0.5, 0.4, 1.1, -0.7])
    v, (x, y, z) = tangent[:3], tangent[3:]
    A = np.array([[0, -z, y, v[0]], [z, 0, -x, v[1]], [-y, x, 0, v[2]], [0, 0, 0, 0]])
    total, term = np.eye(4), np.eye(4)
    for n in range(1, 60):
        term = term @ A / n
        total = total + term
    np.testing.assert_allclose(SE3.exp(tangent).matrix, total, atol=1e-12)


def test_interpolation_meets_both_ends():
    A, B = SE3.exp(RNG.normal(size=6)), SE3.exp(RNG.normal(size=6))
    same(A.interpolate(B, 0.0), A)
    same(A.interpolate(B, 1.0), B)
    np.testing.assert_allclose(A.interpolate(B, 0.5).t, (A.t + B.t) / 2)


def test_values_cannot_be_written():
    with pytest.raises(ValueError, match='read-only'):
        SE3().t[0] = 1.0


@pytest.mark.parametrize(
    ('R', 't'),
    [
        (np.eye(2), np.zeros(3)),
        (np.eye(3), np.zeros(4)),
        (2 * np.eye(3), np.zeros(3)),
        (np.eye(3), np.array([0.0, np.nan, 0.0])),
    ],
)
def test_refuses_what_is_no_transform(R, t):
    with pytest.raises(RotationError):
        SE3(R, t)
