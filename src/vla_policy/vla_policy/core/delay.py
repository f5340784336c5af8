"""How long a chunk takes from its observation to its first command, by what was measured."""

WINDOW = 10  # chunks (Black, Galliker & Levine 2025, algorithm 1: a buffer of past delays)
SPIKE = 1.5  # a largest delay above this many times the next largest ...
SPIKE_LEAST_NS = 20_000_000  # ... and above it by more than this is set aside


class DelayWindow:
    """The largest delay of the last ten chunks, one spike among them set aside.

    The rule: of the delays in the window, the largest does not count where it is more than 1.5
    times *and* more than 20 ms above the next largest. So one hiccup changes nothing; the second
    late chunk within ten is no hiccup and counts, until fewer than two are left in the window.
    Until there are two delays, the only one counts.
    """

    def __init__(self) -> None:
        self._recent: tuple[int, ...] = ()  # replaced whole: read and written by two threads

    def add(self, delay_ns: int) -> None:
        """Take a measured delay; one below 0 tells of clocks, not of chunks, and is left out."""
        if delay_ns >= 0:
            self._recent = (*self._recent, delay_ns)[-WINDOW:]

    def estimate_ns(self) -> int | None:
        """Return the delay to reckon with, None before anything was measured."""
        recent = sorted(self._recent)
        if len(recent) < 2:
            return recent[0] if recent else None
        next_ns, largest_ns = recent[-2:]
        is_spike = largest_ns > SPIKE * next_ns and largest_ns - next_ns > SPIKE_LEAST_NS
        return next_ns if is_spike else largest_ns

    def clear(self) -> None:
        """Forget what was measured."""
        self._recent = ()
