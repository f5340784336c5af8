"""Strategies: which way-points are followed. One file and one line here for each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from vla_control.core.route import Route
from vla_control.core.strategies.receding_horizon import RecedingHorizon
from vla_control.core.strategies.temporal_ensemble import TemporalEnsemble
from vla_control.core.track import Track

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings


class Strategy(Protocol):
    """Chooses what is followed among the chunks in force."""

    def __init__(self, settings: 'ExecutorSettings'): ...

    def route(self, tracks: tuple[Track, ...]) -> Route | None:
        """Return what to follow, None where there is nothing.

        Called when a chunk has come or gone. Rows are meant for times, so the route may begin in
        the past: what has elapsed is never executed. Returning the same object as before means
        that nothing is handed over.

        Args:
            tracks: The chunks in force, oldest observation first.
        """
        ...

    def reset(self) -> None:
        """Forget what was followed."""
        ...


STRATEGIES: Mapping[str, type[Strategy]] = MappingProxyType(
    {
        'receding_horizon': RecedingHorizon,
        'temporal_ensemble': TemporalEnsemble,
    }
)
