"""The simulator's own messages: state, outcome and faults, to and from values."""

import array

import numpy as np
from vla_msgs.msg import SimOutcome, SimState
from vla_msgs.srv import SimInject

from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_sim.core.injection import Faults
from vla_sim.core.scene import PLATE
from vla_sim.core.simulator import FINGER, Simulator
from vla_sim.core.values import CHECK_NS, ObjectPose, Point, WorldState

DETAIL = {
    'waiting': 'waits for the first command',
    'running': 'not reached yet',
    'success': 'reached',
    'time_limit': 'not reached within the time limit',
}


def state_to_msg(simulator: Simulator, base_frame: str) -> SimState:
    """Return the true state of robot and objects."""
    episode, world = simulator.episode, simulator.snapshot()
    positions, velocities = simulator.true_joints()
    poses = {name: _pose(thing) for name, thing in world.objects.items()}
    poses[PLATE] = _pose(ObjectPose(world.plate))
    msg = SimState(
        task=episode.task,
        seed=episode.seed,
        instruction=episode.instruction,
        target=episode.target,
        object_names=list(poses),
        object_poses=[convert.pose_to_msg(T) for T in poses.values()],
        joint_names=list(simulator.contract.state.names),
        joint_positions=array.array('d', positions),
        joint_velocities=array.array('d', velocities),
        tool_pose=convert.pose_to_msg(simulator.T_base_tool_true()),
    )
    msg.header.stamp, msg.header.frame_id = convert.stamp(world.time_ns), base_frame
    return msg


def state_from_msg(msg: SimState) -> WorldState:
    """Return what the expert looks at.

    Raises:
        MessageError: a field is malformed.
    """
    if len(msg.object_names) != len(msg.object_poses):
        problem = f'{len(msg.object_names)} poses expected, got {len(msg.object_poses)}'
        raise MessageError('object_poses', problem)
    things = {}
    for k, (name, pose) in enumerate(zip(msg.object_names, msg.object_poses, strict=True)):
        things[name] = convert.pose_from_msg(pose, f'object_poses[{k}]')
    for name, where, needed in (
        (PLATE, 'object_names', things),
        (FINGER, 'joint_names', msg.joint_names),
    ):
        if name not in needed:
            raise MessageError(where, f'{name!r} expected among them')
    count = len(msg.joint_names)
    for field in ('joint_positions', 'joint_velocities'):
        values = np.asarray(getattr(msg, field))
        if values.shape != (count,) or not np.isfinite(values).all():
            raise MessageError(field, f'{count} finite numbers expected')
    finger = list(msg.joint_names).index(FINGER)
    plate = things.pop(PLATE)
    return WorldState(
        time_ns=convert.ns(msg.header.stamp, 'header.stamp'),
        tool=_point(convert.pose_from_msg(msg.tool_pose, 'tool_pose')),
        finger=msg.joint_positions[finger],
        finger_velocity=msg.joint_velocities[finger],
        objects={
            name: ObjectPose(_point(T), tuple(T.quaternion.tolist())) for name, T in things.items()
        },
        plate=_point(plate),
    )


def outcome_to_msg(simulator: Simulator) -> SimOutcome:
    """Return how the episode stands."""
    episode, outcome = simulator.episode, simulator.outcome()
    msg = SimOutcome(
        task=episode.task,
        seed=episode.seed,
        instruction=episode.instruction,
        target=episode.target,
        success=outcome.success,
        over=outcome.done,
        elapsed=convert.duration(outcome.steps * CHECK_NS),
        time_limit=convert.duration(episode.limit_ns),
        detail=DETAIL[outcome.reason],
    )
    msg.header.stamp = convert.stamp(simulator.now_ns)
    return msg


def faults_from_msg(request: SimInject.Request) -> Faults:
    """Return the faults asked for.

    Raises:
        MessageError, SimError: a field is malformed or out of range.
    """
    return Faults(
        camera=request.camera,
        camera_delay_ns=convert.ns(request.camera_delay, 'camera_delay', zero=True),
        drop_rate=request.drop_rate,
        freeze_picture=request.freeze_picture,
        freeze_stamp=request.freeze_stamp,
        black_picture=request.black_picture,
        wrong_size=request.wrong_size,
        wrong_encoding=request.wrong_encoding,
        image_noise=request.image_noise,
        state_noise=request.state_noise,
        stop_joint_states=request.stop_joint_states,
        joint_jump=request.joint_jump,
        action_delay_ns=convert.ns(request.action_delay, 'action_delay', zero=True),
        clock_pause=request.clock_pause,
    )


def clock_jump_ns(request: SimInject.Request) -> int:
    """Return by how much the clock is to jump, ns; negative: back.

    Raises:
        MessageError: the field is malformed.
    """
    jump = request.clock_jump
    if jump.nanosec >= SECOND:
        right = f'less than {SECOND} expected, got {jump.nanosec}'
        raise MessageError('clock_jump.nanosec', right)
    return int(jump.sec * SECOND + jump.nanosec)


def _pose(thing: ObjectPose) -> SE3:
    return SE3.from_quaternion(np.array(thing.quaternion), np.array(thing.position))


def _point(T: SE3) -> Point:
    x, y, z = T.t.tolist()
    return (x, y, z)
