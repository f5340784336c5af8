"""Pictures: read without a copy, built with one."""

import array

import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from vla_ros.convert.times import stamp
from vla_ros.errors import MessageError

# encoding: (bytes per pixel, how its channels become R, G, B)
ENCODINGS = {
    'rgb8': (3, slice(None)),
    'bgr8': (3, slice(None, None, -1)),
    'rgba8': (4, slice(0, 3)),
    'bgra8': (4, slice(2, None, -1)),
    'mono8': (1, None),
}
JPEG, JPEG_END = b'\xff\xd8', b'\xff\xd9'
PNG, PNG_END = b'\x89PNG', b'IEND\xaeB`\x82'


def image_from_msg(msg: Image | CompressedImage, field: str = 'image') -> np.ndarray:
    """Return the picture, (H, W, 3) uint8 RGB, read-only.

    An Image is a view of the message's memory, its channels reordered by strides alone; a grey
    one is seen three times. A CompressedImage is decoded.

    Raises:
        MessageError: sizes disagree, the encoding is unknown or the data is broken.
    """
    if isinstance(msg, CompressedImage):
        return _decoded(msg, field)
    if msg.encoding not in ENCODINGS:
        problem = f'one of {", ".join(ENCODINGS)} expected, got {msg.encoding!r}'
        raise MessageError(f'{field}.encoding', problem)
    depth, order = ENCODINGS[msg.encoding]
    for name in ('height', 'width'):
        if getattr(msg, name) == 0:
            raise MessageError(f'{field}.{name}', 'a size > 0 expected, got 0')
    if msg.step < msg.width * depth:
        problem = f'at least {msg.width * depth} bytes a row expected, got {msg.step}'
        raise MessageError(f'{field}.step', problem)
    raw = _bytes(msg.data, f'{field}.data')
    if raw.size != msg.height * msg.step:
        expected = f'{msg.height} x {msg.step} = {msg.height * msg.step}'
        raise MessageError(f'{field}.data', f'{expected} bytes expected, got {raw.size}')
    rows = raw.reshape(msg.height, msg.step)[:, : msg.width * depth]
    pixels = rows.reshape(msg.height, msg.width, depth)
    if order is None:
        return np.broadcast_to(pixels, (msg.height, msg.width, 3))
    return pixels[:, :, order]


def image_to_msg(image: np.ndarray, stamp_ns: int, frame: str) -> Image:
    """Return an rgb8 message of a picture (H, W, 3) uint8 RGB; copies it once.

    Raises:
        MessageError: another shape or type.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        problem = f'(H, W, 3) uint8 expected, got {image.shape} {image.dtype}'
        raise MessageError('image', problem)
    height, width = image.shape[:2]
    # A message that checks its fields takes an array.array over as it is; any other one copies
    # it element by element (2 ms for 640 x 480), and a numpy array more slowly still.
    msg = Image(height=height, width=width, encoding='rgb8', step=3 * width, check_fields=True)
    msg.header.stamp, msg.header.frame_id = stamp(stamp_ns), frame
    data = array.array('B')
    if image.flags.c_contiguous:
        data.frombytes(image.data)
    else:
        data = array.array('B', b'\0') * image.size
        np.frombuffer(data, np.uint8).reshape(image.shape)[:] = image
    msg.data = data
    return msg


def _bytes(data: array.array, field: str) -> np.ndarray:
    try:
        raw = np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)
    except (TypeError, ValueError, BufferError):
        raise MessageError(field, 'bytes expected') from None
    raw.setflags(write=False)
    return raw


def _decoded(msg: CompressedImage, field: str) -> np.ndarray:
    import cv2  # 0.1 s: paid only where a camera sends compressed pictures

    raw = _bytes(msg.data, f'{field}.data')
    head, tail = raw[:4].tobytes(), raw[-16:].tobytes().rstrip(b'\0')
    # the decoder fills what is missing with grey, and says so on standard error only
    whole = (head.startswith(JPEG) and tail.endswith(JPEG_END)) or (
        head == PNG and tail.endswith(PNG_END)
    )
    if not whole:
        problem = f'a whole JPEG or PNG expected, got {raw.size} bytes of {msg.format!r}'
        raise MessageError(f'{field}.data', problem)
    try:
        bgr = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise MessageError(f'{field}.data', f'no picture could be decoded from {msg.format!r}')
    bgr.setflags(write=False)
    return bgr[:, :, ::-1]
