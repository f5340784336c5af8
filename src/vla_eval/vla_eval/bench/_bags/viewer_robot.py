"""A robot to look at, as a process: pictures, tf, joints, statuses, chunks at a steady rate."""

import sys
import time
from pathlib import Path

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image, JointState
from tf2_msgs.msg import TFMessage
from vla_msgs.msg import ActionChunk as ChunkMsg
from vla_msgs.msg import ExecutorStatus as StatusMsg

from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus, GateCounts, Mode
from vla_core.contract import load
from vla_core.se3 import SE3
from vla_core.timing import MS, Timing
from vla_ros import convert
from vla_ros.qos import qos
from vla_ros.tf import Transform, transforms_to_msg

CAMERA_HZ, JOINTS_HZ = 10, 100
WORDS = 'pick up the red block'


ABOVE = SE3(np.diag([1.0, -1.0, -1.0]), np.array([0.4, 0.0, 1.0]))  # looks down on the table


def optics(width: int, height: int) -> np.ndarray:
    """Return intrinsics (3, 3), pixels, of an opening of about 60 degrees."""
    return np.array([[width, 0.0, width / 2], [0.0, width, height / 2], [0.0, 0.0, 1.0]])


def main(root: Path) -> None:
    """Publish until killed."""
    contract = load(root / 'config' / 'robots' / 'tabletop.yaml')
    rclpy.init()
    node = Node('robot')
    cameras = {
        key: node.create_publisher(Image, camera.topic, qos('sensor'))
        for key, camera in contract.cameras.items()
    }
    infos = {
        key: node.create_publisher(CameraInfo, camera.camera_info, qos('sensor'))
        for key, camera in contract.cameras.items()
    }
    tf = node.create_publisher(TFMessage, 'tf', qos('tf'))
    joints = node.create_publisher(JointState, contract.state.topic, qos('sensor'))
    statuses = node.create_publisher(StatusMsg, 'vla/status', qos('status'))
    chunks = node.create_publisher(ChunkMsg, 'vla/action_chunk', qos('chunk'))
    rng = np.random.default_rng(0)
    base, cameras_of = contract.model.base_link, tuple(contract.cameras.values())
    names, columns = contract.state.names, contract.action.columns
    start = time.monotonic()
    tick = 0
    while True:
        now_ns = time.time_ns()
        q = 0.5 * np.sin(0.02 * tick + np.arange(len(names)))
        joints.publish(convert.joint_state_to_msg(now_ns, names, q, np.zeros(len(names))))
        edges = [Transform(base, c.optical_frame, ABOVE, now_ns) for c in cameras_of]
        tf.publish(transforms_to_msg(edges))
        if tick % (JOINTS_HZ // CAMERA_HZ) == 0:
            count = tick // (JOINTS_HZ // CAMERA_HZ) + 1
            for key, camera in contract.cameras.items():
                picture = rng.integers(0, 255, (camera.height, camera.width, 3), np.uint8)
                size = camera.width, camera.height
                info = convert.camera_info_to_msg(
                    now_ns, camera.optical_frame, *size, optics(*size)
                )
                infos[key].publish(info)
                cameras[key].publish(convert.image_to_msg(picture, now_ns, camera.optical_frame))
            timing = Timing(
                *(now_ns - k * 10 * MS for k in (8, 7, 6, 5, 3, 2)), first_row_ns=now_ns
            )
            status = ExecutorStatus(
                now_ns, Mode.RUNNING, 1, WORDS, 'rtc', gate=GateCounts(tick, count),
                executed=((count, timing),),
            )  # fmt: skip
            statuses.publish(convert.status_to_msg(status))
            rows = np.cumsum(rng.normal(0.0, 0.01, (16, len(columns))), axis=0)
            chunk = ActionChunk(
                now_ns, 100 * MS, now_ns, count, 1, contract.digest, columns, rows, WORDS
            )
            chunks.publish(convert.chunk_to_msg(chunk))
        tick += 1
        time.sleep(max(0.0, start + tick / JOINTS_HZ - time.monotonic()))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
