"""The cameras of a page: paths where it is known how a picture sees them, plain ones elsewhere."""

from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_core.se3 import SE3
from vla_core.timing import MS, SECOND
from vla_eval.core.viewer.pictures import STRIP_PX, resized, shown
from vla_eval.core.viewer.sights import Optics, Sights
from vla_perception.core.overlay import Path as Line
from vla_perception.core.sighting import Lens

CONTRACT = load(Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml')
WIDTH, HEIGHT, SCALE = 120, 96, 2.0  # as it comes; on the page STRIP_PX high
K = np.array([[80.0, 0.0, 59.5], [0.0, 80.0, 40.0], [0.0, 0.0, 1.0]])
GREY = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
LOOKING_ALONG_X = SE3(np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]))
WHITE = np.full((2, 3), 255, np.uint8)
NOW = 100 * SECOND


def sights(prefix='', optics=True, pose=True, lens=None, size=(WIDTH, HEIGHT)):
    found = Sights(CONTRACT)
    frame = f'{prefix}{CONTRACT.cameras["scene"].optical_frame}'
    if optics:
        found.see_optics('scene', Optics(lens or Lens(K), size, frame))
    if pose:
        base = f'{prefix}{CONTRACT.model.base_link}'
        found.see_transform(base, frame, 0, LOOKING_ALONG_X, True)
    return found


def across(y, z):
    """A short line around a place 1 m before the camera."""
    return Line(np.array([[1.0, y + 0.01, z], [1.0, y - 0.01, z]]), WHITE)


@pytest.mark.parametrize('prefix', ['', 'left/'])
def test_a_path_is_drawn_where_the_camera_sees_it_at_the_size_of_the_page(prefix):
    line = across(-0.2, 0.1)  # 0.2 m to the right, 0.1 m up
    light = shown('scene', (NOW, GREY), sights(prefix), [line]).astype(int) - resized(GREY)
    light = light.sum(axis=2) / light.sum()
    assert light.shape == (STRIP_PX, SCALE * WIDTH)
    v, u = np.indices(light.shape)
    pixel = np.array([59.5 + 80.0 * 0.2, 40.0 - 80.0 * 0.1])
    wanted = SCALE * (pixel + 0.5) - 0.5  # whole numbers are pixel centres
    assert (u * light).sum() == pytest.approx(wanted[0], abs=0.3)
    assert (v * light).sum() == pytest.approx(wanted[1], abs=0.3)


@pytest.mark.parametrize(
    'known',
    [
        {'optics': False},
        {'pose': False},
        {'size': (2 * WIDTH, HEIGHT)},
        {'lens': Lens(K, 'barrel', np.array([0.1]))},
    ],
    ids=['no CameraInfo', 'no tf', 'of another size', 'a lens that is not known'],
)
def test_the_picture_is_plain_where_it_is_not_known_how_it_sees(known):
    picture = shown('scene', (NOW, GREY), sights(**known), [across(0.0, 0.0)])
    np.testing.assert_array_equal(picture, resized(GREY))


def test_the_pose_is_that_of_the_capture_and_never_an_older_one():
    found = sights()
    T = SE3(t=np.array([0.1, 0.0, 0.3]))
    base, wrist = CONTRACT.model.base_link, CONTRACT.cameras['wrist'].optical_frame
    for ms in (0, 100):
        moved = T @ SE3(t=np.array([0.0, ms / 1000.0, 0.0]))
        found.see_transform(base, wrist, NOW + ms * MS, moved, False)
    np.testing.assert_allclose(found.pose('wrist', NOW + 50 * MS).t, [0.1, 0.05, 0.3])
    assert found.pose('wrist', NOW + SECOND) is None
    found.forget()
    assert found.pose('wrist', NOW) is None
    assert found.sighting('scene', NOW, GREY) is None


def test_a_camera_info_of_another_frame_does_not_count():
    found = sights()
    found.see_optics('scene', Optics(Lens(K), (WIDTH, HEIGHT), 'somewhere_else'))
    assert found.sighting('scene', NOW, GREY) is None


def test_the_source_picture_is_left_as_it_came():
    tall = np.full((STRIP_PX, STRIP_PX, 3), 60, np.uint8)
    found = sights(size=(STRIP_PX, STRIP_PX))
    assert (shown('scene', (NOW, tall), found, [across(0.0, 0.0)]) != 60).any()
    assert (tall == 60).all()


def test_pictures_of_any_size_are_shown_at_one_height():
    small = np.arange(96 * 96 * 3).reshape(96, 96, 3).astype(np.uint8)
    np.testing.assert_array_equal(resized(small)[::2, ::2], small)  # pixel by pixel
    assert resized(np.full((480, 640, 3), 2, np.uint8)).shape == (STRIP_PX, 256, 3)
