"""Pictures: right in every encoding, read without a copy, built with one."""

import array
import tracemalloc

import cv2
import numpy as np
import pytest
import vla_ros_samples as samples
from sensor_msgs.msg import CompressedImage, Image

from vla_ros import convert
from vla_ros.errors import MessageError

pytestmark = pytest.mark.ros

RGB = samples.picture(4, 5, 7)
GREY = RGB[:, :, :1]
ALPHA = np.full((5, 7, 1), 9, np.uint8)
ENCODED = {
    'rgb8': (RGB, RGB),
    'bgr8': (RGB[:, :, ::-1], RGB),
    'rgba8': (np.concatenate([RGB, ALPHA], 2), RGB),
    'bgra8': (np.concatenate([RGB[:, :, ::-1], ALPHA], 2), RGB),
    'mono8': (GREY, np.repeat(GREY, 3, 2)),
}


def message(encoding, pixels, padding):
    """Return an Image whose rows end in `padding` bytes of rubbish."""
    height, width, depth = pixels.shape
    rows = np.full((height, width * depth + padding), 255, np.uint8)
    rows[:, : width * depth] = pixels.reshape(height, -1)
    msg = Image(height=height, width=width, encoding=encoding, step=rows.shape[1])
    msg.data = array.array('B', rows.tobytes())
    return msg


@pytest.mark.parametrize('padding', [0, 1, 5])
@pytest.mark.parametrize('encoding', ENCODED)
def test_every_encoding_reads_as_rgb(encoding, padding):
    pixels, expected = ENCODED[encoding]
    np.testing.assert_array_equal(
        convert.image_from_msg(message(encoding, pixels, padding)), expected
    )


@pytest.mark.parametrize('encoding', ENCODED)
def test_reading_copies_nothing(encoding):
    msg = message(encoding, ENCODED[encoding][0], 2)
    image = convert.image_from_msg(msg)
    assert np.shares_memory(image, np.frombuffer(msg.data, np.uint8))
    assert not image.flags.writeable


def test_an_observation_is_read_without_copying_its_pictures():
    msg = convert.observation_to_msg(samples.observation(), {})
    image = convert.observation_from_msg(msg).views['scene'].image
    assert np.shares_memory(image, np.frombuffer(msg.views[0].image.data, np.uint8))


VGA = samples.picture(5, 480, 640)


@pytest.mark.parametrize(
    'image',
    [
        VGA,
        VGA[:, :, ::-1],
        VGA[::2, ::2],
        np.asfortranarray(VGA),
        np.broadcast_to(VGA[:1], VGA.shape),
    ],
    ids=['contiguous', 'reversed', 'strided', 'column-major', 'broadcast'],
)
@pytest.mark.parametrize('checks', ['1', ''], ids=['fields checked', 'fields unchecked'])
def test_building_copies_once(image, checks, monkeypatch):
    monkeypatch.setattr('sensor_msgs.msg._image.ros_python_check_fields', checks)
    tracemalloc.start()
    try:
        msg = convert.image_to_msg(image, 5, 'optical')
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert image.size <= peak < 1.2 * image.size
    assert (msg.height, msg.width, msg.step) == (*image.shape[:2], 3 * image.shape[1])
    np.testing.assert_array_equal(convert.image_from_msg(msg), image)


@pytest.mark.parametrize(
    'image',
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
    ids=['grey', 'float', 'empty'],
)
def test_what_is_no_picture_is_not_sent(image):
    with pytest.raises(MessageError):
        convert.image_to_msg(image, 5, 'o')


def compressed(suffix, image):
    done, data = cv2.imencode(suffix, np.ascontiguousarray(image[:, :, ::-1]))
    assert done
    return CompressedImage(format=suffix[1:], data=data.tobytes())


def test_png_comes_back_exactly():
    np.testing.assert_array_equal(convert.image_from_msg(compressed('.png', RGB)), RGB)


def test_jpeg_comes_back_nearly_and_in_the_order_of_rgb():
    red = np.zeros((16, 16, 3), np.uint8)
    red[:, :, 0] = 200
    image = convert.image_from_msg(compressed('.jpg', red))
    assert image.shape == red.shape
    assert np.abs(image.astype(int) - red).max() < 6


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 0.99])
def test_a_picture_cut_off_is_refused(suffix, share, capfd):
    msg = compressed(suffix, samples.picture(1, 64, 64))
    msg.data = msg.data[: int(share * len(msg.data))]
    with pytest.raises(MessageError) as caught:
        convert.image_from_msg(msg)
    assert caught.value.field == 'image.data'
    assert capfd.readouterr().err == ''


def test_rubbish_in_a_whole_frame_is_refused():
    with pytest.raises(MessageError):
        convert.image_from_msg(
            CompressedImage(format='jpeg', data=b'\xff\xd8' + b'rubbish' * 9 + b'\xff\xd9')
        )
