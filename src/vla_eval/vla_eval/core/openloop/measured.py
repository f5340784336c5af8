"""One trace, measured: the arrays that figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.timing import SECOND
from vla_eval.core.openloop import accuracy, smoothness
from vla_eval.core.openloop.accuracy import Distance, Rows
from vla_eval.core.openloop.paths import Geometry, JointPath
from vla_eval.core.openloop.phases import phases
from vla_eval.core.openloop.trace import Shift, Trace

MOTIONS = ('executed', 'measured', 'dry_run')


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion of the tool point.

    Attributes:
        points: (N, 3) m, at the contract's control rate; NaN between pieces.
        jerks: (M,) |third derivative| within the pieces, m/s^3.
        jerks_ns: (M,) when each was.
        jerk: Root mean square, m/s^3; None for too short a motion.
        arc_length: Spectral, of its speed, mean over time of the pieces; None where nothing moves.
    """

    points: np.ndarray
    jerks: np.ndarray
    jerks_ns: np.ndarray
    jerk: float | None
    arc_length: float | None


@dataclass(frozen=True, eq=False)
class Measured:
    """Distances, phases and motions of one trace.

    Attributes:
        trace: Which one.
        phase: (C,) of each chunk's observation, as indices into `PHASES`.
        error: Chunks against what was executed.
        measured_error: Chunks against the measured joints.
        recorded_error: The bag's own chunks against what was executed.
        consistency: Each chunk against the one before.
        shifts: What was taken -> chunks without it against chunks with it.
        motions: Name -> motion, of `MOTIONS`.
        chunk_jerk: (C,) of the way-points of each chunk: m/s^3 of the tool, unit/s^3 of joints.
        unchanged: Chunks that equal what the bag's own run planned from the same observation.
        matched: Chunks whose observation the bag's own run planned from, too.
    """

    trace: Trace
    phase: np.ndarray
    error: Distance
    measured_error: Distance
    recorded_error: Distance
    consistency: Distance
    shifts: Mapping[str, Distance]
    motions: Mapping[str, Motion]
    chunk_jerk: np.ndarray
    unchanged: int
    matched: int


def measure(trace: Trace, contract: RobotContract, geometry: Geometry) -> Measured:
    """Measure a trace."""
    rows = Rows(trace.chunks, geometry)
    paths = {'executed': trace.reference, 'measured': trace.measured, 'dry_run': trace.dry}
    pieces = {name: trace.under_words(path) for name, path in paths.items()}
    until_ns = trace.words_end_ns(np.array(trace.received_ns, np.int64))
    error = accuracy.against(rows, trace.reference, True, until_ns)
    told_ns = [c.timing.published_ns or c.observation_stamp_ns for c in trace.recorded]
    own_until_ns = trace.words_end_ns(np.array(told_ns, np.int64))
    own = Rows(trace.recorded, geometry)
    only_measured = trace.reference is trace.measured
    matched, unchanged = _same(trace.chunks, trace.recorded)
    sample_ns = contract.rates.control_ns
    motions = {name: _motion(found, geometry, sample_ns) for name, found in pieces.items()}
    return Measured(
        trace=trace,
        phase=phases(trace.starts_ns(), trace.measured, geometry),
        error=error,
        measured_error=(
            error if only_measured else accuracy.against(rows, trace.measured, False, until_ns)
        ),
        recorded_error=accuracy.against(own, trace.reference, False, own_until_ns),
        consistency=accuracy.successive(rows),
        shifts={kind: _shift(found, geometry) for kind, found in trace.shifts.items()},
        motions=motions,
        chunk_jerk=_chunk_jerk(rows),
        unchanged=unchanged,
        matched=matched,
    )


def _same(chunks: tuple[ActionChunk, ...], recorded: tuple[ActionChunk, ...]) -> tuple[int, int]:
    """Return how many were planned from the same observation, and how many of those are equal."""
    known = {chunk.observation_stamp_ns: chunk for chunk in recorded}
    pairs = [(c, known[c.observation_stamp_ns]) for c in chunks if c.observation_stamp_ns in known]
    return len(pairs), sum(np.array_equal(a.actions, b.actions) for a, b in pairs)


def _shift(found: tuple[Shift, ...], geometry: Geometry) -> Distance:
    instead = Rows([shift.instead for shift in found], geometry)
    return Rows([shift.planned for shift in found], geometry).distance(instead.points)


def _motion(pieces: Sequence[JointPath], geometry: Geometry, sample_ns: int) -> Motion:
    """Return a motion; what lies between its pieces is none of it, a scene set up anew for one."""
    pieces = [piece for piece in pieces if len(piece) > 1]
    if not pieces:
        return Motion(np.empty((0, 3)), np.empty(0), np.empty(0, np.int64), None, None)
    rate_hz, begin_ns = SECOND / sample_ns, pieces[0].times_ns[0]
    points = np.full(((pieces[-1].times_ns[-1] - begin_ns) // sample_ns + 1, 3), np.nan)
    jerks, times, arcs = [], [], list[tuple[float, int]]()
    for piece in pieces:
        moved = smoothness.on_grid(piece.times_ns, geometry.tool_points(piece), rate_hz)
        place = points[(piece.times_ns[0] - begin_ns) // sample_ns :][: len(moved)]
        place[:] = moved[: len(place)]
        jerks.append(smoothness.jerks(moved, rate_hz))
        times.append(piece.times_ns[0] + np.arange(len(jerks[-1])) * sample_ns)
        arc = smoothness.arc_length(smoothness.speed_of(moved, rate_hz), rate_hz)
        arcs += [] if arc is None else [(arc, len(moved))]
    every = np.concatenate(jerks)
    return Motion(
        points,
        every,
        np.concatenate(times),
        float(np.sqrt(np.mean(every**2))) if len(every) else None,
        _average(arcs),
    )


def _average(weighed: Sequence[tuple[float, int]]) -> float | None:
    total = sum(weight for _, weight in weighed)
    return sum(value * weight for value, weight in weighed) / total if total else None


def _chunk_jerk(rows: Rows) -> np.ndarray:
    found = []
    for chunk, points in zip(rows.chunks, rows.points, strict=True):
        if points is None:
            continue
        linear = points.linear[:, :3] if rows.geometry.layout.tool else points.linear
        jerk = smoothness.rms_jerk(linear, SECOND / chunk.step_ns)
        if jerk is not None:
            found.append(jerk)
    return np.array(found)
