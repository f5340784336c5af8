"""What chunks that overlap predict for the same times: how far they agree, for drawing."""

from collections.abc import Callable

import numpy as np

from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoints

NEWEST = 12  # chunks that are looked at: what is older hardly counts, and drawing stays cheap


def spread(
    tracks: tuple[Track, ...], now_ns: int, positions: Callable[[Waypoints], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions that two chunks or more predict for the same time.

    The times are those of the newest chunk's rows that are still to come; a chunk whose rows lie
    between them is interpolated, as where an ensemble is averaged.

    Args:
        tracks: Chunks in force, oldest observation first.
        now_ns: ROS time.
        positions: Tool positions (N - 1, 3) of way-points, their end left out, m.

    Returns:
        Times (M,) int64 ns and positions (M, 3) in the base frame, m; chunk after chunk, the
        oldest first. Empty where no two chunks overlap.
    """
    tracks = tracks[-NEWEST:]
    rows = tracks[-1].points.times_ns[:-1] if tracks else np.empty(0, np.int64)
    rows = rows[rows >= now_ns]
    covers = [(t.chunk.t0_ns <= rows) & (rows <= t.last_row_ns) for t in tracks]
    shared = np.sum(covers, axis=0) > 1
    times, found = [np.empty(0, np.int64)], [np.empty((0, 3))]
    for track, covered in zip(tracks, covers, strict=True):
        at = rows[covered & shared]
        if len(at):
            times.append(at)
            found.append(positions(track.points.sample(np.append(at, at[-1]))))
    return np.concatenate(times), np.concatenate(found)
