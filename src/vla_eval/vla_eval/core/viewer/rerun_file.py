"""A file that Rerun opens. It is written beside and renamed; no window is shown, no port opened.

Only this module imports `rerun`, an optional extra (requirements/rerun.txt).
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rerun as rr
import rerun.blueprint as rrb

from vla_core.chunk import ActionChunk
from vla_core.se3 import SE3
from vla_eval.core.errors import EvalError
from vla_eval.core.viewer import shapes
from vla_eval.core.viewer.drawing import MOVED
from vla_eval.core.viewer.shapes import Shape

TIMELINE = 'ros_time'
WORLD = 'world'  # all poses below it are those of the base frame
LEVELS = {'good': 'INFO', 'note': 'INFO', 'warn': 'WARN', 'bad': 'ERROR'}
LINE_M = 0.003
JPEG_QUALITY = 90


class RerunError(EvalError):
    """A recording cannot be written; the message names its file and says why."""


class RerunFile:
    """A recording under way; what is said goes to the time that `at` named last.

    Args:
        path: Where it will lie when it is whole.
        cameras: Keys of the cameras, for the views with which Rerun opens it.
        title: What Rerun calls it.

    Raises:
        RerunError: the folder cannot be written.
    """

    def __init__(self, path: Path, cameras: Sequence[str], title: str):
        self._path, self._part = path, path.with_name(f'{path.name}.part')
        self._poses: dict[str, SE3] = {}
        self._to = rr.RecordingStream('vla', default_enabled=True)
        try:
            self._to.save(self._part, default_blueprint=_views(cameras))
        except (OSError, RuntimeError) as error:
            raise RerunError(f'--rerun {path}: {" ".join(str(error).split())}') from None
        if not self._part.exists():  # the library's own switch, an environment variable
            raise RerunError('--rerun: RERUN says that nothing is to be recorded; unset it')
        self._to.send_recording_name(title)
        self._log(WORLD, rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)

    # ---- its end

    def keep(self) -> None:
        """Finish the file and put it where it belongs."""
        self._close()
        os.replace(self._part, self._path)

    def drop(self) -> None:
        """Leave nothing behind."""
        self._close()
        self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        self._to.flush()
        self._to.disconnect()

    # ---- what is said

    def at(self, stamp_ns: int) -> None:
        """Name the time of what follows, ROS time."""
        self._to.set_time(TIMELINE, timestamp=np.datetime64(stamp_ns, 'ns'))

    def name_series(self, path: str, names: Sequence[str]) -> None:
        """Give the numbers of a path their names."""
        self._log(path, rr.SeriesLines(names=list(names)), static=True)

    def numbers(self, path: str, values: Sequence[float] | np.ndarray) -> None:
        """Add a moment of one time series or of several."""
        self._log(path, rr.Scalars(np.asarray(values, float)))

    def words(self, path: str, text: str) -> None:
        """Say what holds from now on."""
        self._log(path, rr.TextDocument(text))

    def event(self, grade: str, text: str) -> None:
        """Add a line to the events."""
        self._log('events', rr.TextLog(text, level=LEVELS[grade]))

    def picture(self, key: str, image: np.ndarray) -> None:
        """Add a camera's picture (H, W, 3) uint8 RGB."""
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        picture = rr.EncodedImage(contents=data.tobytes(), media_type='image/jpeg')
        self._log(f'{camera(key)}/picture', picture)

    def optics(self, key: str, K: np.ndarray, size: tuple[int, int]) -> None:
        """Say how a camera sees: intrinsics (3, 3) without distortion, width and height."""
        self._log(camera(key), rr.Pinhole(image_from_camera=K, resolution=size))

    def no_optics(self, key: str) -> None:
        """Say that it is not known any more how a camera sees, and where it is."""
        self._poses.pop(camera(key), None)
        self._log(camera(key), rr.Clear(recursive=False))

    def place_camera(self, key: str, T_base_optical: SE3) -> None:
        """Put a camera's optical frame where it is."""
        self._place(camera(key), T_base_optical)

    def place(self, root: str, poses: Mapping[str, SE3]) -> None:
        """Put bodies of a root at T_base_body."""
        for name, T in poses.items():
            self._place(f'{WORLD}/{root}/{name}', T)

    def shapes(self, root: str, parts: Sequence[Shape]) -> None:
        """Say what the bodies of a root look like."""
        for number, part in enumerate(parts):
            path = f'{WORLD}/{root}/{part.body}/{number}'
            self._log(path, _drawn(part), static=True)
            T = part.T_body_shape
            self._log(path, _transform(T), static=True)

    def line(self, name: str, points: np.ndarray, colours: np.ndarray) -> None:
        """Draw points (N, 3) in the base frame, with colours (N, 3) 0..255; nothing below two."""
        strips: Any = np.stack([points[:-1], points[1:]], axis=1) if len(points) > 1 else []
        found = rr.LineStrips3D(strips, colors=colours[: len(strips)], radii=LINE_M)
        self._log(f'{WORLD}/{name}', found)

    def chunk(self, chunk: ActionChunk) -> None:
        """Add the rows of a chunk as they were planned."""
        about = rr.AnyValues(
            columns=list(chunk.columns), sequence=chunk.sequence, epoch=chunk.epoch,
            t0_ns=chunk.t0_ns, step_ns=chunk.step_ns,
        )  # fmt: skip
        rows = rr.Tensor(np.array(chunk.actions, np.float64), dim_names=('row', 'column'))
        self._log('chunk', rows, about)

    def _place(self, path: str, T: SE3) -> None:
        before = self._poses.get(path)
        if before is None or np.abs(before.matrix - T.matrix).max() > MOVED:
            self._poses[path] = T
            self._log(path, _transform(T))

    def _log(self, path: str, *what: Any, static: bool = False) -> None:
        self._to.log(path.split('/'), *what, static=static)


def camera(key: str) -> str:
    """Return a camera's path; a slash in its key is no level of its own."""
    return f'{WORLD}/cameras/{key.replace("/", "_")}'


def _transform(T: SE3) -> Any:
    w, x, y, z = T.quaternion
    return rr.Transform3D(translation=T.t, quaternion=(x, y, z, w))


def _drawn(part: Shape) -> Any:
    colour = [int(round(255 * c)) for c in part.rgba]
    solid: dict[str, Any] = {'colors': colour, 'fill_mode': 'solid'}
    if part.kind == shapes.BOX:
        return rr.Boxes3D(sizes=[part.size], **solid)
    if part.kind == shapes.CYLINDER:
        return rr.Cylinders3D(lengths=[part.size[2]], radii=[part.size[0]], **solid)
    if part.kind == shapes.SPHERE:
        return rr.Ellipsoids3D(half_sizes=[part.size], **solid)
    return rr.Mesh3D(
        vertex_positions=part.vertices, triangle_indices=part.faces, albedo_factor=colour
    )


def _views(cameras: Sequence[str]) -> Any:
    lines = [f'/{WORLD}/plan', f'/{WORLD}/executed']
    pictures = [
        rrb.Spatial2DView(
            origin=rr.new_entity_path(camera(key).split('/')),
            contents=['$origin/**', *lines],
            name=key,
        )
        for key in cameras
    ]
    series = [rrb.TimeSeriesView(origin=f'/{name}') for name in ('joints', 'tool', 'latency_ms')]
    texts = [rrb.TextDocumentView(origin='/instruction'), rrb.TextLogView(origin='/events')]
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Vertical(
                rrb.Spatial3DView(origin=f'/{WORLD}'),
                rrb.Horizontal(*pictures),
                row_shares=[2, 1],
            ),
            rrb.Vertical(*texts, rrb.TimeSeriesView(origin='/gate_ticks'), *series),
            column_shares=[3, 2],
        ),
        collapse_panels=True,
    )
