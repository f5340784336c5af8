"""A person's hand: what it asks for at a tick, on top of the policy or in its place."""

import numpy as np

from vla_control.core.commanded import Commanded
from vla_control.core.errors import RowRefused, TakeoverRefused
from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.kinematics import Kinematics
from vla_control.core.reasons import Reason
from vla_control.core.rows import RowLayout
from vla_control.core.travel import Travel
from vla_control.core.waypoints import Waypoint
from vla_core import rotations
from vla_core.command import Authority
from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_core.takeover import Takeover

_SHARE = 0.8  # of the joints' limits that travel to a joint target asks for
_SMOOTHED_S = 0.15  # over which a twist is averaged: a stick that is let go brakes the tool


class Hand:
    """Keeps what a person asked for last.

    Attributes:
        authority: Who decides.
    """

    def __init__(
        self,
        contract: RobotContract,
        limits: JointLimitArrays,
        layout: RowLayout,
        kinematics: Kinematics,
        watchdog_ns: int,
    ):
        self._limits, self._layout, self._kinematics = limits, layout, kinematics
        self._watchdog_ns = watchdog_ns
        self._names = contract.output.joints
        self._grippers = len(layout.grippers)
        self._travel = [
            Travel(
                float(limits.lower[i]),
                float(limits.upper[i]),
                _SHARE * float(limits.velocity[i]),
                _SHARE * float(limits.acceleration[i]),
                _SHARE * float(limits.jerk[i]),
            )
            for i in range(len(self._names))
        ]
        self._twists = np.zeros((max(1, round(_SMOOTHED_S / limits.dt_s)), 6))
        self.authority = Authority.POLICY
        self.clear()

    def clear(self) -> None:
        """Give authority back to the policy and forget what was asked for."""
        self.authority = Authority.POLICY
        self._asked: Takeover | None = None
        self._targets: dict[int, float] = {}
        self._pose: SE3 | None = None  # where the twist has led the tool; None: as commanded
        self._offset_m = np.zeros(3)  # of the tool, on top of the policy's way
        self._offset_rad = np.zeros(3)
        self._twists[:] = 0.0

    def take(self, takeover: Takeover) -> None:
        """Take a message in.

        Raises:
            TakeoverRefused: it does not fit the robot; what was asked for before stays.
        """
        for name in takeover.names:
            if name not in self._names:
                known = ', '.join(self._names)
                raise TakeoverRefused(f'names: one of {known} expected, got {name!r}')
        if len(takeover.gripper) not in (0, self._grippers):
            raise TakeoverRefused(
                f'gripper: none or {self._grippers} numbers expected, got {len(takeover.gripper)}'
            )
        if self._layout.tool is None and (takeover.twist.any() or takeover.authority == 'shared'):
            raise TakeoverRefused('twist: only a robot that is told tool poses takes twists')
        if takeover.names and takeover.twist.any():
            raise TakeoverRefused('twist: either joint targets or a twist expected, got both')
        if takeover.authority is not self.authority:
            self.clear()
            self.authority = takeover.authority
        self._asked = takeover
        if takeover.names:
            self._pose = None
        elif takeover.twist.any():
            self._targets = {}
        for name, position in zip(takeover.names, takeover.positions, strict=True):
            self._targets[self._names.index(name)] = float(position)

    def check_silence(self, now_ns: int) -> None:
        """Raise RowRefused (`silence`) where the person's last word is too old to act on."""
        if self._asked is None or abs(now_ns - self._asked.stamp_ns) > self._watchdog_ns:
            self._pose = None
            self._twists[:] = 0.0
            raise RowRefused(Reason.SILENCE, 'the person who has taken over is silent')

    def gripper(self) -> np.ndarray:
        """Return the grippers (K,) asked for; empty for none."""
        return self._asked.gripper if self._asked is not None else np.zeros(0)

    def request(self, commanded: Commanded) -> np.ndarray:
        """Return the joint targets (J,) of the coming tick, fingers as commanded.

        Raises:
            RowRefused: the arm cannot follow the twist.
        """
        request = commanded.positions.copy()
        if self._asked is not None and self._asked.twist.any() and self._pose is None:
            self._pose = self._kinematics.forward(commanded.positions)
            self._twists[:] = self._tool_velocity(commanded)
        if self._pose is not None:
            twist, dt = self._smoothed(), self._limits.dt_s
            pose = SE3(rotations.exp(dt * twist[3:]) @ self._pose.R, self._pose.t + dt * twist[:3])
            request[self._layout.arm_outputs] = self._kinematics.solve(
                commanded.positions, pose.t, pose.quaternion
            )
            self._pose = pose if twist.any() else None
            return request
        fingers = self._layout.gripper_outputs
        for i, travel in enumerate(self._travel):
            if i in fingers:
                continue
            if travel.position != request[i]:  # the policy, the gate or a stop has led it here
                travel.place(float(request[i]), float(commanded.motion.velocity[i]))
            target = self._targets.get(i)
            request[i] = travel.coast() if target is None else travel.step(target)
        return request

    def _tool_velocity(self, commanded: Commanded) -> np.ndarray:
        """Return the twist (6,) at which the tool is commanded to move."""
        motion, dt = commanded.motion, self._limits.dt_s
        now = self._kinematics.forward(motion.positions)
        before = self._kinematics.forward(motion.positions - motion.velocity)
        return np.concatenate([now.t - before.t, rotations.log(now.R @ before.R.T)]) / dt

    def held_back(self) -> None:
        """Take note that the robot did not go where it was asked to: go on from where it is."""
        self._pose = None

    def anew(self) -> None:
        """Take note that the policy's way starts from where the robot is: offset included."""
        self._offset_m, self._offset_rad = np.zeros(3), np.zeros(3)

    def on_top(self, waypoint: Waypoint) -> Waypoint:
        """Return the policy's way-point, moved by what the person's twist has added up to."""
        twist, dt = self._smoothed(), self._limits.dt_s
        self._offset_m = self._offset_m + dt * twist[:3]
        self._offset_rad = self._offset_rad + dt * twist[3:]
        linear = waypoint.linear.copy()
        linear[:3] += self._offset_m
        R = rotations.exp(self._offset_rad) @ rotations.from_quaternion(waypoint.quaternion)
        return Waypoint(linear, rotations.to_quaternion(R), waypoint.gripper)

    def _smoothed(self) -> np.ndarray:
        """Return the mean twist (6,) of the last ticks, this one included."""
        self._twists[1:] = self._twists[:-1]
        self._twists[0] = 0.0 if self._asked is None else self._asked.twist
        return self._twists.mean(0)
