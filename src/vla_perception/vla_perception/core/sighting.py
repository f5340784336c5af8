"""Where a point of the base frame is seen in a camera's picture, as its driver sent it."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from vla_core.se3 import SE3
from vla_perception.core.errors import PerceptionError
from vla_perception.core.images import Framing

PINHOLE = ('', 'plumb_bob', 'rational_polynomial')
FISHEYE = 'equidistant'
NEAREST_M = 0.02  # along the optical axis; nearer is not seen
REACH = 1.0  # picture sizes beside the picture; further out a distortion model says nothing


@dataclass(frozen=True, eq=False)
class Lens:
    """Intrinsics of a picture before it is cropped, turned or resized, as CameraInfo gives them.

    Attributes:
        K: (3, 3) pinhole intrinsics, pixels; whole numbers are pixel centres.
        model: Distortion model of sensor_msgs/CameraInfo, '' without distortion.
        distortion: (N,) coefficients of the model.
    """

    K: np.ndarray
    model: str = ''
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (N, 2) of points (N, 3) before the camera, optical frame, m.

        Raises:
            PerceptionError: the model is unknown or has another number of coefficients.
        """
        if not len(points):
            return np.empty((0, 2))
        if not self.distortion.any():
            rays = points @ self.K.T
            return rays[:, :2] / rays[:, 2:]
        project = {FISHEYE: cv2.fisheye.projectPoints} | dict.fromkeys(PINHOLE, cv2.projectPoints)
        still = np.zeros(3)
        try:
            found, _ = project[self.model](points[:, None], still, still, self.K, self.distortion)
        except KeyError:
            problem = f'{", ".join((*PINHOLE[1:], FISHEYE))} expected, got {self.model}'
            raise PerceptionError(f'distortion_model: {problem}') from None
        except cv2.error:
            count = len(self.distortion)
            raise PerceptionError(f'd: {count} coefficients are none of {self.model}') from None
        return found[:, 0]


@dataclass(frozen=True, eq=False)
class Sighting:
    """A picture with what says where things are in it.

    Attributes:
        stamp_ns: ROS time of capture.
        image: (H, W, 3) uint8 RGB, read-only.
        frame: Optical frame.
        lens: Intrinsics.
        T_base_camera: Pose of the optical frame in the base frame at the capture.
    """

    stamp_ns: int
    image: np.ndarray
    frame: str
    lens: Lens
    T_base_camera: SE3

    def resized(self, image: np.ndarray) -> 'Sighting':
        """Return the sighting of the same picture at another size.

        Args:
            image: (H', W', 3) uint8 RGB, the whole picture resized.
        """
        height, width = self.image.shape[:2]
        K = Framing(image.shape[1], image.shape[0]).intrinsics(self.lens.K, width, height)
        return replace(self, image=image, lens=replace(self.lens, K=K))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Return the pixels (N, 2) of points (N, 3) of the base frame, m.

        NaN where a point is behind the camera, or so far beside the picture that its pixel means
        nothing.

        Raises:
            PerceptionError: the lens has a distortion that is not known.
        """
        height, width = self.image.shape[:2]
        size = np.array([width, height])
        seen = self.T_base_camera.inverse().apply(points)
        found = np.full((len(points), 2), np.nan)
        before = np.flatnonzero(seen[:, 2] > NEAREST_M)
        plain = Lens(self.lens.K).pixels(seen[before])
        inside = ((plain > -REACH * size) & (plain < (1.0 + REACH) * size)).all(axis=1)
        near = before[inside]
        found[near] = self.lens.pixels(seen[near])
        return found
