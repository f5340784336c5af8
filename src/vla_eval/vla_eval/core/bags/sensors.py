"""What drivers record, as values: pictures, calibrations, joint states, transforms; no ROS.

The messages are those of `Decoder`. Whoever reads them decides what a malformed one means; here it
is a `SensorError` that says which field.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from vla_core.rotations import RotationError
from vla_core.se3 import SE3
from vla_eval.core.errors import EvalError

SECOND = 1_000_000_000
# encoding: (bytes per pixel, how its channels become R, G, B)
ENCODINGS: dict[str, tuple[int, slice | None]] = {
    'rgb8': (3, slice(None)),
    'bgr8': (3, slice(None, None, -1)),
    'rgba8': (4, slice(0, 3)),
    'bgra8': (4, slice(2, None, -1)),
    'mono8': (1, None),
}


class SensorError(EvalError):
    """A message is malformed; it names the field."""


@dataclass(frozen=True, eq=False)
class JointReading:
    """Joint states as a driver sent them.

    Attributes:
        stamp_ns: Of the measurement.
        names: Joint names.
        positions: (J,) rad or m.
        velocities: (J,) rad/s or m/s; None where the driver sends none.
    """

    stamp_ns: int
    names: tuple[str, ...]
    positions: np.ndarray
    velocities: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Transform:
    """One edge of the tree: T_parent_child at a time."""

    parent: str
    child: str
    stamp_ns: int
    T_parent_child: SE3


def stamp_ns(stamp: Any) -> int:
    """Return a time message, or a duration, in ns."""
    return int(stamp.sec) * SECOND + int(stamp.nanosec)


def picture(message: Any, kind: str) -> np.ndarray:
    """Return an Image or CompressedImage as (H, W, 3) uint8 RGB, read-only.

    Raises:
        SensorError: sizes disagree, the encoding is unknown or the data is broken.
    """
    if kind == 'CompressedImage':
        return _decoded(message.data, message.format)
    if message.encoding not in ENCODINGS:
        raise SensorError(
            f'encoding: one of {", ".join(ENCODINGS)} expected, got {message.encoding!r}'
        )
    depth, order = ENCODINGS[message.encoding]
    height, width, step = int(message.height), int(message.width), int(message.step)
    if not height or not width or step < width * depth:
        raise SensorError(f'step: {width} x {height} pixels do not fit {step} bytes a row')
    raw = np.asarray(message.data, np.uint8)
    if raw.size != height * step:
        raise SensorError(f'data: {height} x {step} bytes expected, got {raw.size}')
    pixels = raw.reshape(height, step)[:, : width * depth].reshape(height, width, depth)
    pixels.setflags(write=False)
    if order is None:
        return np.broadcast_to(pixels, (height, width, 3))
    return pixels[:, :, order]


def _decoded(data: np.ndarray, said: str) -> np.ndarray:
    import cv2  # 0.1 s: paid only where a camera sends compressed pictures

    raw = np.asarray(data, np.uint8)
    head, tail = raw[:4].tobytes(), raw[-16:].tobytes().rstrip(b'\0')
    # the decoder fills what is missing with grey, and says so on standard error only
    jpeg = head.startswith(b'\xff\xd8') and tail.endswith(b'\xff\xd9')
    png = head == b'\x89PNG' and _whole_png(raw.tobytes())
    if not jpeg and not png:
        raise SensorError(f'data: a whole JPEG or PNG expected, got {raw.size} bytes of {said!r}')
    try:
        bgr = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise SensorError(f'data: no picture could be decoded from {said!r}')
    bgr.setflags(write=False)
    return np.asarray(bgr)[:, :, ::-1]


def _whole_png(data: bytes) -> bool:
    """Tell whether every chunk of a PNG is there, with its checksum.

    The decoder tells the terminal about those that are not.
    """
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return False
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from('>I', data, end)[0]:
            return False
        if kind == b'IEND':
            return True
        at = end + 4
    return False


def joint_reading(message: Any) -> JointReading:
    """Return joint states.

    Raises:
        SensorError: their numbers do not go with their names.
    """
    names = tuple(message.name)
    positions = np.asarray(message.position, float)
    velocities = np.asarray(message.velocity, float)
    if not names or positions.shape != (len(names),):
        raise SensorError(f'position: {len(names)} numbers expected, got {positions.size}')
    if velocities.size and velocities.shape != (len(names),):
        raise SensorError(f'velocity: {len(names)} numbers or none expected')
    at = stamp_ns(message.header.stamp)
    return JointReading(at, names, positions, velocities if velocities.size else None)


def transforms(message: Any) -> list[Transform]:
    """Return the edges of a TFMessage.

    Raises:
        SensorError: a number is not finite, or a rotation is none.
    """
    found = []
    for one in message.transforms:
        parent, child = one.header.frame_id.lstrip('/'), one.child_frame_id.lstrip('/')
        q, t = one.transform.rotation, one.transform.translation
        where = np.array([t.x, t.y, t.z])
        if not np.isfinite(where).all():
            raise SensorError(f'transforms {parent} -> {child}: finite numbers expected')
        try:
            T = SE3.from_quaternion(np.array([q.w, q.x, q.y, q.z]), where)
        except RotationError as error:
            raise SensorError(f'transforms {parent} -> {child}: {error}') from None
        found.append(Transform(parent, child, stamp_ns(one.header.stamp), T))
    return found
