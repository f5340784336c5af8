"""The cameras' newest pictures side by side, with plan and executed path where they are seen."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import viser

from vla_eval.core.viewer.drawing import EXECUTED, along
from vla_eval.core.viewer.sights import Sights
from vla_perception.core.errors import PerceptionError
from vla_perception.core.overlay import Path, draw

STRIP_PX = 192  # height of the pictures on the page
DARK = np.zeros((24, 32, 3), np.uint8)
JPEG_QUALITY = 80
Picture = tuple[int, np.ndarray]  # ROS time of capture, (H, W, 3) uint8 RGB


class Pictures:
    """Draws the strip anew when a picture or the plan is another one."""

    def __init__(self, gui: viser.GuiApi, cameras: Sequence[str]):
        self._cameras = tuple(cameras)
        self._drawn: object = None
        dark = np.zeros((STRIP_PX, STRIP_PX * len(self._cameras), 3), np.uint8)
        self._strip = gui.add_image(
            dark, label=' | '.join(self._cameras), format='jpeg', jpeg_quality=JPEG_QUALITY
        )

    def draw(
        self,
        pictures: Mapping[str, Picture],
        sights: Sights,
        executed: np.ndarray,
        plan: np.ndarray,
        number: object,
    ) -> None:
        """Show the newest pictures.

        Args:
            pictures: By camera.
            sights: What says where the paths are seen in them.
            executed: (N, 3) tool points in the base frame, m.
            plan: (H, 3) likewise, the next first.
            number: What tells this plan from another.
        """
        found = {key: pictures[key] for key in self._cameras if key in pictures}
        state = {key: stamp_ns for key, (stamp_ns, _) in found.items()}, number
        if not found or state == self._drawn:
            return
        self._drawn = state
        paths = [_path(executed, np.tile(EXECUTED, (len(executed), 1))), _path(plan, None)]
        parts = [shown(key, found[key], sights, paths) if key in found else resized(DARK)
                 for key in self._cameras]  # fmt: skip
        self._strip.image = np.concatenate(parts, axis=1)


def shown(key: str, picture: Picture, sights: Sights, paths: list[Path]) -> np.ndarray:
    """Return a picture at the page's size, with the paths where it is known how it sees them."""
    canvas = resized(picture[1])
    sighting = sights.sighting(key, *picture)
    if sighting is not None:
        try:
            draw(canvas, sighting.resized(canvas), paths)
        except PerceptionError:
            return resized(picture[1])  # a lens that is not known
    return canvas


def resized(picture: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) at the strip's height, a copy; small ones pixel by pixel."""
    height, width = picture.shape[:2]
    size = max(1, round(width * STRIP_PX / height)), STRIP_PX
    mode = cv2.INTER_NEAREST if height <= STRIP_PX else cv2.INTER_AREA
    return np.array(cv2.resize(picture, size, interpolation=mode))


def _path(points: np.ndarray, colours: np.ndarray | None) -> Path:
    colours = along(len(points)) if colours is None else colours
    return Path(points, colours.astype(np.uint8))
