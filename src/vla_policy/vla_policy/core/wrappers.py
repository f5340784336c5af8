"""Policies around a policy; each keeps the signature."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.errors import FieldError
from vla_core.observation import Observation
from vla_core.policy import Policy

ABLATIONS = ('wrong-words', 'no-vision')


@runtime_checkable
class Staged(Protocol):
    """A policy whose `infer` is `plan(prepare(...))`, so that the two can be timed apart."""

    def prepare(self, observation: Observation, committed: ActionChunk | None) -> Any:
        """Turn the observation into tensors."""

    def plan(self, prepared: Any) -> ActionChunk:
        """Run the model."""


class Timed:
    """Any policy, with the ROS times at which its chunk passed each stage.

    Args:
        policy: What plans.
        clock_ns: Returns the ROS time now, ns.
    """

    def __init__(self, policy: Policy, clock_ns: Callable[[], int]):
        self._policy, self._clock_ns = policy, clock_ns

    def reset(self, epoch: int) -> None:
        """See `vla_core.policy.Policy`."""
        self._policy.reset(epoch)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`; stamps received, preprocessed and inferred."""
        received = self._clock_ns()
        if isinstance(self._policy, Staged):
            prepared = self._policy.prepare(observation, committed)
            preprocessed = self._clock_ns()
            chunk = self._policy.plan(prepared)
        else:
            preprocessed = received
            chunk = self._policy.infer(observation, committed)
        timing = replace(
            chunk.timing,
            received_ns=received,
            preprocessed_ns=preprocessed,
            inferred_ns=self._clock_ns(),
        )
        return chunk.with_changes(timing=timing)


class Ablated:
    """Any policy, deprived of what it should need.

    Args:
        policy: What plans.
        kind: `wrong-words`: it is told `words` instead; `no-vision`: it sees black pictures.
        words: The other instruction, for `wrong-words`.
    """

    def __init__(self, policy: Policy, kind: str, words: str = ''):
        if kind not in ABLATIONS:
            raise FieldError('ablate', f'one of {", ".join(ABLATIONS)} expected, got {kind!r}')
        if kind == 'wrong-words' and not words:
            raise FieldError('ablate', 'wrong-words needs an instruction to give instead')
        self._policy, self._kind, self._words = policy, kind, words

    def reset(self, epoch: int) -> None:
        """See `vla_core.policy.Policy`."""
        self._policy.reset(epoch)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`; the chunk carries the words that were in force."""
        if self._kind == 'wrong-words':
            given = observation.with_changes(instruction=self._words)
        else:
            views = {
                key: replace(view, image=np.zeros_like(view.image))
                for key, view in observation.views.items()
            }
            given = observation.with_changes(views=views)
        chunk = self._policy.infer(given, committed)
        return chunk.with_changes(instruction=observation.instruction)
