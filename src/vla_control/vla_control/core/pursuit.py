"""What is asked for at a tick: strategy, then interpolation to the tick, then kinematics."""

import numpy as np

from vla_control.core.commanded import Commanded
from vla_control.core.errors import RowRefused
from vla_control.core.follower import Follower
from vla_control.core.gripper import Grippers
from vla_control.core.kinematics import Kinematics
from vla_control.core.reasons import Reason
from vla_control.core.route import Route
from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_control.core.strategies import STRATEGIES
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoint, Waypoints
from vla_core.contract import RobotContract


class Pursuit:
    """Pursues what the strategy chooses among the chunks in force.

    Attributes:
        grippers: State of the grippers.
        kinematics: Kinematics of the arm.
    """

    def __init__(self, contract: RobotContract, settings: ExecutorSettings, layout: RowLayout):
        self.grippers = Grippers(contract, layout, settings)
        self.kinematics = Kinematics(
            contract, layout.arm_outputs, settings.reach_tolerance_m, settings.reach_tolerance_rad
        )
        self._layout = layout
        self._strategy = STRATEGIES[settings.strategy](settings)
        self._follower = Follower(contract.rates.step_ns // 2)
        self._tracks: tuple[Track, ...] = ()
        self._route: Route | None = None

    def clear(self) -> None:
        """Forget what was pursued."""
        self._strategy.reset()
        self._follower.clear()
        self._tracks, self._route = (), None

    def request(
        self,
        tracks: tuple[Track, ...],
        commanded: Commanded,
        now_ns: int,
        dt_s: float,
        moving: bool,
    ) -> np.ndarray:
        """Return the joint targets (J,) that the chunks in force ask for.

        Args:
            tracks: Chunks in force, oldest observation first; the same object while none has come
                or gone.
            commanded: Targets sent last.
            now_ns: ROS time.
            dt_s: Time since the tick before, s, as far as it counts for limits.
            moving: Whether the last command followed a chunk; if not, motion is taken up anew at
                the commanded pose.

        Raises:
            RowRefused: nothing is in force (`silence`), or the row headed for cannot be followed.
        """
        if tracks is not self._tracks:
            self._tracks, self._route = tracks, self._strategy.route(tracks)
        follower, route = self._follower, self._route
        if route is None:
            raise RowRefused(Reason.SILENCE, 'no chunk is in force')
        entered = route is follower.route and follower.advance(now_ns)
        if route is not follower.route or not (moving or follower.blocked):
            follower.start(route, commanded.stamp_ns, self.pose(commanded), now_ns)
            entered = follower.advance(now_ns)
        if follower.over:
            raise RowRefused(Reason.SILENCE, 'the chunk in force is over')
        if follower.blocked is not None:
            raise follower.blocked
        if entered:
            self._check_goal(commanded)
        return self._joints(follower.at(now_ns), commanded, dt_s)

    def block(self, refusal: RowRefused) -> None:
        """Follow nothing of the row headed for; the next one is tried when its time comes."""
        self._follower.blocked = refusal

    @property
    def origin(self) -> tuple[tuple[Track, ...], tuple[float, ...]]:
        """Chunks that the row headed for comes from, and their weights."""
        return self._follower.origin

    def ahead(self, now_ns: int, step_ns: int) -> Waypoints | None:
        """Return where the robot will be asked to be one step from now, two steps, ..."""
        return self._follower.ahead(now_ns, step_ns)

    def pose(self, commanded: Commanded) -> Waypoint:
        """Return the commanded pose as a way-point."""
        T = self.kinematics.forward(commanded.positions) if self._layout.tool else None
        return self._layout.waypoint(T, commanded.positions, self.grippers.bits)

    def tool_positions(self, points: Waypoints, commanded: Commanded) -> np.ndarray:
        """Return the tool positions (N - 1, 3) of way-points, their end left out, m."""
        if self._layout.tool:
            return points.linear[:-1, :3]
        joints, found = commanded.positions.copy(), np.empty((len(points) - 1, 3))
        for k in range(len(found)):
            joints[self._layout.joint_outputs] = self._layout.joints(points[k])
            found[k] = self.kinematics.forward(joints).t
        return found

    def _check_goal(self, commanded: Commanded) -> None:
        """Refuse a row now if the arm cannot follow it to its end."""
        if self._follower.opposed:
            raise RowRefused(Reason.OPPOSED_ROTATIONS, 'the chunks disagree by half a turn')
        if self._layout.tool:
            goal = self._follower.goal
            self.kinematics.solve(commanded.positions, goal.linear[:3], goal.quaternion)

    def _joints(self, waypoint: Waypoint, commanded: Commanded, dt_s: float) -> np.ndarray:
        layout = self._layout
        request = commanded.positions.copy()
        request[layout.joint_outputs] = layout.joints(waypoint)
        if layout.tool:
            request[layout.arm_outputs] = self.kinematics.solve(
                commanded.positions, waypoint.linear[:3], waypoint.quaternion
            )
        self.grippers.decide(waypoint.gripper)
        fingers = layout.gripper_outputs
        request[fingers] = self.grippers.step(
            commanded.positions[fingers], commanded.velocities[fingers], dt_s
        )
        return request
