"""What an observation costs, in CPU time of its own thread."""

from time import thread_time_ns

import cv2
import numpy as np
import pytest

from vla_core.timing import MS


@pytest.fixture
def one_thread():
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


def costs_ms(rig, count=60):
    """Median cost of taking all pictures in and of assembling."""
    rig.setting()
    took = []
    for ms in range(1000, 1000 + 100 * count, 100):
        rig.joints(ms - 90, ms + 10)
        rig.transforms(ms - 90, ms + 10)
        images = {key: rig.picture(key, ms) for key in rig.sizes}
        start = thread_time_ns()
        for key, image in images.items():
            rig.core.add_image(key, rig.at(ms), image)
        taken = thread_time_ns()
        rig.assemble(ms + 10)
        took.append((taken - start, thread_time_ns() - taken))
    return np.median(took, axis=0) / MS


def test_pictures_of_the_right_size_cost_less_than_a_millisecond(rig):
    add, assemble = costs_ms(rig)
    print(f'96 and 64 px: add {add:.3f} ms, assemble {assemble:.3f} ms')  # noqa: T201
    assert add + assemble < 1.0


def test_two_pictures_of_640x480_are_ready_at_224_in_a_tenth_of_a_period(make_rig, one_thread):
    size = {'width': 224, 'height': 224}
    rig = make_rig(scene=size, wrist=size)
    rig.sizes = dict.fromkeys(rig.sizes, (640, 480))
    add, assemble = costs_ms(rig, count=20)
    print(f'2 x 640x480 to 224: add {add:.3f} ms, assemble {assemble:.3f} ms')  # noqa: T201
    assert add + assemble < 10.0
