"""Durations by name, on whatever clock is given."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from vla_core.timing import MS


class Stopwatch:
    """Collects how long each named stage took, ms."""

    def __init__(self, clock_ns: Callable[[], int]):
        self._clock_ns = clock_ns
        self._taken: dict[str, list[float]] = {}

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Time the block under a name."""
        start_ns = self._clock_ns()
        yield
        self.add(stage, self._clock_ns() - start_ns)

    def add(self, stage: str, taken_ns: int) -> None:
        """Note a duration that was measured elsewhere."""
        self._taken.setdefault(stage, []).append(taken_ns / MS)

    def figures(self) -> dict[str, tuple[float, ...]]:
        """Return all durations by stage, ms."""
        return {stage: tuple(values) for stage, values in self._taken.items()}
