"""What a policy plans when it is told other words, or shown black pictures."""

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.observation import Observation
from vla_core.policy import Policy
from vla_eval.core.openloop.trace import Shift
from vla_policy.core.wrappers import Ablated
from vla_sim.core import language
from vla_sim.core.errors import TaskError

LOOKS = 60  # observations of a bag from which it is asked again


def other_words(instruction: str, seed: int) -> str | None:
    """Return the sentence with another object's name; None for words of another world."""
    try:
        return language.other_words(instruction, np.random.default_rng(seed))
    except TaskError:
        return None


class Deprived:
    """Asks a policy again, at moments spread evenly over a bag.

    Attributes:
        shifts: What changed, by what was taken.

    Args:
        policy: What plans.
        expected: About how many observations there will be.
        seed: Other words follow from it.
    """

    def __init__(self, policy: Policy, expected: int, seed: int):
        self._policy, self._seed = policy, seed
        self._every = max(1, -(-expected // LOOKS))
        self._count = 0
        self.shifts: dict[str, list[Shift]] = {}

    def ask(
        self, observation: Observation, committed: ActionChunk | None, chunk: ActionChunk
    ) -> None:
        """Compare with a chunk that was planned from everything."""
        self._count += 1
        if (self._count - 1) % self._every:
            return
        words = other_words(observation.instruction, self._seed)
        for kind in ('no-vision', *(['wrong-words'] if words else [])):
            without = Ablated(self._policy, kind, words or '')
            shift = Shift(chunk, without.infer(observation, committed))
            self.shifts.setdefault(kind, []).append(shift)
