"""Pictures as JPEG, on their way into a bag."""

import array

import cv2
import numpy as np
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from vla_ros import convert
from vla_ros.errors import MessageError

KIND, SUFFIX = 'CompressedImage', '/compressed'
FORMAT = 'rgb8; jpeg compressed bgr8'  # as image_transport names it: what it was, what it is
COLOR = ('rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8')


def packed(data: bytes, quality: int) -> bytes | None:
    """Return a serialised CompressedImage of a serialised Image.

    Args:
        data: The Image.
        quality: Of the JPEG, 1 to 100.

    Returns:
        None where it is no colour picture, or malformed: it is kept as it came.
    """
    msg = deserialize_message(data, Image)
    if msg.encoding not in COLOR:
        return None
    try:
        image = convert.image_from_msg(msg)
    except MessageError:
        return None
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    done, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        return None
    small = array.array('B')
    small.frombytes(jpeg.data)
    return bytes(serialize_message(CompressedImage(header=msg.header, format=FORMAT, data=small)))
