"""Follows a route in time: from how the robot is commanded into the route, then along it."""

import numpy as np

from vla_control.core.errors import RowRefused
from vla_control.core.route import Route
from vla_control.core.spline import Spline
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoint, Waypoints


class Follower:
    """Where on its route the robot is.

    A route is taken up in position, velocity and acceleration as commanded, so that a new one
    never makes a jump.

    Attributes:
        route: What is followed, None for nothing.
        blocked: The refusal of the row in force, None where the route may be followed.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Follow nothing."""
        self.route: Route | None = None
        self.blocked: RowRefused | None = None
        self._spline: Spline | None = None
        self._times: list[int] = []
        self._blocked_until_ns = 0
        self._first = 0  # index in the route of way-point 1 of the spline; 0 is the start
        self._next = 0  # way-point of the spline headed for
        self._origin: tuple[tuple[Track, ...], tuple[float, ...]] = ((), ())

    def start(self, route: Route, spline: Spline, first: int) -> None:
        """Take up a route.

        Args:
            route: What to follow; not over.
            spline: The path into it.
            first: Index of the way-point of the route that the path passes first.
        """
        self.route, self._spline, self._times = route, spline, spline.times_ns
        self._first, self._next, self.blocked = first, 0, None

    def block(self, refusal: RowRefused, now_ns: int) -> None:
        """Follow nothing until the time of the route's next row."""
        self.blocked = refusal
        if self.route is not None:
            times = self.route.points.times_ns
            k = min(int(np.searchsorted(times, now_ns, side='right')), len(times) - 1)
            self._blocked_until_ns = int(times[k])

    def advance(self, now_ns: int) -> bool:
        """Go on to the way-point that is ahead of now; return whether it is another one."""
        if self.blocked is not None and now_ns >= self._blocked_until_ns:
            self.blocked = None
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
        assert self.route is not None
        return self.route.points[self._route_index]

    @property
    def origin(self) -> tuple[tuple[Track, ...], tuple[float, ...]]:
        """Chunks that the way-point headed for comes from, and their weights."""
        return self._origin

    def at(self, now_ns: int) -> Waypoint:
        """Return where to be now: between the way-point behind and the one headed for."""
        assert self._spline is not None
        return self._spline.at(self._next, now_ns)

    def ahead(self, now_ns: int, step_ns: int) -> Waypoints | None:
        """Return where to be at now + k step_ns, k = 1, 2, ... to the end; None for nothing."""
        if self._spline is None or self.over or self.blocked:
            return None
        times = np.arange(now_ns + step_ns, self._times[-1], step_ns)
        return self._spline.sample(times) if len(times) else None
