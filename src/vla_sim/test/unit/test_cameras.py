"""Cameras: intrinsics and poses are true to the renderer, colours can be told apart."""

import threading

import numpy as np
import pytest

from vla_sim.core import scene
from vla_sim.core.cameras import Cameras, intrinsics
from vla_sim.core.errors import RenderError
from vla_sim.core.rendering import Renderer

# How each object's colour differs from wood, steel, china and the other objects.
MASKS = {
    'red block': lambda r, g, b: (r > 2 * g + 20) & (r > 2 * b + 20),
    'green block': lambda r, g, b: (g > 1.5 * r + 10) & (g > 1.5 * b + 10),
    'blue cylinder': lambda r, g, b: (b > 1.5 * r + 20) & (b > 1.5 * g + 20),
    'yellow cylinder': lambda r, g, b: (r > 3 * b + 20) & (g > 2.2 * b + 20) & (g > 0.7 * r),
}


def mask(name, image):
    return MASKS[name](*np.moveaxis(image.astype(int), 2, 0))


def project(K, T_base_camera, point):
    x, y, z = T_base_camera.inverse().apply(np.array(point))
    u, v, w = K @ np.array([x, y, z])
    return np.array([u / w, v / w])


def centroid(found):
    v, u = np.nonzero(found)
    return np.array([u.mean(), v.mean()])


@pytest.mark.parametrize('name', scene.OBJECTS)
def test_every_colour_is_seen_where_the_intrinsics_say(simulator, name):
    for seed in range(6):
        simulator.reset('reach', seed)
        simulator.place_tool((0.30, 0.30 if seed % 2 else -0.30, 0.30))  # out of the view
        image, K = simulator.render('scene'), simulator.K('scene')
        place = simulator.snapshot().objects[name].position
        found = mask(name, image)
        assert 30 < found.sum() < 250, (seed, name)
        off = centroid(found) - project(K, simulator.T_base_camera('scene'), place)
        assert np.linalg.norm(off) < 1.0, (seed, name, off)


@pytest.mark.parametrize('name', scene.OBJECTS)
def test_the_wrist_camera_moves_as_its_pose_says(simulator, name):
    simulator.reset('reach', 3)
    x, y, _ = simulator.snapshot().objects[name].position
    for dx, dy, z in ((0.0, 0.0, 0.20), (-0.05, 0.04, 0.22), (-0.06, -0.05, 0.16)):
        simulator.place_tool((x + dx, y + dy, z))
        image, K = simulator.render('wrist'), simulator.K('wrist')
        off = centroid(mask(name, image)) - project(
            K, simulator.T_base_camera('wrist'), simulator.snapshot().objects[name].position
        )
        assert np.linalg.norm(off) < 1.0, (dx, dy, z, off)


def test_a_small_thing_at_another_size_leaves_no_room_for_half_a_pixel(simulator, contract):
    simulator.reset('reach', 2)
    model = scene.build(contract.model.mjcf)
    model.geom_size[model.geom('blue cylinder').id] = 0.004
    width, height = 480, 360
    renderer = Renderer(model, scene.LEAN, width, height)
    image = renderer.fixed(simulator.configuration(), 'scene', width, height)
    renderer.close()
    K = intrinsics(model.cam_fovy[model.camera('scene').id], width, height)
    place = simulator.snapshot().objects['blue cylinder'].position
    found = mask('blue cylinder', image)
    off = centroid(found) - project(K, simulator.T_base_camera('scene'), place)
    assert found.sum() < 60
    assert np.abs(off).max() < 0.3, off


def test_the_grip_is_in_the_wrist_picture(simulator, drive):
    episode = simulator.reset('pick', 31, instruction='lift the red one')
    assert drive(simulator, episode.goal).success
    found = mask('red block', simulator.render('wrist'))
    assert found.sum() > 300
    assert 24 < centroid(found)[0] < 40


def test_pictures_have_the_contracts_sizes(simulator, contract):
    simulator.reset('reach', 1)
    for frame in simulator.look():
        camera = contract.cameras[frame.key]
        assert frame.image.shape == (camera.height, camera.width, 3)
        assert frame.stamp_ns == simulator.now_ns
        assert not frame.image.flags.writeable


def test_another_thread_draws_the_same_with_its_own_cameras(simulator, contract):
    simulator.reset('reach', 1)
    configuration = simulator.configuration()
    drawn = {}

    def work():
        cameras = Cameras(contract)
        drawn['scene'] = cameras.picture('scene', configuration)
        cameras.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    np.testing.assert_array_equal(drawn['scene'], simulator.render('scene'))


def test_the_picture_for_people_leaves_the_policys_pictures_alone(simulator):
    simulator.reset('reach', 1)
    before = simulator.render('scene')
    picture = simulator.picture(320, 240)
    assert picture.shape == (240, 320, 3)
    assert picture.std() > 20
    np.testing.assert_array_equal(simulator.render('scene'), before)


def test_too_large_a_picture_is_refused(simulator):
    simulator.reset('reach', 1)
    with pytest.raises(RenderError, match='4000x3000'):
        simulator.picture(4000, 3000)
