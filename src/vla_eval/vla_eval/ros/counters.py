"""Counts of one episode out of counters that run since a process started."""

from dataclasses import fields
from typing import TypeVar

from vla_core.command import ChunkCounts, ExecutorStatus, GateCounts
from vla_core.timing import Timing

Counts = TypeVar('Counts', GateCounts, ChunkCounts)


class EpisodeCounts:
    """Adds up what the executor's counters grew by, over a restart of the executor too.

    Attributes:
        gate: Of the episode so far.
        chunks: Of the episode so far.
        executed: Timings of the chunks executed so far.
    """

    def __init__(self, before: ExecutorStatus):
        """Begin with the newest status before the words are given."""
        self._last = before
        self.gate = GateCounts()
        self.chunks = ChunkCounts()
        self.executed: list[Timing] = []

    def add(self, status: ExecutorStatus) -> None:
        """Take the next status in."""
        restarted = status.gate.ticks < self._last.gate.ticks
        gate, chunks = self._last.gate, self._last.chunks
        if restarted:
            gate, chunks = GateCounts(), ChunkCounts()
        self.gate = _sum(self.gate, status.gate, gate)
        self.chunks = _sum(self.chunks, status.chunks, chunks)
        self.executed.extend(timing for _, timing in status.executed)
        self._last = status


def _sum(total: Counts, now: Counts, before: Counts) -> Counts:
    grown = {
        f.name: getattr(total, f.name) + getattr(now, f.name) - getattr(before, f.name)
        for f in fields(total)
    }
    return type(total)(**grown)
