"""Receding horizon: follow M rows of the newest chunk, then change to the one newest by then."""

from typing import TYPE_CHECKING

from vla_control.core.route import Route
from vla_control.core.strategies._moment import Moment
from vla_control.core.track import Track

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings


class RecedingHorizon:
    """Changes chunk when one comes whose observation is M steps newer than the one followed.

    Half a step is allowed for, because observations are stamped by cameras that keep no exact
    period. Where no newer chunk comes, the one followed is followed to its end.
    """

    def __init__(self, settings: 'ExecutorSettings', angles: tuple[int, ...] = ()):
        self.shortest = self._rows = settings.execute_rows
        self._route: Route | None = None

    def route(self, tracks: tuple[Track, ...], moment: Moment) -> Route | None:
        """See `Strategy.route`."""
        if not tracks:
            self._route = None
            return None
        newest = tracks[-1]
        if self._route is not None and self._route.tracks[0] is newest:
            return self._route
        if self._route is not None and self._route.tracks[0] in tracks:
            followed, step_ns = self._route.tracks[0].chunk, newest.chunk.step_ns
            newer_ns = newest.chunk.observation_stamp_ns - followed.observation_stamp_ns
            if newer_ns < self._rows * step_ns - step_ns // 2:
                return self._route
        self._route = Route.of(newest)
        return self._route

    def reset(self) -> None:
        """See `Strategy.reset`."""
        self._route = None
