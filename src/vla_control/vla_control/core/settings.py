"""How the executor is set: strategy, watchdog, and what the gate does about each finding."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vla_control.core.errors import SettingsError
from vla_control.core.reasons import Reason
from vla_control.core.strategies import STRATEGIES
from vla_core.timing import SECOND

CLIP, REFUSE, STOP, OFF = 'clip', 'refuse', 'stop', 'off'

# What may be done about each finding of the gate, its default first. NaN and a wrong width can
# neither be clipped nor passed on.
MODES: Mapping[Reason, tuple[str, ...]] = MappingProxyType(
    {
        Reason.NOT_FINITE: (REFUSE, STOP),
        Reason.WRONG_WIDTH: (REFUSE, STOP),
        Reason.POSITION: (CLIP, REFUSE, STOP, OFF),
        Reason.FIRST_STEP: (REFUSE, STOP, OFF),
        Reason.VELOCITY: (CLIP, REFUSE, STOP, OFF),
        Reason.STALE_STATE: (REFUSE, STOP, OFF),
    }
)


@dataclass(frozen=True)
class ExecutorSettings:
    """Settings of `ChunkExecutor`; wrong ones are refused when they are built.

    Attributes:
        strategy: Which rows are followed, one of `STRATEGIES`.
        execute_rows: M of `receding_horizon`: rows followed before a newer chunk takes over.
        ensemble_m: m of `temporal_ensemble`: weights exp(-m i), i = 0 the oldest chunk.
        watchdog_s: Age of joint states, s, above which there is silence.
        max_lead_s: How far ahead of now, s, a chunk may begin.
        reach_tolerance_m: Distance, m, by which the tool may miss a row before it is unreachable.
        reach_tolerance_rad: Angle, rad, by which it may miss a row.
        open_above: Gripper column above which a closed gripper opens.
        close_below: Gripper column below which an open gripper closes.
        gripper_speed: Share of the finger's velocity limit at which it travels.
        modes: Finding of the gate -> `clip`, `refuse`, `stop` or `off`; others keep their default.
    """

    strategy: str = 'receding_horizon'
    execute_rows: int = 4
    ensemble_m: float = 0.01
    watchdog_s: float = 0.2
    max_lead_s: float = 1.0
    reach_tolerance_m: float = 0.01
    reach_tolerance_rad: float = 0.2
    open_above: float = 0.6
    close_below: float = 0.4
    gripper_speed: float = 0.75
    modes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise _wrong('strategy', f'one of {", ".join(STRATEGIES)}', self.strategy)
        if isinstance(self.execute_rows, bool) or not isinstance(self.execute_rows, int):
            raise _wrong('execute_rows', 'an integer >= 1', self.execute_rows)
        if self.execute_rows < 1:
            raise _wrong('execute_rows', 'an integer >= 1', self.execute_rows)
        if not math.isfinite(self.ensemble_m):
            raise _wrong('ensemble_m', 'a finite number', self.ensemble_m)
        for name, high in (
            ('watchdog_s', 60.0),
            ('max_lead_s', 60.0),
            ('reach_tolerance_m', 1.0),
            ('reach_tolerance_rad', math.pi),
            ('gripper_speed', 1.0),
        ):
            if not 0.0 < getattr(self, name) <= high:
                raise _wrong(name, f'a number in (0, {high:g}]', getattr(self, name))
        if not 0.0 <= self.close_below <= self.open_above <= 1.0:
            raise _wrong(
                'close_below', f'a number in [0, open_above = {self.open_above}]', self.close_below
            )
        object.__setattr__(self, 'modes', _complete(self.modes))

    @property
    def watchdog_ns(self) -> int:
        """Age of joint states above which there is silence, ns."""
        return round(self.watchdog_s * SECOND)

    @property
    def max_lead_ns(self) -> int:
        """How far ahead of now a chunk may begin, ns."""
        return round(self.max_lead_s * SECOND)


def _complete(given: Mapping[str, str]) -> Mapping[Reason, str]:
    modes = {check: allowed[0] for check, allowed in MODES.items()}
    for name, mode in given.items():
        if name not in list(MODES):
            raise _wrong(f'modes.{name}', f'one of {", ".join(MODES)}', name)
        allowed = MODES[Reason(name)]
        if mode not in allowed:
            raise _wrong(f'modes.{name}', f'one of {", ".join(allowed)}', mode)
        modes[Reason(name)] = mode
    return MappingProxyType(modes)


def _wrong(where: str, expected: str, got: object) -> SettingsError:
    return SettingsError(f'{where}: {expected} expected, got {got!r}')
