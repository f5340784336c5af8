"""The controller interface that the simulated robot offers, as its contract names it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from vla_core.contract import RobotContract
from vla_core.errors import ContractError, VlaError
from vla_ros import convert
from vla_ros.errors import MessageError

if TYPE_CHECKING:
    from vla_ros.lifecycle import SuiteNode

MESSAGES: dict[str, type] = {
    'JointTrajectory': JointTrajectory,
    'JointState': JointState,
    'Float64MultiArray': Float64MultiArray,
}
# names, positions, ROS time of the command (0 where the message has none)
Taker = Callable[[Sequence[str], Sequence[float], int], None]


def listen(node: 'SuiteNode', contract: RobotContract, take: Taker) -> None:
    """Subscribe to the contract's output and hand each command to `take`.

    `take` may raise a VlaError to refuse a command; so is a malformed message, with one line.
    """
    interface = contract.output.interface
    if interface not in MESSAGES:
        raise ContractError(
            'output.interface',
            f'one of {", ".join(MESSAGES)} expected by the simulated robot, got {interface}',
        )
    read = {
        'JointTrajectory': _trajectory,
        'JointState': lambda msg: (msg.name, msg.position, _stamp(msg)),
        'Float64MultiArray': lambda msg: (contract.output.joints, msg.data, 0),
    }[interface]

    def on_message(msg: Any) -> None:
        try:
            take(*read(msg))
        except VlaError as error:
            node.get_logger().error(f'command dropped: {error}', throttle_duration_sec=1.0)

    node.subscribe(MESSAGES[interface], contract.output.topic, on_message, 'command', needed=False)


def _trajectory(msg: JointTrajectory) -> tuple[Sequence[str], Sequence[float], int]:
    """Read a streamed trajectory: one point, to go to now."""
    if len(msg.points) != 1:
        raise MessageError('points', f'one point expected, streamed, got {len(msg.points)}')
    return msg.joint_names, msg.points[0].positions, _stamp(msg)


def _stamp(msg: Any) -> int:
    return convert.ns(msg.header.stamp, 'header.stamp', zero=True)
