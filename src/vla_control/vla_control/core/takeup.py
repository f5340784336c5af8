"""How a route is taken up: from the commanded state to the first row that can be met gently."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vla_control.core.errors import RowRefused
from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.kinematics import Kinematics
from vla_control.core.motion import Motion
from vla_control.core.route import Route
from vla_control.core.rows import RowLayout
from vla_control.core.spline import Chart, Spline, peaks, pieces
from vla_control.core.waypoints import Waypoint, Waypoints
from vla_core.contract import RobotContract

_GENTLE = 0.8  # share of a joint's limits that the way into a route may ask for
_ROWS_TRIED = 6


class TakeUp:
    """Lays the path from the commanded joints into a route.

    Attributes:
        driven: Indices of the joints that rows lead, in the contract's output order.
    """

    def __init__(
        self,
        contract: RobotContract,
        layout: RowLayout,
        kinematics: Kinematics,
        pose: Callable[[np.ndarray], Waypoint],
    ):
        """Prepare.

        Args:
            contract: Of the robot.
            layout: What the rows mean.
            kinematics: Of the arm.
            pose: Returns the way-point of joints (J,).
        """
        self._limits, self._layout, self._kinematics = (
            JointLimitArrays(contract),
            layout,
            kinematics,
        )
        self._pose, self._tick_ns = pose, contract.rates.control_ns
        # a row nearer than half a step is not headed for: it would have to be rushed to
        self._lead_ns = contract.rates.step_ns // 2
        told = [layout.joint_outputs, layout.arm_outputs]
        self.driven = np.concatenate(told).astype(int)  # fingers travel by themselves

    def spline(self, route: Route, motion: Motion, now_ns: int) -> tuple[Spline, int]:
        """Return the path and the index of the way-point of the route that it passes first.

        It starts one tick ago, however late this tick is: one tick's way is made in it.

        Args:
            route: What to follow; not over.
            motion: How the joints are commanded.
            now_ns: ROS time.
        """
        start_ns = now_ns - self._tick_ns
        times = route.points.times_ns
        first = int(np.searchsorted(times, now_ns + self._lead_ns, side='left'))
        first = min(first, len(times) - 1)
        route = self._turned(route, motion, first)
        first = self._gentle(route, motion, start_ns, first)
        start, velocity, acceleration = self._state(motion)
        path = Spline(
            start_ns,
            start,
            velocity,
            acceleration,
            route.points,
            first,
            self._layout.tool is not None,
        )
        return path, first

    def _turned(self, route: Route, motion: Motion, first: int) -> Route:
        """Return a route whose endless angles are on the turn nearest the commanded one."""
        angles = list(self._layout.angles)
        if not angles:
            return route
        points, linear = route.points, route.points.linear.copy()
        at = self._pose(motion.positions).linear
        turns = np.round((at[angles] - linear[first, angles]) / math.tau)
        linear[:, angles] += math.tau * turns
        return replace(route, points=replace(points, linear=linear))

    def _gentle(self, route: Route, motion: Motion, start_ns: int, first: int) -> int:
        """Return the first way-point from `first` on that joints can meet within their limits."""
        points, dt, driven = route.points, self._limits.dt_s, self.driven
        q0 = motion.positions[driven]
        v0, a0 = motion.velocity[driven] / dt, motion.acceleration[driven] / dt**2
        limits = [
            _GENTLE * self._limits.velocity[driven] / dt,
            _GENTLE * self._limits.acceleration[driven] / dt**2,
            _GENTLE * self._limits.jerk[driven] / dt**3,
        ]
        last = len(points) - 1
        joints = motion.positions
        goal = None
        for k in range(first, min(first + _ROWS_TRIED, last)):
            if k in route.opposed or k + 1 in route.opposed:
                return k
            try:
                goal = self._joints(points[k], joints) if goal is None else goal
                after = self._joints(points[k + 1], goal)
            except RowRefused:
                return k  # said where it is headed for
            h = 1e-9 * float(points.times_ns[k] - start_ns)
            v1 = (after - goal)[driven] / (
                1e-9 * float(points.times_ns[k + 1] - points.times_ns[k])
            )
            piece = pieces(q0, v0, a0, goal[driven], v1, np.zeros_like(v1), h)
            found = peaks(piece, h)
            if all((f <= limit).all() for f, limit in zip(found, limits, strict=True)):
                return k
            goal = after
        return min(first + _ROWS_TRIED, last)

    def _joints(self, point: Waypoint, start: np.ndarray) -> np.ndarray:
        layout, joints = self._layout, start.copy()
        joints[layout.joint_outputs] = layout.joints(point)
        if layout.tool:
            joints[layout.arm_outputs] = self._kinematics.solve(
                start, point.linear[:3], point.quaternion
            )
        return joints

    def _state(self, motion: Motion) -> tuple[Waypoint, np.ndarray, np.ndarray]:
        """Return the commanded way-point, and the velocity and acceleration of its coordinates."""
        start = self._pose(motion.positions)
        width = len(start.linear) + (3 if self._layout.tool else 0)
        if motion.resting:
            return start, np.zeros(width), np.zeros(width)
        before = motion.positions - motion.velocity
        earlier = before - (motion.velocity - motion.acceleration)
        poses = [start, self._pose(before), self._pose(earlier)]
        chart = Chart(start.quaternion if self._layout.tool else None)
        points = [chart.coordinates(Waypoints.single(0, pose))[0] for pose in poses]
        dt = self._limits.dt_s
        acceleration = (points[0] - 2.0 * points[1] + points[2]) / dt**2
        velocity = (points[0] - points[1]) / dt + 0.5 * dt * acceleration
        return start, velocity, acceleration
