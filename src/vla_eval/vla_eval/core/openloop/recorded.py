"""What the bag's own run did: words, plans, chunks, commands, latencies; as values."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.errors import VlaError
from vla_core.timing import Timing
from vla_eval.core.bags.sensors import stamp_ns
from vla_eval.core.errors import BagError


def chunk(message: Any, contract: RobotContract) -> ActionChunk | None:
    """Return a recorded ActionChunk; None where it is of another robot, or broken."""
    columns = tuple(message.columns)
    data = np.asarray(message.data, float)
    if columns != contract.action.columns or data.size % max(1, len(columns)):
        return None
    try:
        return ActionChunk(
            t0_ns=stamp_ns(message.t0),
            step_ns=stamp_ns(message.step),
            observation_stamp_ns=stamp_ns(message.observation_stamp),
            sequence=int(message.sequence),
            epoch=int(message.epoch),
            contract_digest=contract.digest,
            columns=columns,
            actions=data.reshape(-1, len(columns)),
            instruction=str(message.instruction),
            timing=timing(message.timing),
        )
    except VlaError:
        return None


def timing(message: Any) -> Timing:
    """Return a recorded Timing."""
    names = ('captured', 'assembled', 'received', 'preprocessed', 'inferred', 'published')
    stages = {f'{name}_ns': stamp_ns(getattr(message, name)) for name in names}
    return Timing(**stages, first_row_ns=stamp_ns(message.first_row))


def command(path: object, message: Any, contract: RobotContract) -> tuple[int, np.ndarray]:
    """Return stamp and joints (J,) of a recorded Command, in the contract's output order.

    Raises:
        BagError: it commands other joints.
    """
    names = list(message.names)
    values = np.asarray(message.positions, float)
    wanted = contract.output.joints
    if sorted(names) != sorted(wanted):
        raise BagError(
            f'{path}: commands move {", ".join(names)}; robot {contract.robot} has '
            f'{", ".join(wanted)}'
        )
    if values.shape != (len(names),) or not np.isfinite(values).all():
        raise BagError(f'{path}: a command holds no {len(names)} finite positions')
    return stamp_ns(message.header.stamp), values[[names.index(name) for name in wanted]]


class Epochs:
    """Tells where the recorded run began anew, and which of its plans were still in force."""

    def __init__(self) -> None:
        self._epoch = 0  # of the newest status
        self._changed = True  # words have changed since
        self._over = -1  # plans up to this epoch are over
        self._newest = -1

    def words(self) -> None:
        """The words have changed: a new epoch."""
        self._changed, self._over = True, self._newest

    def begins(self, epoch: int) -> bool:
        """Take a status note; return whether the run began anew with the words it had."""
        anew = bool(self._epoch) and epoch != self._epoch and not self._changed
        self._changed = self._changed and epoch == self._epoch
        self._epoch = epoch
        if anew:
            self._over = self._newest
        return anew

    def in_force(self, plan: ActionChunk) -> bool:
        """Whether a plan is of the run in force."""
        if plan.epoch < self._newest:
            self._over = -1  # the count began anew: the executor was started again
        self._newest = plan.epoch
        return plan.epoch > self._over


Stages = Mapping[str, list[float]]
