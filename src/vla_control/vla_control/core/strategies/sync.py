"""Synchronous: stand, plan, execute M rows, stand again."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vla_control.core.route import Route
from vla_control.core.strategies._moment import Moment
from vla_control.core.track import Track

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings


class Synchronous:
    """Executes the first M rows of a chunk that was planned from an observation at rest.

    Nothing moved while it was planned, so its head is still to come: its rows keep their spacing
    and are meant for later by as long as it took, row 0 for one step after it is taken up. What
    comes while they are executed is not looked at, and a chunk of an observation from before the
    rest is never followed.
    """

    def __init__(self, settings: 'ExecutorSettings', angles: tuple[int, ...] = ()):
        self.shortest = self._rows = settings.execute_rows
        self._route: Route | None = None

    def route(self, tracks: tuple[Track, ...], moment: Moment) -> Route | None:
        """See `Strategy.route`."""
        route, rest_ns = self._route, moment.resting_since_ns
        if route is not None and moment.now_ns < route.points.times_ns[-1]:
            return route
        if tracks and rest_ns is not None:
            newest = tracks[-1]
            done = route is not None and route.tracks[0] is newest
            if not done and newest.chunk.observation_stamp_ns >= rest_ns:
                self._route = self._delayed(newest, moment.now_ns)
        return self._route

    def _delayed(self, track: Track, now_ns: int) -> Route:
        points, chunk = track.points, track.chunk
        rows = min(self._rows, chunk.horizon)
        shift_ns = max(0, now_ns + chunk.step_ns - chunk.t0_ns)
        kept = np.r_[0:rows, rows - 1]  # the last row again: the end
        times = chunk.t0_ns + shift_ns + chunk.step_ns * np.arange(rows + 1, dtype=np.int64)
        moved = replace(points.select(kept), times_ns=times)
        return Route(moved, (track,), np.ones((1, rows + 1)))

    def reset(self) -> None:
        """See `Strategy.reset`."""
        self._route = None
