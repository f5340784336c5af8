"""What happened, in numbers: the gate's counters, and when each chunk was first followed."""

from dataclasses import replace

from vla_control.core.track import Track
from vla_core.command import GateCounts
from vla_core.timing import Timing

_REMEMBERED = 1024  # chunks whose first row is known to have been sent


class Ledger:
    """Counts ticks and notes first rows."""

    def __init__(self) -> None:
        self._ticks = self._clipped = self._refused = self._holds = 0
        self._first_rows: dict[tuple[int, int], None] = {}  # ordered: the oldest goes first
        self._executed: list[tuple[int, Timing]] = []

    def tick(self, clipped: bool = False, refused: bool = False, held: bool = False) -> None:
        """Count one tick in which a command was sent, and what happened in it."""
        self._ticks += 1
        self._clipped += clipped
        self._refused += refused
        self._holds += held

    def gate(self, stops: int) -> GateCounts:
        """Return the counters; `stops` are counted by the latch."""
        return GateCounts(self._ticks, self._clipped, self._refused, self._holds, stops)

    def followed(self, tracks: tuple[Track, ...], now_ns: int) -> None:
        """Note that a command followed chunks."""
        for track in tracks:
            if track.key not in self._first_rows:
                self._first_rows[track.key] = None
                timing = replace(track.chunk.timing, first_row_ns=now_ns)
                self._executed.append((track.chunk.sequence, timing))
        while len(self._first_rows) > _REMEMBERED:
            del self._first_rows[next(iter(self._first_rows))]

    def drain(self) -> tuple[tuple[int, Timing], ...]:
        """Return (sequence, timing) of the chunks first followed since the last call."""
        executed, self._executed = tuple(self._executed), []
        return executed
