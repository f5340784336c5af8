"""What a strategy wants followed: way-points, and the chunks that each of them comes from."""

from dataclasses import dataclass

import numpy as np

from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoints


@dataclass(frozen=True, eq=False)
class Route:
    """Way-points and their origin.

    Attributes:
        points: (N) way-points; the last one is the end.
        tracks: (n) chunks that they come from, oldest first.
        weights: (n, N) share of each chunk in each way-point; columns sum to 1.
        opposed: Indices of way-points at which the chunks' rotations oppose each other: no mean
            exists, the way-point must not be followed.
    """

    points: Waypoints
    tracks: tuple[Track, ...]
    weights: np.ndarray
    opposed: frozenset[int] = frozenset()

    @classmethod
    def of(cls, track: Track) -> 'Route':
        """Return the way through one chunk."""
        return cls(track.points, (track,), np.ones((1, len(track.points))))

    def sources(self, k: int) -> tuple[tuple[Track, ...], tuple[float, ...]]:
        """Return the chunks that way-point k comes from, and their weights."""
        column = self.weights[:, k]
        chosen = [i for i in range(len(column)) if column[i] > 0.0]
        return tuple(self.tracks[i] for i in chosen), tuple(float(column[i]) for i in chosen)
