"""Strategies: which way-points are followed. One file and one line here for each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from vla_control.core.route import Route
from vla_control.core.strategies._moment import Moment as Moment
from vla_control.core.strategies.asynchronous import Asynchronous
from vla_control.core.strategies.receding_horizon import RecedingHorizon
from vla_control.core.strategies.rtc import RealTimeChunking
from vla_control.core.strategies.sync import Synchronous
from vla_control.core.strategies.temporal_ensemble import TemporalEnsemble
from vla_control.core.track import Track

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings


class Strategy(Protocol):
    """Chooses what is followed among the chunks in force.

    Attributes:
        shortest: Fewest rows that a chunk must have.
    """

    shortest: int

    def __init__(self, settings: 'ExecutorSettings', angles: tuple[int, ...] = ()):
        """Prepare.

        Args:
            settings: Of the executor.
            angles: Columns of `Waypoints.linear` that turn without end.
        """
        ...

    def route(self, tracks: tuple[Track, ...], moment: Moment) -> Route | None:
        """Return what to follow, None where there is nothing.

        Called at every tick. Rows are meant for times, so the route may begin in
        the past: what has elapsed is never executed. Returning the same object as before means
        that nothing is handed over.

        Args:
            tracks: The chunks in force, oldest observation first; the same object while none has
                come or gone.
            moment: Time, and whether the robot rests.
        """
        ...

    def reset(self) -> None:
        """Forget what was followed."""
        ...


STRATEGIES: Mapping[str, type[Strategy]] = MappingProxyType(
    {
        'sync': Synchronous,
        'receding_horizon': RecedingHorizon,
        'temporal_ensemble': TemporalEnsemble,
        'async': Asynchronous,
        'rtc': RealTimeChunking,
    }
)
