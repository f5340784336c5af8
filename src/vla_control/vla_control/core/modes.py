"""What the gate does about each finding: clip, refuse, stop, or nothing."""

from collections.abc import Mapping
from types import MappingProxyType

from vla_control.core.errors import SettingsError
from vla_control.core.reasons import Reason

CLIP, REFUSE, STOP, OFF = 'clip', 'refuse', 'stop', 'off'

# Per check of the gate: its modes, the default first. What is no number of a joint (NaN, a wrong
# width, an age) cannot be clipped; NaN and a wrong width cannot be passed on either.
MODES: Mapping[Reason, tuple[str, ...]] = MappingProxyType(
    {
        Reason.NOT_FINITE: (REFUSE, STOP),
        Reason.WRONG_WIDTH: (REFUSE, STOP),
        Reason.POSITION: (CLIP, REFUSE, STOP, OFF),
        Reason.FIRST_STEP: (REFUSE, CLIP, STOP, OFF),
        Reason.VELOCITY: (CLIP, REFUSE, STOP, OFF),
        Reason.ACCELERATION: (CLIP, REFUSE, STOP, OFF),
        Reason.JERK: (CLIP, REFUSE, STOP, OFF),
        Reason.TOOL_SPEED: (CLIP, REFUSE, STOP, OFF),
        Reason.WORKSPACE: (REFUSE, CLIP, STOP, OFF),
        Reason.STALE_STATE: (REFUSE, STOP, OFF),
        Reason.DISAGREEMENT: (STOP, REFUSE, CLIP, OFF),
    }
)


def complete(given: Mapping[str, str]) -> Mapping[Reason, str]:
    """Return the mode of every check; those not given have their default.

    Raises:
        SettingsError: an unknown check, or a mode that it does not have.
    """
    modes = {check: allowed[0] for check, allowed in MODES.items()}
    for name, mode in given.items():
        if name not in list(MODES):
            raise SettingsError(f'modes.{name}: one of {", ".join(MODES)} expected, got {name!r}')
        allowed = MODES[Reason(name)]
        if mode not in allowed:
            raise SettingsError(
                f'modes.{name}: one of {", ".join(allowed)} expected, got {mode!r}'
            )
        modes[Reason(name)] = mode
    return MappingProxyType(modes)
