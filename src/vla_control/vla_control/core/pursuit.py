"""What is asked for at a tick: strategy, then interpolation to the tick, then kinematics."""

import numpy as np

from vla_control.core.commanded import Commanded
from vla_control.core.errors import RowRefused
from vla_control.core.follower import Follower
from vla_control.core.gripper import Grippers
from vla_control.core.hand import Hand
from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.kinematics import Kinematics
from vla_control.core.reasons import Reason
from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_control.core.strategies import STRATEGIES, Moment
from vla_control.core.takeup import TakeUp
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoint, Waypoints
from vla_core.command import Authority
from vla_core.contract import RobotContract
from vla_core.timing import SECOND

_PULL_S = 0.5  # over which the pull to the posture grows, so that motion begins without a jerk
_HELD_BACK = 1e-6  # rad or m between request and command that make a route be taken up anew


class Pursuit:
    """Pursues what the strategy chooses among the chunks in force.

    Attributes:
        grippers: State of the grippers.
        hand: What a person asks for.
        strategy: Name of the strategy in force.
        next_settings: Whose strategy is to be adopted; None for the one in force.
        kinematics: Kinematics of the arm.
    """

    def __init__(self, contract: RobotContract, settings: ExecutorSettings, layout: RowLayout):
        self.grippers = Grippers(contract, layout, settings)
        self.kinematics = Kinematics(
            contract, layout.arm_outputs, settings.reach_tolerance_m, settings.reach_tolerance_rad
        )
        self._layout = layout
        self.next_settings: ExecutorSettings | None = settings
        self.adopt_settings()
        self.hand = Hand(
            contract, JointLimitArrays(contract), layout, self.kinematics, settings.watchdog_ns
        )
        self._follower = Follower()
        self._growth = contract.rates.control_ns / (_PULL_S * SECOND)
        self._pull = 0.0  # share of the pull to the posture
        self._displaced = False  # whether the arm is not where its path is
        self._take_up = TakeUp(contract, layout, self.kinematics, self._pose_of)

    @property
    def shortest(self) -> int:
        """Fewest rows that a chunk must have for the strategy in force."""
        return self._strategy.shortest

    def adopt_settings(self) -> None:
        """Take over the strategy that was set last; nothing may be pursued."""
        if self.next_settings is not None:
            self.strategy = self.next_settings.strategy
            self._strategy = STRATEGIES[self.strategy](self.next_settings, self._layout.angles)
            self.next_settings = None

    def clear(self) -> None:
        """Forget what was pursued."""
        self._strategy.reset()
        self._follower.clear()

    def request(
        self, tracks: tuple[Track, ...], commanded: Commanded, now_ns: int, moving: bool
    ) -> np.ndarray:
        """Return the joint targets (J,) that the chunks in force ask for.

        Args:
            tracks: Chunks in force, oldest observation first; the same object while none has come
                or gone.
            commanded: Targets sent last.
            now_ns: ROS time.
            moving: Whether the last command followed a chunk; if not, motion is taken up anew as
                commanded.

        Raises:
            RowRefused: nothing is in force (`silence`), or the row headed for cannot be followed.
        """
        self._pull = min(1.0, self._pull + self._growth) if moving else 0.0
        follower = self._follower
        route = self._strategy.route(tracks, Moment(now_ns, commanded.resting_since_ns))
        if route is None:
            raise RowRefused(Reason.SILENCE, 'no chunk is in force')
        entered = route is follower.route and follower.advance(now_ns)
        lost = self._displaced or not (moving or follower.blocked)
        if route is not follower.route or lost:
            if route.points.times_ns[-1] <= now_ns:
                raise RowRefused(Reason.SILENCE, 'the chunk in force is over')
            path, first = self._take_up.spline(route, commanded.motion, now_ns)
            follower.start(route, path, first)
            self.hand.anew()
            self._displaced = False
            entered = follower.advance(now_ns)
        if follower.over:
            raise RowRefused(Reason.SILENCE, 'the chunk in force is over')
        if follower.blocked is not None:
            raise follower.blocked
        if entered:
            self._check_goal(commanded)
        waypoint = follower.at(now_ns)
        if self.hand.authority is Authority.SHARED:
            waypoint = self.hand.on_top(waypoint)
        return self._joints(waypoint, commanded)

    def by_hand(self, commanded: Commanded) -> np.ndarray:
        """Return the joint targets (J,) that the person who has taken over asks for.

        Raises:
            RowRefused: the arm cannot follow.
        """
        request = self.hand.request(commanded)
        columns = self.hand.gripper()
        if len(columns):
            self.grippers.decide(columns)
        return self._with_fingers(request, commanded)

    def sent(self, request: np.ndarray, positions: np.ndarray) -> None:
        """Take note of what was sent: after the gate held the arm back, the route begins anew.

        Else the path's lead would be made up for in one tick, as soon as the limits let it.
        """
        driven = self._take_up.driven
        self._displaced = bool((np.abs(request - positions)[driven] > _HELD_BACK).any())
        if self._displaced:
            self.hand.held_back()

    def late(self) -> None:
        """Take note that ticks were missed: the route is taken up anew, not caught up with."""
        self._displaced = True

    def block(self, refusal: RowRefused, now_ns: int) -> None:
        """Follow nothing of the row in force; the route is tried again at the time of the next."""
        self._follower.block(refusal, now_ns)

    @property
    def origin(self) -> tuple[tuple[Track, ...], tuple[float, ...]]:
        """Chunks that the row headed for comes from, and their weights."""
        return self._follower.origin

    def ahead(self, now_ns: int, step_ns: int) -> Waypoints | None:
        """Return where the robot will be asked to be one step from now, two steps, ..."""
        return self._follower.ahead(now_ns, step_ns)

    def pose(self, commanded: Commanded) -> Waypoint:
        """Return the commanded pose as a way-point."""
        return self._pose_of(commanded.positions)

    def _pose_of(self, positions: np.ndarray) -> Waypoint:
        T = self.kinematics.forward(positions) if self._layout.tool else None
        return self._layout.waypoint(T, positions, self.grippers.bits)

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

    def _joints(self, waypoint: Waypoint, commanded: Commanded) -> np.ndarray:
        layout = self._layout
        request = commanded.positions.copy()
        request[layout.joint_outputs] = layout.joints(waypoint)
        if layout.tool:
            request[layout.arm_outputs] = self.kinematics.solve(
                commanded.positions, waypoint.linear[:3], waypoint.quaternion, self._pull
            )
        self.grippers.decide(waypoint.gripper)
        return self._with_fingers(request, commanded)

    def _with_fingers(self, request: np.ndarray, commanded: Commanded) -> np.ndarray:
        fingers = self._layout.gripper_outputs
        request[fingers] = self.grippers.step(
            commanded.positions[fingers], commanded.motion.velocity[fingers]
        )
        return request
