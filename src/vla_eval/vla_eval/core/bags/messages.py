"""The fields of messages that are made, not recorded; for `Encoder`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vla_core.se3 import SE3
from vla_eval.core.bags.encoder import header

IMAGE, INFO, JOINTS = (f'sensor_msgs/msg/{kind}' for kind in ('Image', 'CameraInfo', 'JointState'))
TF, STRING, COMMAND = 'tf2_msgs/msg/TFMessage', 'std_msgs/msg/String', 'vla_msgs/msg/Command'


def image(stamp_ns: int, frame: str, pixels: np.ndarray) -> dict[str, Any]:
    """Return an rgb8 Image of (H, W, 3) uint8 pixels."""
    height, width = pixels.shape[:2]
    return {
        'header': header(stamp_ns, frame),
        'height': height,
        'width': width,
        'encoding': 'rgb8',
        'is_bigendian': 0,
        'step': 3 * width,
        'data': np.ascontiguousarray(pixels).ravel(),
    }


def camera_info(
    stamp_ns: int, frame: str, size: tuple[int, int], optics: Sequence[float] | np.ndarray
) -> dict[str, Any]:
    """Return the CameraInfo of a camera without distortion.

    Args:
        stamp_ns: Of the picture.
        frame: Optical frame.
        size: (width, height), pixels.
        optics: fx, fy, cx, cy, pixels.
    """
    fx, fy, cx, cy = (float(number) for number in optics)
    K = np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])
    region = dict.fromkeys(('x_offset', 'y_offset', 'height', 'width'), 0)
    return {
        'header': header(stamp_ns, frame),
        'height': size[1],
        'width': size[0],
        'distortion_model': 'plumb_bob',
        'd': np.zeros(5),
        'k': K.ravel(),
        'r': np.eye(3).ravel(),
        'p': np.hstack([K, np.zeros((3, 1))]).ravel(),
        'binning_x': 0,
        'binning_y': 0,
        'roi': {**region, 'do_rectify': False},
    }


def joint_state(
    stamp_ns: int, names: Sequence[str], positions: np.ndarray, velocities: np.ndarray | None
) -> dict[str, Any]:
    """Return a JointState: rad or m, and per second; no velocities where there are none."""
    return {
        'header': header(stamp_ns),
        'name': list(names),
        'position': np.asarray(positions, np.float64),
        'velocity': np.asarray([] if velocities is None else velocities, np.float64),
        'effort': np.zeros(0),
    }


def command(
    stamp_ns: int, sequence: int, epoch: int, names: Sequence[str], positions: np.ndarray
) -> dict[str, Any]:
    """Return a Command that follows no chunk: joints as they were told, rad or m."""
    return {
        'header': header(stamp_ns),
        'sequence': sequence,
        'epoch': epoch,
        'names': list(names),
        'positions': np.asarray(positions, np.float64),
        'velocities': np.zeros(len(names)),
        'strategy': '',
        'sources': np.zeros(0, np.uint64),
        'weights': np.zeros(0),
        'clipped_by': [],
        'hold_reason': '',
        'stop_reason': '',
        'authority': 'policy',
    }


def edge(stamp_ns: int, parent: str, child: str, T_parent_child: SE3) -> dict[str, Any]:
    """Return a TransformStamped."""
    q, t = T_parent_child.quaternion, T_parent_child.t
    return {
        'header': header(stamp_ns, parent),
        'child_frame_id': child,
        'transform': {
            'translation': dict(zip('xyz', t.tolist(), strict=True)),
            'rotation': dict(zip('wxyz', q.tolist(), strict=True)),
        },
    }
