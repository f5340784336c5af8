"""Shapes, poses and paths in the page's 3-D view. Everything lies in the base frame."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import viser

from vla_core.se3 import SE3
from vla_eval.core.viewer import shapes
from vla_eval.core.viewer.shapes import Shape

SOON, LATE = np.array([255, 115, 15]), np.array([30, 95, 255])  # colours along a plan
EXECUTED = (40, 190, 90)
NOTHING = np.zeros((1, 2, 3), np.float32)
MOVED = 1e-5  # m, and of a quaternion's parts: less is not worth a message


class Bodies:
    """Groups of shapes, moved as wholes."""

    def __init__(self, server: viser.ViserServer, root: str, parts: Sequence[Shape]):
        self._frames: dict[str, Any] = {}
        for number, part in enumerate(parts):
            name = f'{root}/{part.body}'
            if part.body not in self._frames:
                self._frames[part.body] = server.scene.add_frame(name, show_axes=False)
            _add(server, f'{name}/{number}', part)

    def place(self, poses: Mapping[str, SE3]) -> None:
        """Put bodies at T_base_body."""
        for name, T in poses.items():
            frame = self._frames.get(name)
            if frame is None:
                continue
            if np.abs(np.asarray(frame.position) - T.t).max() > MOVED:
                frame.position = T.t
            if np.abs(np.asarray(frame.wxyz) - T.quaternion).max() > MOVED:
                frame.wxyz = T.quaternion


def _add(server: viser.ViserServer, name: str, part: Shape) -> None:
    scene = server.scene
    where = {'position': part.T_body_shape.t, 'wxyz': part.T_body_shape.quaternion}
    colour: Any = tuple(int(round(255 * c)) for c in part.rgba[:3])
    looks: dict[str, Any] = {'color': colour, **where}
    if part.rgba[3] < 1.0:
        looks['opacity'] = float(part.rgba[3])
    if part.kind == shapes.BOX:
        scene.add_box(name, dimensions=tuple(part.size), **looks)
    elif part.kind == shapes.CYLINDER:
        scene.add_cylinder(name, radius=float(part.size[0]), height=float(part.size[2]), **looks)
    elif part.kind == shapes.SPHERE:
        scene.add_icosphere(name, radius=1.0, scale=tuple(part.size), **looks)
    elif part.vertices is not None and part.faces is not None:
        scene.add_mesh_simple(name, part.vertices, part.faces, **looks)


class Path:
    """A line through points, one colour a piece."""

    def __init__(self, server: viser.ViserServer, name: str, thickness: float):
        self._line = server.scene.add_line_segments(
            name, NOTHING, np.zeros((1, 2, 3), np.uint8), thickness=thickness,
            thickness_units='screen', visible=False,
        )  # fmt: skip

    def draw(self, points: np.ndarray, colours: np.ndarray) -> None:
        """Draw points (N, 3) with colours (N, 3), 0..255; nothing for fewer than two."""
        self._line.visible = len(points) >= 2
        if len(points) >= 2:
            self._line.points = np.stack([points[:-1], points[1:]], axis=1).astype(np.float32)
            self._line.colors = np.stack([colours[:-1], colours[1:]], axis=1).astype(np.uint8)


def along(count: int) -> np.ndarray:
    """Return (count, 3) colours of a plan: what comes soon is orange, what comes late blue."""
    f = np.linspace(0.0, 1.0, count)[:, None]
    return (1.0 - f) * SOON + f * LATE
