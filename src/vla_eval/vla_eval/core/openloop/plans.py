"""Which plan each of a bag's chunks was made from: the newest when its inference began."""

from collections import deque

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_eval.core.bags.tape import Tape
from vla_eval.core.openloop import recorded

PLAN, CHUNK = 'vla/plan', 'vla/action_chunk'
KEPT = 400  # plans that came before a chunk's inference began, until the chunk is there


class Plans:
    """Reads a bag ahead: on a loaded machine inference begins long after the picture.

    Args:
        tape: The bag.
        contract: The robot.
    """

    def __init__(self, tape: Tape, contract: RobotContract):
        self._of: dict[int, ActionChunk | None] = {}
        if CHUNK not in tape.topics:
            return
        told: deque[tuple[int, ActionChunk]] = deque(maxlen=KEPT)
        for timed in tape.messages((PLAN, CHUNK)):
            found = recorded.chunk(tape.decoder.decode(timed.message), contract)
            if found is None:
                continue
            if timed.role == PLAN:
                told.append((timed.now_ns, found))
            elif found.timing.received_ns:
                self._of[found.observation_stamp_ns] = _newest(told, found)

    def of(self, observation_stamp_ns: int, otherwise: ActionChunk | None) -> ActionChunk | None:
        """Return the plan that the recorded chunk of an observation was made from.

        Args:
            observation_stamp_ns: Which observation.
            otherwise: What is returned where the bag holds no such chunk, or none that tells when
                its inference began.
        """
        return self._of.get(observation_stamp_ns, otherwise)


def _newest(told: deque[tuple[int, ActionChunk]], chunk: ActionChunk) -> ActionChunk | None:
    """Return the plan that the policy had heard last; as there, one of another epoch is none."""
    heard = (plan for now_ns, plan in reversed(told) if now_ns <= chunk.timing.received_ns)
    plan = next(heard, None)
    return plan if plan is not None and plan.epoch == chunk.epoch else None
