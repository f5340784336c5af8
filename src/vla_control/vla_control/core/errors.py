"""What the executor refuses; each error carries its typed reason."""

from vla_control.core.reasons import Reason
from vla_core.errors import VlaError


class SettingsError(VlaError):
    """A setting of the executor is wrong, or the contract asks for what it does not execute."""


class ChunkRefused(VlaError):  # noqa: N818 - reads as what happened
    """A chunk is not followed.

    Attributes:
        reason: Why.
        detail: What was found and what would be right.
    """

    def __init__(self, reason: Reason, detail: str):
        self.reason, self.detail = reason, detail
        super().__init__(f'{reason}: {detail}')


class RowRefused(VlaError):  # noqa: N818 - reads as what happened
    """A row of a chunk cannot be followed.

    Attributes:
        reason: Why.
        detail: What was found and what would be right.
    """

    def __init__(self, reason: Reason, detail: str):
        self.reason, self.detail = reason, detail
        super().__init__(f'{reason}: {detail}')


class StateRefused(VlaError):  # noqa: N818 - reads as what happened
    """Measured joints are malformed; nothing is acted on."""


class StillUnsafe(VlaError):  # noqa: N818 - reads as what happened
    """A stop is not cleared, because its cause is still there."""


class TakeoverRefused(VlaError):  # noqa: N818 - reads as what happened
    """What a person asked for does not fit the robot; nothing is acted on."""
