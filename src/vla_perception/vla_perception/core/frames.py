"""The transform tree over a short stretch of time: what tf2's buffer does, with typed refusals.

`lookup` interpolates between stamps. Beside the newest transform of an edge (or the oldest) it
gives that transform as it is, up to the tolerance; it never extends a motion, and it never answers
identity where it does not know.
"""

import numpy as np

from vla_core import rotations
from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_perception.core.errors import (
    PerceptionError,
    TransformGap,
    TransformMissing,
    TransformTooOld,
)
from vla_perception.core.streams import Added, History

EDGE_LIMIT = 1000  # frames in one tree; more are refused, so that memory stays bounded
SAMPLE_LIMIT = 2000  # transforms kept of one edge

_Pose = tuple[np.ndarray, np.ndarray]  # R (3, 3) and t (3,), m: bare, for speed on long chains


class _Edge:
    """T_parent_child over time."""

    def __init__(self, parent: str, child: str, keep_ns: int):
        self.parent = parent
        self.child = child
        self.fixed: SE3 | None = None
        self.history: History[SE3] = History(keep_ns, SAMPLE_LIMIT)

    def __str__(self) -> str:
        return f'{self.parent} -> {self.child}'


class FrameBuffer:
    """Transforms by frame and time.

    Attributes:
        tolerance_ns: Largest time between the time asked for and the nearest transform.
        cleared: Why the history was cleared last, '' if it never was.
    """

    def __init__(self, tolerance_ns: int, keep_ns: int = 3 * SECOND):
        self.tolerance_ns = tolerance_ns
        self.cleared = ''
        self._keep_ns = keep_ns
        self._edges: dict[str, _Edge] = {}  # by child: a frame has one parent
        self._paths: dict[tuple[str, str], tuple[list[_Edge], list[_Edge]]] = {}

    def add(
        self, parent: str, child: str, stamp_ns: int, T_parent_child: SE3, static: bool = False
    ) -> Added:
        """Take a transform in.

        A static one holds at all times and needs no stamp. A child that gets another parent
        leaves its history with the old one.

        Returns:
            What became of it, as `History.add` says; `back` also sets `cleared`.

        Raises:
            PerceptionError: a frame without a name or with itself as parent, a stamp of 0 on a
                transform that is not static, or more frames than are kept.
        """
        parent, child = parent.removeprefix('/'), child.removeprefix('/')
        if not parent or not child or parent == child:
            raise PerceptionError(f'tf: {parent!r} -> {child!r}: two different frames expected')
        if stamp_ns <= 0 and not static:
            raise PerceptionError(f'tf: {parent} -> {child}: a stamp > 0 expected, got {stamp_ns}')
        edge = self._edges.get(child)
        if edge is None or edge.parent != parent:
            if edge is None and len(self._edges) >= EDGE_LIMIT:
                raise PerceptionError(
                    f'tf: {child!r} refused: {EDGE_LIMIT} frames are kept already'
                )
            edge = self._edges[child] = _Edge(parent, child, self._keep_ns)
            self._paths.clear()
        if static:
            edge.fixed = T_parent_child
            edge.history.clear()
            return 'new'
        edge.fixed = None
        added = edge.history.add(stamp_ns, T_parent_child)
        if added == 'back':
            self.cleared = f'{edge}: its stamps went back'
        return added

    def clear(self, reason: str) -> None:
        """Forget what moves; static transforms stay, as they are sent only once."""
        self.cleared = reason
        for edge in self._edges.values():
            edge.history.clear()

    def lookup(self, target: str, source: str, stamp_ns: int) -> SE3:
        """Return T_target_source at a time.

        Raises:
            TransformMissing: the frames are not connected.
            TransformTooOld: an edge ends before the time, by more than the tolerance.
            TransformGap: an edge begins after the time, or has a hole around it.
        """
        down, up = self._path(target, source)
        T_top_source = self._chain(down, target, source, stamp_ns)
        if not up:
            return SE3(*T_top_source)
        R, t = self._chain(up, target, source, stamp_ns)
        return SE3(R.T @ T_top_source[0], R.T @ (T_top_source[1] - t))

    def known_until(self, target: str, source: str) -> int | None:
        """Return the time up to which every edge between two frames is known.

        None where all of them are static.

        Raises:
            TransformMissing: the frames are not connected, or nothing has come of an edge.
        """
        until = None
        for edge in (edge for part in self._path(target, source) for edge in part):
            if edge.fixed is None:
                newest = edge.history.newest
                if newest is None:
                    raise TransformMissing(target, source, f'nothing has come of {edge}')
                until = newest.stamp_ns if until is None else min(until, newest.stamp_ns)
        return until

    def _chain(self, edges: list[_Edge], target: str, source: str, stamp_ns: int) -> _Pose:
        """Return the pose of the first edge's child in the last edge's parent."""
        R, t = np.eye(3), np.zeros(3)
        for edge in edges:
            R_edge, t_edge = self._at(edge, target, source, stamp_ns)
            R, t = R_edge @ R, R_edge @ t + t_edge
        return R, t

    def _at(self, edge: _Edge, target: str, source: str, stamp_ns: int) -> _Pose:
        if edge.fixed is not None:
            return edge.fixed.R, edge.fixed.t
        before, after = edge.history.around(stamp_ns)
        near = edge.history.nearest(stamp_ns)
        if near is None:
            raise TransformMissing(target, source, f'nothing has come of {edge}')
        gap_ns = abs(stamp_ns - near.stamp_ns)
        if gap_ns > self.tolerance_ns:
            error = TransformTooOld if after is None else TransformGap
            raise error(target, source, str(edge), gap_ns, self.tolerance_ns)
        if before is None or after is None or before is after:
            return near.value.R, near.value.t
        fraction = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
        a, b = before.value, after.value
        R = a.R if np.array_equal(a.R, b.R) else rotations.slerp(a.R, b.R, fraction)
        return R, a.t + fraction * (b.t - a.t)

    def _path(self, target: str, source: str) -> tuple[list[_Edge], list[_Edge]]:
        """Return the edges from source and from target up to the first frame they share."""
        found = self._paths.get((target, source))
        if found is not None:
            return found
        down, up = self._ancestry(target, source, source), self._ancestry(target, source, target)
        while down and up and down[-1] is up[-1]:
            down.pop()
            up.pop()
        top_source = down[-1].parent if down else source
        top_target = up[-1].parent if up else target
        if top_source != top_target:
            problem = f'not connected: {target} is under {top_target}, {source} under {top_source}'
            raise TransformMissing(target, source, problem)
        self._paths[target, source] = down, up
        return down, up

    def _ancestry(self, target: str, source: str, frame: str) -> list[_Edge]:
        """Return the edges from a frame up to its root."""
        edges: list[_Edge] = []
        while (edge := self._edges.get(frame)) is not None:
            edges.append(edge)
            frame = edge.parent
            if len(edges) > len(self._edges):
                raise TransformMissing(target, source, f'the frames above {frame} form a loop')
        if not edges and not any(e.parent == frame for e in self._edges.values()):
            raise TransformMissing(target, source, f'nothing has come of frame {frame!r}')
        return edges
