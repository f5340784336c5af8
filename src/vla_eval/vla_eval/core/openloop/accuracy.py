"""How far chunks lie from what was executed, by row and by column."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vla_control.core.errors import ChunkRefused
from vla_control.core.waypoints import Waypoints
from vla_core.chunk import ActionChunk
from vla_eval.core.openloop.paths import Geometry, JointPath, angles


@dataclass(frozen=True, eq=False)
class Distance:
    """Distances between rows that are meant for the same times; NaN where one is not known.

    Attributes:
        position: (C, H) of the tool points, m; NaN where the robot is told joints only.
        angle: (C, H) geodesic, between the tools' rotations, rad; NaN as well.
        joints: (C, H) largest distance among joints told as positions, rad or m; NaN without any.
        gripper: (C, H) 1 where a gripper is asked to be open and was not, or the other way
            round; 0 where they agree.
        columns: (C, H, A) |difference| of each column, in its unit.
    """

    position: np.ndarray
    angle: np.ndarray
    joints: np.ndarray
    gripper: np.ndarray
    columns: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """(C, H) whether there is anything to compare with."""
        return np.asarray(np.isfinite(self.main))

    @property
    def main(self) -> np.ndarray:
        """(C, H) the distance that stands for all: of positions, or of joints without a tool."""
        return self.joints if np.isnan(self.position).all() else self.position

    def of(self, chunks: np.ndarray) -> 'Distance':
        """Return the distances of some chunks, by a mask (C,)."""
        return Distance(*(getattr(self, name)[chunks] for name in self.__dataclass_fields__))


class Rows:
    """Chunks as way-points, all of one length."""

    def __init__(self, chunks: Sequence[ActionChunk], geometry: Geometry):
        """Read chunks; those that hold no sane numbers are all NaN."""
        self.geometry = geometry
        self.horizon = max((c.horizon for c in chunks), default=0)
        self.chunks = tuple(chunks)
        self.points = [self._points(chunk) for chunk in chunks]

    def _points(self, chunk: ActionChunk) -> Waypoints | None:
        try:
            return self.geometry.layout.waypoints(chunk).select(np.arange(chunk.horizon))
        except ChunkRefused:
            return None

    def distance(self, others: Sequence[Waypoints | None], by_column: bool = False) -> Distance:
        """Return the distances to other way-points.

        Args:
            others: One set a chunk, NaN in `linear` where a row is not known; None: nothing is.
            by_column: Whether columns are compared too; else they are all NaN.
        """
        count, horizon = len(self.chunks), self.horizon
        width = len(self.chunks[0].columns) if count else 0
        position, angle, joints, gripper = np.full((4, count, horizon), np.nan)
        flat = position, angle, joints, gripper
        columns = np.full((count, horizon, width), np.nan)
        for i, (mine, other) in enumerate(zip(self.points, others, strict=True)):
            if mine is None or other is None:
                continue
            parts = self._apart(mine, other)
            for array, part in zip(flat, parts, strict=True):
                array[i, : len(mine)] = part
            if not by_column:
                continue
            rows = self.geometry.layout.actions(_known(other))
            apart = np.abs(self.chunks[i].actions - rows)
            apart[~np.isfinite(other.linear).all(axis=1)] = np.nan
            columns[i, : len(mine)] = apart
        return Distance(position, angle, joints, gripper, columns)

    def _apart(self, a: Waypoints, b: Waypoints) -> tuple[np.ndarray, ...]:
        nothing = np.full(len(a), np.nan)
        layout = self.geometry.layout
        position = angle = joints = gripper = nothing
        if layout.tool:
            position = np.linalg.norm(a.linear[:, :3] - b.linear[:, :3], axis=1)
            angle = np.where(np.isfinite(position), angles(a.quaternion, b.quaternion), np.nan)
        told = slice(3 if layout.tool else 0, None)
        if a.linear[:, told].shape[1]:
            apart = a.linear[:, told] - b.linear[:, told]
            start = told.start or 0
            for k in layout.angles:
                apart[:, k - start] = (apart[:, k - start] + np.pi) % (2 * np.pi) - np.pi
            joints = np.abs(apart).max(axis=1)
        if a.gripper.shape[1]:
            differs = ((a.gripper > 0.5) != (b.gripper > 0.5)).any(axis=1)
            gripper = np.where(np.isfinite(b.linear).all(axis=1), differs.astype(float), np.nan)
        return position, angle, joints, gripper


def _known(points: Waypoints) -> Waypoints:
    """Return way-points with zeros for what is not known: they are taken out again afterwards."""
    return Waypoints(
        points.times_ns,
        np.nan_to_num(points.linear),
        points.quaternion,
        np.nan_to_num(points.gripper),
    )


def against(
    rows: Rows, path: JointPath, by_column: bool = False, until_ns: np.ndarray | None = None
) -> Distance:
    """Return the distances of chunks to a path of joints, see `Rows.distance`.

    Args:
        rows: The chunks.
        path: What was executed.
        by_column: Whether columns are compared too.
        until_ns: (C,) times from which on nothing is known of a chunk: other words were in force
            then, and what was executed was for those.
    """
    if len(path) < 2 or not rows.chunks:
        return rows.distance([None] * len(rows.chunks))
    executed = rows.geometry.waypoints(path)
    others: list[Waypoints | None] = []
    for i, chunk in enumerate(rows.chunks):
        times_ns = chunk.t0_ns + chunk.step_ns * np.arange(chunk.horizon, dtype=np.int64)
        at = executed.sample(times_ns)
        known = path.covers(times_ns)
        if until_ns is not None:
            known &= times_ns < until_ns[i]
        linear = np.where(known[:, None], at.linear, np.nan)
        others.append(Waypoints(times_ns, linear, at.quaternion, at.gripper))
    return rows.distance(others, by_column)


def successive(rows: Rows) -> Distance:
    """Return the distances of each chunk to the one before, where the two overlap in time.

    Chunks of different epochs have nothing to do with each other. (C, H) as the later chunk;
    the first is all NaN.
    """
    others: list[Waypoints | None] = []
    for i, chunk in enumerate(rows.chunks):
        before = rows.points[i - 1] if i else None
        if before is None or rows.chunks[i - 1].epoch != chunk.epoch:
            others.append(None)
            continue
        times_ns = chunk.t0_ns + chunk.step_ns * np.arange(chunk.horizon, dtype=np.int64)
        at = before.sample(times_ns)
        inside = (times_ns >= before.times_ns[0]) & (times_ns <= before.times_ns[-1])
        linear = np.where(inside[:, None], at.linear, np.nan)
        others.append(Waypoints(times_ns, linear, at.quaternion, at.gripper))
    return rows.distance(others)
