"""The model on the virtual clock: busy from an observation until its chunk arrives."""

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.latency import Latency
from vla_core.observation import Observation
from vla_core.policy import Policy
from vla_core.timing import Timing


class BusyModel:
    """Plans one chunk at a time; each arrives one drawn latency after it was begun.

    Args:
        policy: What plans.
        latency: How long it takes, in virtual time.
        rng: What latencies are drawn from.
    """

    def __init__(self, policy: Policy, latency: Latency, rng: np.random.Generator):
        self._policy, self._latency, self._rng = policy, latency, rng
        self._on_the_way: tuple[int, ActionChunk] | None = None  # (arrival, chunk)

    @property
    def busy(self) -> bool:
        """Whether a chunk is still on the way."""
        return self._on_the_way is not None

    def begin(self, observation: Observation, committed: ActionChunk | None, now_ns: int) -> None:
        """Begin to plan; the model must not be busy."""
        assert not self.busy
        chunk = self._policy.infer(observation, committed)
        arrival_ns = now_ns + self._latency.draw_ns(self._rng)
        timing = Timing(  # thinking takes the injected latency, all else no time
            captured_ns=chunk.observation_stamp_ns,
            assembled_ns=now_ns,
            received_ns=now_ns,
            preprocessed_ns=now_ns,
            inferred_ns=arrival_ns,
            published_ns=arrival_ns,
        )
        self._on_the_way = arrival_ns, chunk.with_changes(timing=timing)

    def arrived(self, now_ns: int) -> ActionChunk | None:
        """Return the chunk if it has arrived by now; the model is free then."""
        if self._on_the_way is None or self._on_the_way[0] > now_ns:
            return None
        chunk, self._on_the_way = self._on_the_way[1], None
        return chunk
