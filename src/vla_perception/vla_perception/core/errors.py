"""Why there is no observation, or no transform."""

from vla_core.errors import VlaError
from vla_core.timing import MS


class PerceptionError(VlaError):
    """Base of the errors of this package."""


class NotReady(PerceptionError):  # noqa: N818 - a state, not always a fault
    """No observation can be made of this moment.

    Attributes:
        reason: `waiting` (nothing is wrong, nothing new has come), `no_context`, `clock_back`,
            `missing`, `stale`, `frozen`, `future`, `out_of_sync`, `no_transform`, `no_stamp`,
            `wrong_size`, `wrong_frame`, `uncalibrated`, `unreadable` or `incomplete`.
        stream: Camera key, `joint_states`, `tf`, `status` or `clock`.
        detail: What was seen and what would be right.
    """

    def __init__(self, reason: str, stream: str, detail: str):
        self.reason = reason
        self.stream = stream
        self.detail = detail
        super().__init__(f'{stream}: {reason}: {detail}')


class TransformError(PerceptionError):
    """A transform cannot be given at the time asked for.

    Attributes:
        target: Frame wanted.
        source: Frame given.
    """

    def __init__(self, target: str, source: str, problem: str):
        self.target = target
        self.source = source
        super().__init__(f'{target} <- {source}: {problem}')


class TransformMissing(TransformError):  # noqa: N818
    """The two frames are not connected."""


class TransformTooOld(TransformError):  # noqa: N818
    """The newest transform on the way is older than the time asked for, by more than the limit.

    Attributes:
        age_ns: Time asked for minus the stamp of the newest transform of the edge.
        limit_ns: Largest age that would be right.
    """

    def __init__(self, target: str, source: str, edge: str, age_ns: int, limit_ns: int):
        self.age_ns = age_ns
        self.limit_ns = limit_ns
        super().__init__(
            target,
            source,
            f'the newest {edge} is {age_ns / MS:.0f} ms older than the time asked for, '
            f'at most {limit_ns / MS:.0f} ms expected',
        )


class TransformGap(TransformError):  # noqa: N818
    """The history of an edge on the way begins after the time asked for, or has a hole there.

    Attributes:
        gap_ns: Distance from the time asked for to the nearest transform of the edge.
        limit_ns: Largest distance that would be right.
    """

    def __init__(self, target: str, source: str, edge: str, gap_ns: int, limit_ns: int):
        self.gap_ns = gap_ns
        self.limit_ns = limit_ns
        super().__init__(
            target,
            source,
            f'the nearest {edge} is {gap_ns / MS:.0f} ms away from the time asked for, '
            f'at most {limit_ns / MS:.0f} ms expected',
        )
