"""The seam between what plans and what executes."""

from typing import Protocol

from vla_core.chunk import ActionChunk
from vla_core.observation import Observation


class Policy(Protocol):
    """Turns one observation into one chunk; stateless apart from what `reset` clears.

    Wrappers (timed, ablated, faulty) keep this signature.
    """

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """Plan from `observation`.

        Args:
            observation: What was seen and felt.
            committed: What will be executed anyway (`/vla/plan`): row 0 is what is commanded at
                its `t0_ns`; None before anything was commanded.

        Returns:
            A chunk with the observation's stamp, sequence, epoch and instruction.
        """
        ...

    def reset(self, epoch: int) -> None:
        """Forget everything: a new epoch begins."""
        ...
