"""Projection against the pinhole formula, one point at a time."""

import numpy as np

from vla_core.se3 import SE3
from vla_policy.core.projection import project

K = np.array([[120.0, 0, 48], [0, 120.0, 40], [0, 0, 1]])


def test_points_land_where_the_camera_sees_them():
    rng = np.random.default_rng(0)
    for _ in range(50):
        T_base_camera = SE3.exp(rng.normal(0, 0.8, 6))
        p_camera = np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.5, 2.0)])
        expected = np.array(
            [120 * p_camera[0] / p_camera[2] + 48, 120 * p_camera[1] / p_camera[2] + 40]
        )
        found = project(
            T_base_camera.apply(p_camera)[None], K[None], T_base_camera.matrix[None], 96, 80
        )[0]
        if (expected >= 0).all() and (expected < (96, 80)).all():
            np.testing.assert_allclose(found, expected, atol=1e-3)
        else:
            assert np.isnan(found).all()


def test_what_is_behind_the_camera_is_out_of_view():
    found = project(np.array([[0.0, 0.0, -1.0]]), K[None], np.eye(4)[None], 96, 80)
    assert np.isnan(found).all()
