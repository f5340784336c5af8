"""Observations and the views in them."""

import array

import numpy as np
from vla_msgs.msg import Observation as ObservationMsg
from vla_msgs.msg import View as ViewMsg

from vla_core.contract import RobotContract
from vla_core.observation import Observation, View
from vla_ros.convert import numbers
from vla_ros.convert.images import image_from_msg, image_to_msg
from vla_ros.convert.poses import pose_from_msg, pose_to_msg
from vla_ros.convert.times import ns, stamp
from vla_ros.errors import MessageError, message_field


def observation_to_msg(observation: Observation, optical_frames: dict[str, str]) -> ObservationMsg:
    """Return the observation as a message; each picture is copied once.

    Args:
        observation: What to write.
        optical_frames: Name of the optical frame by camera key.
    """
    msg = ObservationMsg(
        sequence=observation.sequence,
        epoch=observation.epoch,
        contract_digest=observation.contract_digest,
        views=[
            ViewMsg(
                key=key,
                image=image_to_msg(view.image, view.stamp_ns, optical_frames.get(key, '')),
                intrinsics=view.K.ravel(),
                camera_pose=pose_to_msg(view.T_base_camera),
            )
            for key, view in observation.views.items()
        ],
        state_names=list(observation.state_names),
        state=array.array('d', observation.state),
        state_velocity=array.array('d', observation.state_velocity),
        state_stamp=stamp(observation.state_stamp_ns),
        tool_pose=pose_to_msg(observation.T_base_tool),
        instruction=observation.instruction,
        assembled=stamp(observation.assembled_ns),
    )
    msg.header.stamp = stamp(observation.stamp_ns)
    msg.header.frame_id = observation.base_frame
    return msg


def observation_from_msg(
    msg: ObservationMsg, contract: RobotContract | None = None
) -> Observation:
    """Return the observation; its pictures share memory with the message.

    Args:
        msg: What to read.
        contract: Where given, digest, camera keys, picture sizes and joint names must be its own.

    Raises:
        MessageError: a field is malformed.
    """
    numbers.check_digest(msg.contract_digest, contract.digest if contract else None)
    joints = numbers.names(
        msg.state_names, 'state_names', contract.state.names if contract else None
    )
    with message_field(stamp='header.stamp', base_frame='header.frame_id'):
        return Observation(
            stamp_ns=ns(msg.header.stamp, 'header.stamp'),
            sequence=msg.sequence,
            epoch=msg.epoch,
            contract_digest=msg.contract_digest,
            base_frame=msg.header.frame_id,
            views=_views(msg, contract),
            state_names=joints,
            state=numbers.vector(msg.state, 'state', len(joints)),
            state_velocity=numbers.vector(msg.state_velocity, 'state_velocity', len(joints)),
            state_stamp_ns=ns(msg.state_stamp, 'state_stamp'),
            T_base_tool=pose_from_msg(msg.tool_pose, 'tool_pose'),
            instruction=msg.instruction,
            assembled_ns=ns(msg.assembled, 'assembled', zero=True),
        )


def _views(msg: ObservationMsg, contract: RobotContract | None) -> dict[str, View]:
    found: dict[str, View] = {}
    for i, view in enumerate(msg.views):
        path = f'views[{i}]'
        if not view.key or view.key in found:
            raise MessageError(f'{path}.key', f'a unique camera key expected, got {view.key!r}')
        if contract and view.key not in contract.cameras:
            known = ', '.join(contract.cameras)
            raise MessageError(f'{path}.key', f'one of {known} expected, got {view.key!r}')
        found[view.key] = _view(view, path)
        if contract:
            camera = contract.cameras[view.key]
            size, expected = found[view.key].image.shape[:2], (camera.height, camera.width)
            if size != expected:
                problem = f'(height, width) {expected} expected, got {size}'
                raise MessageError(f'{path}.image', problem)
    for key in contract.cameras if contract else ():
        if key not in found:
            raise MessageError('views', f'camera {key!r} is missing')
    return found


def _view(msg: ViewMsg, path: str) -> View:
    with message_field(path, stamp='image.header.stamp'):
        return View(
            image=image_from_msg(msg.image),
            K=np.array(numbers.vector(msg.intrinsics, 'intrinsics', 9)).reshape(3, 3),
            T_base_camera=pose_from_msg(msg.camera_pose, 'camera_pose'),
            stamp_ns=ns(msg.image.header.stamp, 'image.header.stamp'),
        )
