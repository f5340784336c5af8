"""What one episode gave: counted, timed and, for a few, seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from vla_core.command import ChunkCounts, GateCounts
from vla_core.timing import Timing
from vla_eval.core.episodes import Trial

FILMS = 3  # of failures, a task, are shown


@dataclass(frozen=True, eq=False)
class Path3:
    """Where the tool was asked to be and where it was.

    Attributes:
        time_s: (N,) s since the episode began.
        commanded: (N, 3) tool point of the joint command, m, base frame.
        measured: (N, 3) tool point of the measured joints, m, base frame.
        chunk: (H, 3) way-points of one chunk, m, base frame.
        chunk_time_s: (H,) s since the episode began.
        things: Name -> (x, y) of what lay on the table at the start, m, base frame.
    """

    time_s: np.ndarray
    commanded: np.ndarray
    measured: np.ndarray
    chunk: np.ndarray
    chunk_time_s: np.ndarray
    things: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class EpisodeResult:
    """One episode.

    Attributes:
        trial: Which one.
        instruction: The words that name the task, by which success is judged.
        heard: The words that the policy was given; others only under an ablation.
        success: The simulator's verdict.
        steps: Length in steps of 0.1 s.
        limit: Steps it could have taken.
        gate: The executor's counts in this episode.
        chunks: Chunks that reached the executor.
        stages_ms: Stage -> ms, one number per executed chunk, on the clock of the run.
        wall_ms: Stage -> ms by the wall clock, where the clock of the run is virtual.
        first_motion_ns: When a joint had moved under a command; 0 where none has.
        pictures: (time in s, RGB picture) for the contact sheet; few or none.
        film: (T, H, W, 3) scene camera at 10 Hz, kept for failures only.
        path: The tool's way, for one episode a task.
        attempts: How often it was begun; more than once where the robot died on the way.
    """

    trial: Trial
    instruction: str
    heard: str
    success: bool
    steps: int
    limit: int
    gate: GateCounts
    chunks: ChunkCounts
    stages_ms: Mapping[str, tuple[float, ...]]
    wall_ms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    first_motion_ns: int = 0
    pictures: tuple[tuple[float, np.ndarray], ...] = ()
    film: np.ndarray | None = None
    path: Path3 | None = None
    attempts: int = 1


def add_gate(counts: list[GateCounts]) -> GateCounts:
    """Return the sum over episodes."""
    names = ('ticks', 'clipped', 'refused', 'holds', 'stops')
    return GateCounts(**{n: sum(getattr(c, n) for c in counts) for n in names})


def add_chunks(counts: list[ChunkCounts]) -> ChunkCounts:
    """Return the sum over episodes."""
    names = ('received', 'refused', 'expired')
    return ChunkCounts(**{n: sum(getattr(c, n) for c in counts) for n in names})


def by_stage(timings: Iterable[Timing]) -> dict[str, tuple[float, ...]]:
    """Return stage -> ms, one number per chunk that passed it."""
    found: dict[str, list[float]] = {}
    for timing in timings:
        for stage, ms in timing.stages_ms().items():
            found.setdefault(stage, []).append(ms)
    return {stage: tuple(values) for stage, values in found.items()}
