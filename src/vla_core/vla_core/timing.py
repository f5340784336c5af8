"""Where the time of one chunk went: ROS times, in ns, of the stages it passed."""

from dataclasses import dataclass
from typing import ClassVar

MS = 1_000_000
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Timing:
    """ROS times in ns at which a chunk passed each stage; 0 where it has not passed it yet.

    Attributes:
        captured_ns: Capture stamp of the newest picture the chunk was inferred from.
        assembled_ns: The observer had all inputs together.
        received_ns: The policy took the observation up.
        preprocessed_ns: Pictures, state and words were tensors.
        inferred_ns: The model had answered.
        published_ns: The chunk was handed to the middleware.
        first_row_ns: The executor sent the first command that follows the chunk.
    """

    captured_ns: int = 0
    assembled_ns: int = 0
    received_ns: int = 0
    preprocessed_ns: int = 0
    inferred_ns: int = 0
    published_ns: int = 0
    first_row_ns: int = 0

    STAGES: ClassVar[dict[str, tuple[str, str]]] = {
        'capture_to_assembled': ('captured_ns', 'assembled_ns'),
        'assembled_to_received': ('assembled_ns', 'received_ns'),
        'preprocess': ('received_ns', 'preprocessed_ns'),
        'inference': ('preprocessed_ns', 'inferred_ns'),
        'inferred_to_published': ('inferred_ns', 'published_ns'),
        'published_to_command': ('published_ns', 'first_row_ns'),
        'capture_to_command': ('captured_ns', 'first_row_ns'),
    }

    def stages_ms(self) -> dict[str, float]:
        """Return milliseconds by stage, for the stages whose two ends are known."""
        found = {}
        for name, (start, end) in self.STAGES.items():
            a, b = getattr(self, start), getattr(self, end)
            if a and b:
                found[name] = (b - a) / MS
        return found
