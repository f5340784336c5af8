"""How the executor is set: strategy, watchdog, and what the gate does about each finding."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from vla_control.core.errors import SettingsError
from vla_control.core.modes import complete
from vla_control.core.strategies import STRATEGIES
from vla_core.timing import SECOND

BLENDS = ('linear', 'cosine')
LARGEST_M = 100.0  # beyond that only one chunk counts anyway, by e^-100


@dataclass(frozen=True)
class ExecutorSettings:
    """Settings of `ChunkExecutor`; wrong ones are refused when they are built.

    Attributes:
        strategy: Which rows are followed, one of `STRATEGIES`.
        execute_rows: M of `sync`, `receding_horizon`, `rtc`: rows followed of one chunk.
        ensemble_m: m of `temporal_ensemble`: weights exp(-m i), i = 0 the oldest chunk; within
            `LARGEST_M` of 0.
        blend_rows: Rows over which `async` hands over from one chunk to the next; 0 for at once.
        blend: How: `linear` or `cosine`.
        geometry: Whether averages respect rotations and votes of grippers; False averages plain
            numbers, so that the difference can be measured.
        watchdog_s: Age of joint states, s, above which there is silence.
        max_lead_s: How far ahead of now, s, a chunk may begin.
        reach_tolerance_m: Distance, m, by which the tool may miss a row before it is unreachable.
        reach_tolerance_rad: Angle, rad, by which it may miss a row.
        open_above: Gripper column above which a closed gripper opens.
        close_below: Gripper column below which an open gripper closes.
        gripper_speed: Share of the finger's velocity limit at which it travels.
        modes: Check of the gate -> `clip`, `refuse`, `stop` or `off`; others keep their default.
    """

    strategy: str = 'receding_horizon'
    execute_rows: int = 4
    ensemble_m: float = 0.01
    blend_rows: int = 3
    blend: str = 'cosine'
    geometry: bool = True
    watchdog_s: float = 0.2
    max_lead_s: float = 1.0
    reach_tolerance_m: float = 0.01
    reach_tolerance_rad: float = 0.2
    open_above: float = 0.6
    close_below: float = 0.4
    gripper_speed: float = 0.75
    modes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, words in (('strategy', tuple(STRATEGIES)), ('blend', BLENDS)):
            if getattr(self, name) not in words:
                raise _wrong(name, f'one of {", ".join(words)}', getattr(self, name))
        for name, least in (('execute_rows', 1), ('blend_rows', 0)):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or count < least:
                raise _wrong(name, f'an integer >= {least}', count)
        if not isinstance(self.geometry, bool):
            raise _wrong('geometry', 'true or false', self.geometry)
        if not _is_number(self.ensemble_m) or not abs(self.ensemble_m) <= LARGEST_M:
            raise _wrong(
                'ensemble_m', f'a number in [{-LARGEST_M:g}, {LARGEST_M:g}]', self.ensemble_m
            )
        for name, high in (
            ('watchdog_s', 60.0),
            ('max_lead_s', 60.0),
            ('reach_tolerance_m', 1.0),
            ('reach_tolerance_rad', math.pi),
            ('gripper_speed', 1.0),
        ):
            number = getattr(self, name)
            if not _is_number(number) or not 0.0 < number <= high:
                raise _wrong(name, f'a number in (0, {high:g}]', number)
        if not _is_number(self.open_above) or not 0.0 <= self.open_above <= 1.0:
            raise _wrong('open_above', 'a number in [0, 1]', self.open_above)
        if not _is_number(self.close_below) or not 0.0 <= self.close_below <= self.open_above:
            raise _wrong(
                'close_below', f'a number in [0, open_above = {self.open_above}]', self.close_below
            )
        object.__setattr__(self, 'modes', complete(self.modes))

    @property
    def watchdog_ns(self) -> int:
        """Age of joint states above which there is silence, ns."""
        return round(self.watchdog_s * SECOND)

    @property
    def max_lead_ns(self) -> int:
        """How far ahead of now a chunk may begin, ns."""
        return round(self.max_lead_s * SECOND)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wrong(where: str, expected: str, got: object) -> SettingsError:
    return SettingsError(f'{where}: {expected} expected, got {got!r}')
