"""One instruction that is followed for a while: how it fares, and when and how it ends."""

import math
from dataclasses import dataclass
from enum import StrEnum

from vla_core.command import ExecutorStatus


class Outcome(StrEnum):
    """How a run ended; whether its task was done is not for the executor to say."""

    TIME_LIMIT = 'time_limit'
    CANCELLED = 'cancelled'
    STOPPED = 'stopped'
    REPLACED = 'replaced'


@dataclass(frozen=True)
class Ended:
    """The end of a run.

    Attributes:
        outcome: How it ended.
        detail: More about it, in words.
    """

    outcome: Outcome
    detail: str = ''


class Run:
    """A run of one instruction.

    Attributes:
        epoch: Epoch that it runs in.
        chunks: Chunks followed so far.
        latency_ms: Capture to first command of the newest of them; NaN before the first.
    """

    def __init__(self, epoch: int, start_ns: int, limit_ns: int):
        """Begin.

        Args:
            epoch: Epoch that the instruction began.
            start_ns: ROS time.
            limit_ns: Duration after which it ends.
        """
        self.epoch = epoch
        self.chunks, self.latency_ms = 0, math.nan
        self._start_ns, self._limit_ns = start_ns, limit_ns

    def elapsed_ns(self, now_ns: int) -> int:
        """Return the time since it began; 0 where the clock went back."""
        return max(0, now_ns - self._start_ns)

    def see(self, status: ExecutorStatus) -> None:
        """Take note of the chunks that were followed."""
        if status.epoch != self.epoch:
            return
        for _, timing in status.executed:
            self.chunks += 1
            self.latency_ms = timing.stages_ms().get('capture_to_command', math.nan)

    def ended(self, status: ExecutorStatus, now_ns: int, cancelled: bool) -> Ended | None:
        """Return how it has ended, None while it goes on.

        Args:
            status: Of the executor.
            now_ns: ROS time.
            cancelled: Whether the caller asked for the end.
        """
        if status.epoch > self.epoch:
            return Ended(Outcome.REPLACED, f'epoch {status.epoch}: {status.instruction!r}')
        if status.stop_reason:
            return Ended(Outcome.STOPPED, status.stop_reason)
        if cancelled:
            return Ended(Outcome.CANCELLED)
        if self.elapsed_ns(now_ns) >= self._limit_ns:
            return Ended(Outcome.TIME_LIMIT)
        return None
