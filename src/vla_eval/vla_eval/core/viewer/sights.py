"""CameraInfo and tf, as far as they say where a camera's picture shows a place."""

from dataclasses import dataclass

import numpy as np

from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_perception.core.errors import PerceptionError
from vla_perception.core.frames import FrameBuffer
from vla_perception.core.sighting import Lens, Sighting


@dataclass(frozen=True, eq=False)
class Optics:
    """What a CameraInfo says.

    Attributes:
        lens: Intrinsics of the source's picture.
        size: Width and height of that picture, pixels.
        frame: Optical frame, '' where it does not say.
    """

    lens: Lens
    size: tuple[int, int]
    frame: str


class Sights:
    """Remembers what the cameras and tf said; where that is not enough there is no sighting.

    Attributes:
        optics: Camera key -> newest.

    Args:
        contract: Names the frames; a graph's prefix is that of the CameraInfo's frame.
    """

    def __init__(self, contract: RobotContract):
        self._contract = contract
        self._tolerance_ns = round(contract.state.sync_tolerance_s * SECOND)
        self.forget()

    def forget(self) -> None:
        """Begin anew: a bag was set back."""
        self.optics: dict[str, Optics] = {}
        self._frames = FrameBuffer(self._tolerance_ns)

    def see_optics(self, key: str, optics: Optics) -> None:
        """Take a camera's intrinsics in."""
        self.optics[key] = optics

    def see_transform(
        self, parent: str, child: str, stamp_ns: int, T_parent_child: SE3, static: bool
    ) -> None:
        """Take a transform in.

        Raises:
            PerceptionError: it names none, see `FrameBuffer.add`.
        """
        self._frames.add(parent, child, stamp_ns, T_parent_child, static)

    def pose(self, key: str, stamp_ns: int) -> SE3 | None:
        """Return T_base_optical of a camera at a time, None where it is not known."""
        wanted = self._contract.cameras[key].optical_frame
        frame = self.optics[key].frame if key in self.optics else wanted
        frame = frame or wanted
        if frame != wanted and not frame.endswith(f'/{wanted}'):
            return None
        base = frame.removesuffix(wanted) + self._contract.model.base_link
        try:
            return self._frames.lookup(base, frame, stamp_ns)
        except PerceptionError:
            return None

    def sighting(self, key: str, stamp_ns: int, image: np.ndarray) -> Sighting | None:
        """Return a picture of a camera with what says where things are in it.

        Args:
            key: Camera key of the contract.
            stamp_ns: ROS time of capture.
            image: (H, W, 3) uint8 RGB, as its driver sent it.

        Returns:
            None where intrinsics of this size, or the camera's pose at that time, are not known.
        """
        optics, pose = self.optics.get(key), self.pose(key, stamp_ns)
        if optics is None or pose is None or optics.size != (image.shape[1], image.shape[0]):
            return None
        return Sighting(stamp_ns, image, optics.frame, optics.lens, pose)
