"""Moments of which no observation could be made, and why."""

from collections import Counter

from vla_perception.core.errors import NotReady


class Missed:
    """Counts pictures of the reference camera that served no observation, by the last reason.

    What is only waited for, the other camera's picture some milliseconds later, is no miss.

    Attributes:
        counts: `<stream>: <reason>` -> pictures.
        last: The newest refusal, in words; '' before any.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.last = ''
        self._open = ''

    def refused(self, refusal: NotReady) -> None:
        """No observation could be made now."""
        if refusal.reason != 'waiting':
            self._open = f'{refusal.stream}: {refusal.reason}'
            self.last = str(refusal)

    def made(self) -> None:
        """An observation was made."""
        self._open = ''

    def next_picture(self) -> None:
        """The reference camera's next picture comes: what is open stays so."""
        if self._open:
            self.counts[self._open] += 1
        self._open = ''
