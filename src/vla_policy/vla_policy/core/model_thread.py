"""Plans from the newest observation, on one thread of its own."""

import threading
from collections.abc import Callable

from vla_core.chunk import ActionChunk
from vla_core.observation import Observation
from vla_core.policy import Policy

JOIN_S = 2.0


class ModelThread:
    """Takes observations and plans from any thread, and plans on one.

    Of observations that arrive while the model is busy, only the newest is planned from. The epoch
    is that of the newest observation, also where it counts from the start again; a chunk of
    another one is dropped. Without words there is nothing to plan.

    Attributes:
        overtaken: Observations that a newer one replaced before they were planned from.
        outdated: Chunks dropped because their epoch was over.
        planned: Chunks delivered.

    Args:
        policy: What plans; touched by this thread only.
        deliver: Told of each chunk, on this thread.
        on_error: Told of an exception, which ends the thread.
    """

    def __init__(
        self,
        policy: Policy,
        deliver: Callable[[ActionChunk], None],
        on_error: Callable[[BaseException], None],
    ):
        self._policy, self._deliver, self._on_error = policy, deliver, on_error
        self.overtaken = self.outdated = self.planned = 0
        self._changed = threading.Condition()
        self._newest: Observation | None = None
        self._committed: ActionChunk | None = None
        self._epoch = 0
        self._reset_for: int | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._stopping, self._newest, self._committed = False, None, None
        self._thread = threading.Thread(target=self._run, name='model', daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the chunk at hand, which is not delivered any more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def see(self, observation: Observation) -> None:
        """Plan from this observation next, unless a newer one comes first."""
        with self._changed:
            self._epoch = observation.epoch
            self.overtaken += self._newest is not None
            self._newest = observation if observation.instruction else None
            self._changed.notify()

    def commit(self, plan: ActionChunk) -> None:
        """Take note of what will be executed anyway."""
        with self._changed:
            self._committed = plan

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping or self._newest is not None)
                    if self._stopping or self._newest is None:
                        return
                    observation, committed = self._newest, self._committed
                    self._newest = None
                self._plan(observation, committed)
        except Exception as error:
            self._on_error(error)

    def _plan(self, observation: Observation, committed: ActionChunk | None) -> None:
        if observation.epoch != self._reset_for:
            self._policy.reset(observation.epoch)
            self._reset_for = observation.epoch
        if committed is not None and committed.epoch != observation.epoch:
            committed = None  # of a run that is over: nothing of it will be executed
        chunk = self._policy.infer(observation, committed)
        with self._changed:
            outdated = chunk.epoch != self._epoch
            self.outdated += outdated
            self.planned += not outdated
            if outdated or self._stopping:
                return
        self._deliver(chunk)
