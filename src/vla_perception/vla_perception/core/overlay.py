"""Paths drawn into a camera's picture."""

from dataclasses import dataclass

import cv2
import numpy as np

from vla_perception.core.sighting import Sighting

_SHIFT = 4  # bits of a pixel that lines are drawn to
_ROWS_PER_WIDTH = 200  # of the picture's rows, one pixel of line each


@dataclass(frozen=True, eq=False)
class Path:
    """A path of the tool.

    Attributes:
        points: (N, 3) positions in the base frame, m, the next in time first.
        colours: (N, 3) uint8 RGB.
    """

    points: np.ndarray
    colours: np.ndarray


def draw(canvas: np.ndarray, sighting: Sighting, paths: list[Path]) -> None:
    """Draw paths into a copy of a sighting's picture, the last path on top.

    A segment is left out where an end of it is not before the camera. What comes first in time
    lies on top.

    Args:
        canvas: (H, W, 3) uint8 RGB, contiguous; drawn into.
        sighting: What the canvas is a copy of.
        paths: What to draw.

    Raises:
        PerceptionError: the lens has a distortion that is not known.
    """
    width = max(1, round(len(canvas) / _ROWS_PER_WIDTH))
    for path in paths:
        pixels = sighting.pixels(path.points)
        known = np.isfinite(pixels).all(axis=1)
        fixed = np.round(np.where(known[:, None], pixels, 0.0) * (1 << _SHIFT)).astype(int)
        ends = np.flatnonzero(known[:-1] & known[1:])
        for k in ends[::-1]:
            start, end = fixed[k : k + 2].tolist()
            colour = path.colours[k].tolist()
            cv2.line(canvas, start, end, colour, width, cv2.LINE_AA, _SHIFT)
