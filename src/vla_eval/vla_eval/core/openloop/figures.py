"""Measured traces as the numbers of a report, each with a sentence that says what it means."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vla_eval.core.openloop.accuracy import Distance
from vla_eval.core.openloop.measured import MOTIONS, Measured
from vla_eval.core.openloop.phases import PHASES
from vla_eval.core.statistics import percentiles

PARTS = {  # name in the report -> field of `Distance`
    'position_m': 'position',
    'angle_rad': 'angle',
    'joints': 'joints',
    'gripper_wrong': 'gripper',
}
MEANING = {
    'error': 'How far each row of a chunk lies from what was executed at the time that the row '
    'is meant for, while the same words were in force; row 1 is the nearest future. Small numbers '
    'say that the policy would have done what was done, not that it would have succeeded.',
    'error.by_column': 'The same, column by column of the action, in the unit of the column.',
    'error.position_m': 'Distance between tool points, m.',
    'error.angle_rad': 'Geodesic angle between the rotations of the tool, rad: the one rotation '
    'that turns one into the other.',
    'error.joints': 'Largest distance among joints that are told as positions, rad or m.',
    'error.gripper_wrong': 'Share of rows that ask for an open gripper where it was closed, or '
    'the other way round.',
    'measured_error': 'As error, against the measured joints, which lag behind what is commanded.',
    'recorded': "The bag's own run: its chunks against what was executed, and its latencies. "
    'What a policy that executes a few rows and plans again makes of itself: no zero.',
    'consistency': 'How far a chunk contradicts the one before, at the same times. A policy '
    'that changes its mind at every look moves in jerks, however small its errors are.',
    'smoothness': 'jerk: root mean square of the third derivative of the tool point, m/s^3, of '
    'what is slower than 10 Hz. arc_length: of the spectrum of its speed (SPARC); nearer to 0 is '
    'smoother, a single reach has about -1.5, and it depends neither on size nor on duration. '
    'Both while the same words were in force: what lies between episodes is no motion.',
    'gate': 'What strategy and gate make of these chunks while nothing moves: ticks in which a '
    'limit changed what was asked for (clipped) or a row was not followed (refused), by check. '
    'That the recorded robot did not follow is not judged.',
    'staleness_ms': 'Age of each stream when an observation was made of it, and the time between '
    'the pictures of one observation.',
    'observations': 'Observations made of the bag under an instruction, and pictures of the first '
    'camera that served none, by reason.',
    'phases': 'The errors by what the fingers did when the observation was made. closing, '
    'opening: they travel by more than a quarter of the stroke a second; holding: at rest, less '
    'than three quarters open; free: at rest and open.',
    'sensitivity': 'How far chunks move when pictures are black (no-vision) or the words name '
    'another object (wrong-words). Near 0 the policy does not look, or does not listen.',
    'committed': 'Chunks that were told what would be executed anyway, as the bag tells it.',
}


def summary(runs: Sequence[Measured]) -> dict[str, Any]:
    """Return the figures of runs that belong together: one policy, one strategy, any bags."""
    columns = next((c.columns for r in runs for c in r.trace.chunks), ())
    return {
        'reference': _reference(runs),
        'error': _by_step([r.error for r in runs], columns),
        'measured_error': _by_step([r.measured_error for r in runs], ()),
        'recorded': {
            'chunks': sum(len(r.trace.recorded) for r in runs),
            'matched': sum(r.matched for r in runs),
            'unchanged': sum(r.unchanged for r in runs),
            'error': _by_step([r.recorded_error for r in runs], ()),
            'latency_ms': _stages([r.trace.recorded_ms for r in runs]),
        },
        'consistency': _spread([r.consistency for r in runs]),
        'smoothness': _smoothness(runs),
        'gate': {
            'clipped_by': _counts(r.trace.clipped for r in runs),
            'refused_by': _counts(r.trace.refused for r in runs),
        },
        'staleness_ms': _stages([r.trace.staleness_ms for r in runs]),
        'observations': {
            'made': sum(r.trace.observations for r in runs),
            'refused': _counts(r.trace.refusals for r in runs),
        },
        'committed': sum(r.trace.committed for r in runs),
        'phases': _phases(runs),
        'sensitivity': {
            kind: _spread([r.shifts[kind] for r in runs if kind in r.shifts])
            for kind in ('no-vision', 'wrong-words')
            if any(kind in r.shifts for r in runs)
        },
    }


def _reference(runs: Sequence[Measured]) -> str:
    found = {'measured' if r.trace.reference is r.trace.measured else 'commanded' for r in runs}
    return ' and '.join(sorted(found))


def _by_step(distances: Sequence[Distance], columns: Sequence[str]) -> dict[str, Any]:
    """Return means over chunks for each row, and over all of it."""
    horizon = max((d.columns.shape[1] for d in distances), default=0)
    steps = []
    for k in range(horizon):
        rows = [d for d in distances if d.columns.shape[1] > k]
        entry: dict[str, Any] = {'row': k + 1}
        entry |= {name: _mean([getattr(d, f)[:, k] for d in rows]) for name, f in PARTS.items()}
        entry['count'] = int(sum(d.known[:, k].sum() for d in rows))
        steps.append(entry)
    found: dict[str, Any] = {
        'mean': {name: _mean([getattr(d, f) for d in distances]) for name, f in PARTS.items()},
        'by_row': steps,
    }
    if columns:
        found['by_column'] = {
            name: [
                _mean([d.columns[:, k, a] for d in distances if d.columns.shape[1] > k])
                for k in range(horizon)
            ]
            for a, name in enumerate(columns)
        }
    return found


def _spread(distances: Sequence[Distance]) -> dict[str, Any]:
    """Return mean, 95th percentile and largest of the means over each chunk's rows."""
    found: dict[str, Any] = {}
    for name, part in PARTS.items():
        values = _finite([per_chunk(getattr(d, part)) for d in distances])
        if not len(values):
            found[name] = None
        elif part == 'gripper':
            found[name] = _round(values.mean())
        else:
            found[name] = {
                'mean': _round(values.mean()),
                'p95': _round(np.percentile(values, 95)),
                'max': _round(values.max()),
            }
    found['chunks'] = int(sum(d.known.any(axis=1).sum() for d in distances))
    return found


def per_chunk(values: np.ndarray) -> np.ndarray:
    """Return the mean of the known rows of each chunk (C,), NaN where none is known."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _smoothness(runs: Sequence[Measured]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in MOTIONS:
        motions = [r.motions[name] for r in runs]
        found[name] = {
            'jerk': _mean([np.array([m.jerk]) for m in motions if m.jerk is not None]),
            'arc_length': _mean(
                [np.array([m.arc_length]) for m in motions if m.arc_length is not None]
            ),
        }
    found['chunks'] = {'jerk': _mean([r.chunk_jerk for r in runs])}
    return found


def _phases(runs: Sequence[Measured]) -> dict[str, Any]:
    found = {}
    for index, name in enumerate(PHASES):
        distances = [r.error.of(r.phase == index) for r in runs]
        count = int(sum((r.phase == index).sum() for r in runs))
        if count:
            means = {n: _mean([getattr(d, f) for d in distances]) for n, f in PARTS.items()}
            found[name] = {'chunks': count, **means}
    return found


def _stages(figures: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    names = dict.fromkeys(name for f in figures for name in f)
    return {n: percentiles(v for f in figures for v in f.get(n, ())) for n in names}


def _counts(counters: Iterable[Counter[str]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return {str(name): int(total[name]) for name in sorted(total)}


def _finite(arrays: Sequence[np.ndarray]) -> np.ndarray:
    flat = np.concatenate([np.ravel(a).astype(float) for a in arrays]) if arrays else np.empty(0)
    return np.asarray(flat[np.isfinite(flat)])


def _mean(arrays: Sequence[np.ndarray]) -> float | None:
    values = _finite(arrays)
    return _round(values.mean()) if len(values) else None


def _round(value: float) -> float:
    return round(float(value), 9)
