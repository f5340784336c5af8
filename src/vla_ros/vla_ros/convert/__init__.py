"""Messages to values and back. Total: what is malformed is refused by field, as MessageError.

Quaternions are (x, y, z, w) in messages and (w, x, y, z) in values; only here they meet.
"""

from vla_ros.convert.chunk import chunk_from_msg, chunk_to_msg
from vla_ros.convert.command import command_from_msg, command_to_msg
from vla_ros.convert.images import image_from_msg, image_to_msg
from vla_ros.convert.observation import observation_from_msg, observation_to_msg
from vla_ros.convert.poses import (
    pose_from_msg,
    pose_to_msg,
    transform_from_msg,
    transform_to_msg,
)
from vla_ros.convert.sensors import (
    CameraInfo,
    JointReading,
    camera_info_from_msg,
    camera_info_to_msg,
    joint_state_from_msg,
    joint_state_to_msg,
)
from vla_ros.convert.status import status_from_msg, status_to_msg
from vla_ros.convert.takeover import takeover_from_msg, takeover_to_msg
from vla_ros.convert.times import duration, ns, stamp, timing_from_msg, timing_to_msg

__all__ = [
    'CameraInfo',
    'JointReading',
    'camera_info_from_msg',
    'camera_info_to_msg',
    'chunk_from_msg',
    'chunk_to_msg',
    'command_from_msg',
    'command_to_msg',
    'duration',
    'image_from_msg',
    'image_to_msg',
    'joint_state_from_msg',
    'joint_state_to_msg',
    'ns',
    'observation_from_msg',
    'observation_to_msg',
    'pose_from_msg',
    'pose_to_msg',
    'stamp',
    'status_from_msg',
    'status_to_msg',
    'takeover_from_msg',
    'takeover_to_msg',
    'timing_from_msg',
    'timing_to_msg',
    'transform_from_msg',
    'transform_to_msg',
]
