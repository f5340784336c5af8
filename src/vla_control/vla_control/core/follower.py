"""Follows a route in time: from where the robot is commanded to the next row, then row to row."""

import numpy as np

from vla_control.core.errors import RowRefused
from vla_control.core.route import Route
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoint, Waypoints


class Follower:
    """Where on its route the robot is.

    A route is taken up at the commanded pose, so that a new one never makes a jump. Its first row
    is one that lies at least `lead_ns` ahead: a row that is nearer would have to be rushed to.

    Attributes:
        route: What is followed, None for nothing.
        blocked: The refusal of the way-point headed for, None where it may be followed.
    """

    def __init__(self, lead_ns: int):
        self._lead_ns = lead_ns
        self.clear()

    def clear(self) -> None:
        """Follow nothing."""
        self.route: Route | None = None
        self.blocked: RowRefused | None = None
        self._points: Waypoints | None = None
        self._times: list[int] = []
        self._first = 0  # index in the route of way-point 1 of `_points`; 0 is the start
        self._next = 0  # way-point of `_points` headed for
        self._origin: tuple[tuple[Track, ...], tuple[float, ...]] = ((), ())

    def start(self, route: Route, start_ns: int, start: Waypoint, now_ns: int) -> None:
        """Take up a route.

        Args:
            route: What to follow; not over.
            start_ns: ROS time at which the robot was commanded to be at `start`.
            start: Commanded pose.
            now_ns: ROS time.
        """
        times = route.points.times_ns
        first = int(np.searchsorted(times, now_ns + self._lead_ns, side='left'))
        self._first = min(first, len(times) - 1)
        rest = route.points.from_index(self._first)
        self._points = Waypoints.single(start_ns, start).followed_by(rest)
        self._times = self._points.times_ns.tolist()
        self.route, self.blocked, self._next = route, None, 0

    def advance(self, now_ns: int) -> bool:
        """Go on to the way-point that is ahead of now; return whether it is another one."""
        k = max(self._next, 1)
        while k < len(self._times) and self._times[k] <= now_ns:
            k += 1
        if k == self._next:
            return False
        self._next, self.blocked = k, None
        if self.route is not None and not self.over:
            self._origin = self.route.sources(self._route_index)
        return True

    @property
    def over(self) -> bool:
        """Whether nothing is left to follow."""
        return self._next >= len(self._times)

    @property
    def opposed(self) -> bool:
        """Whether the way-point headed for has no rotation, because its sources disagree."""
        return self.route is not None and self._route_index in self.route.opposed

    @property
    def _route_index(self) -> int:
        return self._first + self._next - 1

    @property
    def goal(self) -> Waypoint:
        """The way-point headed for."""
        assert self._points is not None
        return self._points[self._next]

    @property
    def origin(self) -> tuple[tuple[Track, ...], tuple[float, ...]]:
        """Chunks that the way-point headed for comes from, and their weights."""
        return self._origin

    def at(self, now_ns: int) -> Waypoint:
        """Return where to be now: between the way-point behind and the one headed for."""
        assert self._points is not None
        before, after = self._times[self._next - 1], self._times[self._next]
        fraction = (now_ns - before) / (after - before) if after > before else 1.0
        return self._points.between(self._next, min(max(fraction, 0.0), 1.0))

    def ahead(self, now_ns: int, step_ns: int) -> Waypoints | None:
        """Return where to be at now + k step_ns, k = 1, 2, ... to the end; None for nothing."""
        if self._points is None or self.over or self.blocked:
            return None
        return self._points.sample(np.arange(now_ns + step_ns, self._times[-1], step_ns))
