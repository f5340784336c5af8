"""Paths in pictures: where they are seen, by formulas written out, and what is drawn."""

import math

import numpy as np
import pytest

from vla_core.se3 import SE3
from vla_perception.core.errors import NotReady, PerceptionError
from vla_perception.core.overlay import Path, draw
from vla_perception.core.sighting import Lens, Sighting

K = np.array([[210.0, 0.0, 160.5], [0.0, 205.0, 118.0], [0.0, 0.0, 1.0]])
LOOKING_ALONG_X = SE3(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]))
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def sighting(lens=None, pose=LOOKING_ALONG_X):
    return Sighting(1, np.zeros((240, 320, 3), np.uint8), 'camera', lens or Lens(K), pose)


def path(points, *colours):
    colours = colours * (len(points) if len(colours) == 1 else 1)
    return Path(np.array(points, float), np.array(colours, np.uint8))


def drawn(*paths, seen=None):
    seen = seen or sighting()
    canvas = seen.image.copy()
    draw(canvas, seen, list(paths))
    return canvas


def rational(x, y, k1, k2, p1, p2, k3, k4=0.0, k5=0.0, k6=0.0):
    """ROS REP 104 and OpenCV's page on calib3d."""
    r2 = x * x + y * y
    bend = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    return (
        x * bend + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * bend + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )


def equidistant(x, y, k1, k2, k3, k4):
    """Kannala and Brandt 2006, with odd powers of the angle up to the ninth."""
    r = math.hypot(x, y)
    t = math.atan(r)
    bent = t * (1 + k1 * t**2 + k2 * t**4 + k3 * t**6 + k4 * t**8)
    return x * bent / r, y * bent / r


@pytest.mark.parametrize(
    ('model', 'bend', 'd'),
    [
        ('', None, []),
        ('plumb_bob', None, [0.0] * 5),
        ('plumb_bob', rational, [-0.28, 0.07, 0.0011, -0.0008, 0.01]),
        ('rational_polynomial', rational, [0.4, -0.1, 0.0005, 0.0003, 0.02, 0.6, -0.05, 0.01]),
        ('equidistant', equidistant, [-0.02, 0.004, -0.003, 0.0006]),
    ],
)
def test_points_are_seen_where_the_camera_model_says(model, bend, d):
    rng = np.random.default_rng(7)
    seen = sighting(Lens(K, model, np.array(d)), SE3.exp(rng.normal(0.0, 0.6, 6)))
    in_camera = np.column_stack([rng.uniform(-0.5, 0.5, (40, 2)), rng.uniform(0.8, 2.0, 40)])
    found = seen.pixels(seen.T_base_camera.apply(in_camera))
    for (X, Y, Z), pixel in zip(in_camera, found, strict=True):
        x, y = bend(X / Z, Y / Z, *d) if bend else (X / Z, Y / Z)
        wanted = [210.0 * x + 160.5, 205.0 * y + 118.0]
        np.testing.assert_allclose(pixel, wanted, atol=1e-6)


def test_a_resized_sighting_sees_a_point_at_the_same_place_of_the_picture():
    seen = sighting(Lens(K, 'plumb_bob', np.array([-0.28, 0.07, 0.0011, -0.0008, 0.01])))
    points = np.array([[1.0, 0.2, 0.1], [1.0, -0.3, -0.2]])
    larger = seen.resized(np.zeros((480, 160, 3), np.uint8)).pixels(points)
    wanted = (seen.pixels(points) + 0.5) * [0.5, 2.0] - 0.5  # whole numbers are pixel centres
    np.testing.assert_allclose(larger, wanted, atol=1e-9)


def test_what_is_behind_beside_or_not_a_number_has_no_pixel():
    points = [[1, 0, 0], [-1, 0, 0], [0.0, 0, 0], [0.1, 5, 0], [math.nan, 0, 0], [math.inf, 0, 0]]
    with np.errstate(invalid='ignore'):
        found = np.isfinite(sighting().pixels(np.array(points, float))).all(axis=1)
    assert found.tolist() == [True, False, False, False, False, False]
    assert sighting().pixels(np.empty((0, 3))).shape == (0, 2)


@pytest.mark.parametrize(
    ('model', 'd', 'words'),
    [
        ('barrel', [0.1], 'plumb_bob, rational_polynomial, equidistant expected, got barrel'),
        ('plumb_bob', [0.1] * 3, '3 coefficients are none of plumb_bob'),
        ('equidistant', [0.1] * 5, '5 coefficients are none of equidistant'),
    ],
)
def test_a_lens_that_is_not_known_is_refused(model, d, words):
    with pytest.raises(PerceptionError, match=words):
        sighting(Lens(K, model, np.array(d))).pixels(np.array([[1.0, 0.0, 0.0]]))


def test_a_line_goes_through_the_pixels_of_its_points():
    canvas = drawn(path([[1.0, 0.3, 0.0], [1.0, -0.3, 0.0]], RED))
    v, u = np.indices(canvas.shape[:2])
    light = canvas[..., 0] / canvas[..., 0].sum()
    assert (v * light).sum() == pytest.approx(118.0, abs=0.1)  # cy
    assert (u * light).sum() == pytest.approx(160.5, abs=0.1)  # cx
    rows, columns = np.nonzero(canvas[..., 0] > 127)
    assert set(rows) == {118}
    assert columns.min() == pytest.approx(160.5 - 63.0, abs=1.0)
    assert columns.max() == pytest.approx(160.5 + 63.0, abs=1.0)
    assert not canvas[..., 1:].any()


def test_colours_go_with_time_and_the_next_moment_lies_on_top():
    there = [[1.0, 0.2, 0.0], [1.0, -0.2, 0.0], [1.0, 0.2, 0.0]]
    canvas = drawn(path(there, RED, BLUE, BLUE))
    np.testing.assert_allclose(canvas[118, 161], RED, atol=40)  # lines have soft edges
    other = drawn(path(there, RED, BLUE, BLUE), path(there[:2], GREEN))
    np.testing.assert_allclose(other[118, 161], GREEN, atol=40)  # the last path


def test_segments_that_end_behind_the_camera_are_left_out():
    ahead, behind = [[1.0, 0.3, 0.0], [1.0, 0.1, 0.0]], [[-1.0, 0.0, 0.0], [1.0, -0.3, 0.0]]
    canvas = drawn(path([*ahead, *behind], RED))
    assert np.array_equal(canvas, drawn(path(ahead, RED)))
    assert canvas.any()


@pytest.mark.parametrize('points', [[], [[1.0, 0.0, 0.0]]])
def test_a_path_of_no_length_draws_nothing(points):
    assert not drawn(Path(np.reshape(points, (-1, 3)), np.zeros((len(points), 3), np.uint8))).any()


# ---- what the observer core knows


def test_a_sighting_is_the_sources_picture_with_its_pose_and_lens(make_rig):
    rig = make_rig(wrist={'crop': (16, 0, 32, 64), 'rotation': 90})
    rig.speed = 0.5
    rig.all_until(1000)
    bent = np.array([0.1, 0.0, 0.0, 0.0, 0.0])
    rig.core.add_camera_info(
        'wrist', rig.intrinsics('wrist'), *rig.sizes['wrist'], model='plumb_bob', distortion=bent
    )
    seen = rig.core.sighting('wrist', rig.at(1010))
    assert (seen.stamp_ns, seen.frame) == (rig.at(1000), 'wrist_optical_frame')
    np.testing.assert_array_equal(seen.image, rig.picture('wrist', 1000))
    wrist = rig.tool(1000) @ rig.wrist_in_tool
    np.testing.assert_allclose(seen.T_base_camera.matrix, wrist.matrix, atol=1e-9)
    np.testing.assert_array_equal(seen.lens.K, rig.intrinsics('wrist'))
    assert seen.lens.distortion is bent


def test_a_picture_whose_pose_is_not_known_yet_waits_and_the_one_before_is_seen(rig):
    rig.all_until(1000)
    rig.pictures(1100)  # transforms reach to 1020
    assert rig.core.sighting('wrist', rig.at(1105)).stamp_ns == rig.at(1000)
    assert rig.core.sighting('scene', rig.at(1105)).stamp_ns == rig.at(1100)  # is fixed


@pytest.mark.parametrize(
    ('skip', 'reason'),
    [('wrist.picture', 'missing'), ('wrist', 'missing'), ('static', 'no_transform')],
)
def test_there_is_none_of_a_camera_that_something_is_missing_of(rig, skip, reason):
    rig.all_until(1000, skip={skip})
    with pytest.raises(NotReady) as caught:
        rig.core.sighting('wrist', rig.at(1010))
    assert caught.value.reason == reason


def test_an_old_picture_is_none(rig):
    rig.all_until(1000)
    with pytest.raises(NotReady, match='young enough'):
        rig.core.sighting('scene', rig.at(60_000))
