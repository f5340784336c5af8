"""Pictures and intrinsics through crop, turn and resize, against oracles that share no code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core.se3 import SE3
from vla_perception.core.images import Framing

CASES = [
    # source (w, h), crop, turn, result (w, h)
    ((96, 96), None, 0, (96, 96)),
    ((640, 480), None, 0, (224, 224)),
    ((640, 480), (80, 0, 480, 480), 0, (224, 224)),
    ((640, 480), (80, 40, 400, 360), 90, (90, 100)),
    ((320, 240), None, 180, (160, 96)),
    ((320, 240), (11, 7, 300, 220), 270, (110, 300)),
    ((100, 80), None, 90, (160, 200)),
    ((100, 80), (3, 5, 90, 70), 0, (251, 133)),
]


def blob(size, centre, sigma):
    """A bright spot with its centre of light at `centre`, pixel centres at whole numbers."""
    u, v = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    light = np.exp(-((u - centre[0]) ** 2 + (v - centre[1]) ** 2) / (2.0 * sigma**2))
    return np.repeat((250.0 * light).round().astype(np.uint8)[..., None], 3, axis=2)


def centre_of_light(image):
    light = image[..., 0].astype(float)
    v, u = np.indices(light.shape)
    return np.array([(u * light).sum(), (v * light).sum()]) / light.sum()


def project(K, point):
    u, v, w = K @ point
    return np.array([u, v]) / w


@pytest.mark.parametrize(('source', 'crop', 'turn', 'result'), CASES)
def test_a_point_in_space_is_seen_where_the_intrinsics_say(source, crop, turn, result):
    framing = Framing(*result, crop=crop, turn=turn)
    K = np.array([[300.0, 0.0, 0.48 * source[0]], [0.0, 310.0, 0.53 * source[1]], [0, 0, 1.0]])
    x, y, w, h = crop or (0, 0, *source)
    scale = max(w / result[turn % 180 // 90], h / result[1 - turn % 180 // 90], 1.0)
    rng = np.random.default_rng(5)
    for _ in range(5):
        spot = np.array([x, y]) + (0.35 + 0.3 * rng.random(2)) * [w, h]
        depth = 0.5 + rng.random()
        point_source = np.linalg.solve(K, [*spot, 1.0]) * depth
        image = framing.picture(blob(source, spot, sigma=2.5 * scale))
        point_view = framing.T_source_view.inverse().apply(point_source)
        seen = project(framing.intrinsics(K, *source), point_view)
        assert image.shape == (result[1], result[0], 3)
        np.testing.assert_allclose(centre_of_light(image), seen, atol=0.05)
        assert point_view[2] == depth


@pytest.mark.parametrize('turn', [0, 90, 180, 270])
def test_crop_and_turn_alone_move_pixels_exactly(turn):
    image = np.random.default_rng(1).integers(0, 255, (30, 50, 3), np.uint8)
    size = (12, 20) if turn % 180 else (20, 12)
    out = Framing(*size, crop=(7, 4, 20, 12), turn=turn).picture(image)
    # np.rot90 turns anticlockwise
    np.testing.assert_array_equal(out, np.rot90(image[4:16, 7:27], -turn // 90))


def test_turning_clockwise_puts_the_top_to_the_right():
    image = np.zeros((8, 8, 3), np.uint8)
    image[0] = 200
    out = Framing(8, 8, turn=90).picture(image)
    assert out[:, 7].min() == 200
    assert out[:, :7].max() == 0


@pytest.mark.parametrize('factor', [2, 5])
def test_smaller_pixels_are_the_mean_of_what_they_cover(factor):
    image = np.random.default_rng(2).integers(0, 255, (40, 60, 3), np.uint8)
    out = Framing(60 // factor, 40 // factor).picture(image)
    blocks = image.reshape(40 // factor, factor, 60 // factor, factor, 3)
    np.testing.assert_allclose(out, blocks.mean(axis=(1, 3)), atol=0.51)


def test_larger_pictures_run_linearly_between_pixels():
    ramp = np.repeat(np.arange(0, 160, 10, np.uint8)[None, :], 8, axis=0)
    out = Framing(32, 16).picture(np.repeat(ramp[..., None], 3, axis=2))
    inside = out[4, 2:-2, 0].astype(float)
    np.testing.assert_allclose(np.diff(inside), 5.0, atol=1.01)


@settings(max_examples=200)
@given(
    st.tuples(st.integers(20, 700), st.integers(20, 700)),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.sampled_from([0, 90, 180, 270]),
    st.tuples(st.integers(8, 300), st.integers(8, 300)),
)
def test_corners_go_to_corners(source, cut, turn, result):
    x, y = int(cut[0] * (source[0] - 10)), int(cut[1] * (source[1] - 10))
    w, h = 1 + int(cut[2] * (source[0] - x - 1)), 1 + int(cut[3] * (source[1] - y - 1))
    framing = Framing(*result, crop=(x, y, w, h), turn=turn)
    assert framing.fits(*source)
    # Outer corners of the crop, clockwise from the top left one; the result's likewise.
    corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    wanted = [(0, 0), (result[0], 0), (result[0], result[1]), (0, result[1])]
    turned = wanted[turn // 90 :] + wanted[: turn // 90]
    A = framing.pixel_map(*source)
    for corner, goal in zip(corners, turned, strict=True):
        mapped = A @ [corner[0] - 0.5, corner[1] - 0.5, 1.0]
        np.testing.assert_allclose(mapped, [goal[0] - 0.5, goal[1] - 0.5, 1.0], atol=1e-9)
    R = framing.T_source_view.R
    np.testing.assert_allclose(SE3(R).R @ R.T, np.eye(3), atol=0)
    assert np.linalg.det(R) == pytest.approx(1.0)
    K_view = framing.intrinsics(np.diag([100.0, 90.0, 1.0]), *source)
    assert K_view[0, 0] > 0
    assert K_view[1, 1] > 0
    assert K_view[0, 1] == K_view[1, 0] == 0.0


def test_nothing_is_copied_where_nothing_changes():
    image = np.zeros((96, 96, 3), np.uint8)
    out = Framing(96, 96).picture(image)
    assert np.shares_memory(out, image)
    assert not out.flags.writeable
    assert image.flags.writeable


@pytest.mark.parametrize('framing', [Framing(48, 48), Framing(50, 40, (3, 3, 50, 40))])
def test_a_changed_picture_is_contiguous_and_read_only(framing):
    image = np.zeros((96, 96, 3), np.uint8)
    image.setflags(write=False)
    out = framing.picture(image)
    assert out.flags.c_contiguous
    assert not out.flags.writeable
    assert not np.shares_memory(out, image)


def test_padded_rows_are_read():
    padded = np.random.default_rng(3).integers(0, 255, (64, 256), np.uint8)
    image = padded[:, : 64 * 3].reshape(64, 64, 3)
    np.testing.assert_array_equal(Framing(64, 64).picture(image), image)


@pytest.mark.parametrize(
    ('crop', 'fits'),
    [
        (None, True),
        ((0, 0, 100, 50), True),
        ((1, 0, 100, 50), False),
        ((0, 1, 100, 50), False),
        ((99, 49, 1, 1), True),
    ],
)
def test_a_crop_must_lie_inside_the_source(crop, fits):
    assert Framing(10, 10, crop).fits(100, 50) is fits
