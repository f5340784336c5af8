"""From the source's picture to the one a policy sees: crop, turn, resize; intrinsics follow.

Pixel convention: whole numbers are pixel centres, so a picture of width w covers -0.5 .. w - 0.5
(OpenCV's and sensor_msgs/CameraInfo's). Resizing by s therefore maps u to s (u + 0.5) - 0.5.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from vla_core.contract import Camera
from vla_core.se3 import SE3

_TURNS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
# R_source_view by clockwise turn: the view's x axis (right) and y axis (down) in the source's
# optical frame. Turning by 90 degrees clockwise puts what was up to the right.
_COLUMNS = {
    0: ((1, 0), (0, 1)),
    90: ((0, -1), (1, 0)),
    180: ((-1, 0), (0, -1)),
    270: ((0, 1), (-1, 0)),
}


@dataclass(frozen=True)
class Framing:
    """How a camera's picture becomes the policy's: crop, then clockwise turn, then resize.

    Attributes:
        width: Of the result, pixels.
        height: Of the result, pixels.
        crop: (x, y, width, height) in pixels of the source; None for the whole picture.
        turn: Clockwise, degrees: 0, 90, 180 or 270.
    """

    width: int
    height: int
    crop: tuple[int, int, int, int] | None = None
    turn: int = 0

    @classmethod
    def of(cls, camera: Camera) -> 'Framing':
        """Return the framing that a contract asks for."""
        return cls(camera.width, camera.height, camera.crop, camera.rotation)

    def fits(self, width: int, height: int) -> bool:
        """Whether the crop lies inside a source of this size."""
        x, y, w, h = self._box(width, height)
        return x + w <= width and y + h <= height

    def _box(self, width: int, height: int) -> tuple[int, int, int, int]:
        return self.crop or (0, 0, width, height)

    @property
    def _upright(self) -> tuple[int, int]:
        """(width, height) of the result before the turn."""
        return (self.height, self.width) if self.turn % 180 else (self.width, self.height)

    def picture(self, image: np.ndarray) -> np.ndarray:
        """Return the policy's picture of a source's.

        Args:
            image: (H, W, C) uint8, in which the crop lies.

        Returns:
            (height, width, C) uint8, contiguous and read-only; `image`'s own memory where nothing
            changes.
        """
        x, y, w, h = self._box(image.shape[1], image.shape[0])
        out = image[y : y + h, x : x + w]
        if (w, h) != self._upright:
            # Averaging over the area a pixel covers, where that is more than one of the source.
            smaller = self._upright[0] <= w and self._upright[1] <= h
            mode = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            out = cv2.resize(out, self._upright, interpolation=mode)
        if self.turn:
            # Turned after resizing: the result is the same, and there are fewer pixels to move.
            out = cv2.rotate(out, _TURNS[self.turn])
        out = np.ascontiguousarray(out).view()
        out.setflags(write=False)
        return out

    def pixel_map(self, width: int, height: int) -> np.ndarray:
        """Return A (3, 3) with (u, v, 1) of the result = A (u, v, 1) of a source of this size."""
        x, y, w, h = self._box(width, height)
        sx, sy = self._upright[0] / w, self._upright[1] / h
        resize = np.array(
            [[sx, 0.0, sx * (0.5 - x) - 0.5], [0.0, sy, sy * (0.5 - y) - 0.5], [0.0, 0.0, 1.0]]
        )
        (a, c), (b, d) = _COLUMNS[self.turn]
        turn = np.array(
            [
                [a, c, self.width - 1.0 if a + c < 0 else 0.0],
                [b, d, self.height - 1.0 if b + d < 0 else 0.0],
                [0.0, 0.0, 1.0],
            ]
        )
        A: np.ndarray = turn @ resize
        return A

    def intrinsics(self, K: np.ndarray, width: int, height: int) -> np.ndarray:
        """Return K (3, 3) of the result for a source of this size with intrinsics `K`."""
        K_view: np.ndarray = self.pixel_map(width, height) @ K @ self.T_source_view.R
        return K_view

    @property
    def T_source_view(self) -> SE3:  # noqa: N802
        """Pose of the view's optical frame in the source's: a turned picture, a turned camera."""
        R = np.eye(3)
        R[:2, 0], R[:2, 1] = _COLUMNS[self.turn]
        return SE3(R)
