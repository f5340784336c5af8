"""The controller interface of the contract: a command as the message that the robot takes."""

import array
from collections.abc import Callable
from typing import Any

from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_control.core.errors import SettingsError
from vla_core.command import Command
from vla_core.contract import RobotContract
from vla_ros import convert


class Output:
    """Builds the contract's message.

    Attributes:
        kind: Message type.
    """

    def __init__(self, contract: RobotContract):
        """Choose the message.

        Raises:
            SettingsError: the contract asks for an interface that takes no joint positions.
        """
        kinds: dict[str, tuple[type, Callable[[Command], Any]]] = {
            'JointTrajectory': (JointTrajectory, self._trajectory),
            'Float64MultiArray': (Float64MultiArray, self._positions),
            'JointState': (JointState, self._joint_state),
        }
        interface = contract.output.interface
        if interface not in kinds:
            raise SettingsError(
                f'output.interface: one of {", ".join(kinds)} expected, got {interface!r}'
            )
        self.kind, self.message = kinds[interface]
        self._tick = convert.duration(contract.rates.control_ns)

    def _trajectory(self, command: Command) -> JointTrajectory:
        """One point, to be reached one tick from now.

        The stamp stays 0, which joint_trajectory_controller reads as "begin now"; with a stamp it
        would refuse a point that arrives later than one tick.
        """
        point = JointTrajectoryPoint(
            positions=array.array('d', command.positions),
            velocities=array.array('d', command.velocities),
            time_from_start=self._tick,
        )
        return JointTrajectory(joint_names=list(command.names), points=[point])

    def _positions(self, command: Command) -> Float64MultiArray:
        return Float64MultiArray(data=array.array('d', command.positions))

    def _joint_state(self, command: Command) -> JointState:
        return convert.joint_state_to_msg(
            command.stamp_ns, command.names, command.positions, command.velocities
        )
