"""A chunk of future actions: way-points in time, planned from one observation."""

from dataclasses import dataclass, field, replace

import numpy as np

from vla_core.errors import ChunkError
from vla_core.timing import Timing


@dataclass(frozen=True, eq=False)
class ActionChunk:
    """Actions planned from one observation.

    Attributes:
        t0_ns: ROS time that row 0 is meant for.
        step_ns: Spacing of the rows; row k is where the robot should be at `t0_ns + k * step_ns`.
        observation_stamp_ns: Stamp of the observation it was inferred from.
        sequence: Sequence number of that observation.
        epoch: Epoch of that observation.
        contract_digest: Digest of the contract it was planned for.
        columns: Names of the columns, as in the contract's action groups.
        actions: (H, A), unit and frame by column as in the contract; read-only.
        instruction: The words it was planned for.
        timing: Stages it has passed.
    """

    t0_ns: int
    step_ns: int
    observation_stamp_ns: int
    sequence: int
    epoch: int
    contract_digest: str
    columns: tuple[str, ...]
    actions: np.ndarray
    instruction: str = ''
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        try:
            actions = np.array(self.actions, np.float64)
        except (TypeError, ValueError):
            raise ChunkError('actions', 'a matrix of numbers expected') from None
        if actions.ndim != 2 or len(actions) == 0:
            raise ChunkError('actions', f'(H, A) with H > 0 expected, got {actions.shape}')
        if actions.shape[1] != len(self.columns):
            raise ChunkError(
                'columns', f'{actions.shape[1]} names expected, got {len(self.columns)}'
            )
        if self.t0_ns <= 0:
            raise ChunkError('t0', f'a ROS time > 0 expected, got {self.t0_ns}')
        if self.observation_stamp_ns <= 0:
            raise ChunkError(
                'observation_stamp', f'a ROS time > 0 expected, got {self.observation_stamp_ns}'
            )
        if self.step_ns <= 0:
            raise ChunkError('step', f'a duration > 0 expected, got {self.step_ns} ns')
        actions.setflags(write=False)
        object.__setattr__(self, 'actions', actions)

    @property
    def horizon(self) -> int:
        """Number of rows."""
        return len(self.actions)

    @property
    def end_ns(self) -> int:
        """ROS time at which nothing of it is left: one step after its last row."""
        return self.t0_ns + self.horizon * self.step_ns

    @property
    def finite(self) -> bool:
        """Whether every number is finite; the gate refuses rows that are not."""
        return bool(np.isfinite(self.actions).all())

    def row_ns(self, k: int) -> int:
        """Return the ROS time that row k is meant for."""
        return self.t0_ns + k * self.step_ns

    def with_changes(self, **changes: object) -> 'ActionChunk':
        """Return a copy with some fields replaced."""
        return replace(self, **changes)  # type: ignore[arg-type]
