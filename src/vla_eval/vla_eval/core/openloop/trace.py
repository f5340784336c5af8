"""What an evaluation of one bag kept, to be measured afterwards."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.command import ChunkCounts, GateCounts
from vla_eval.core.openloop.paths import JointPath

DRY, DEPRIVED, OWN = 'dry_run', 'deprived', 'recorded'  # wall time beside observer and policy


@dataclass(frozen=True, eq=False)
class Shift:
    """How far a chunk moved when the policy was deprived of something.

    Attributes:
        planned: The chunk without that.
        instead: The chunk with it.
    """

    planned: ActionChunk
    instead: ActionChunk


@dataclass(frozen=True, eq=False)
class Trace:
    """One bag, one policy, one strategy.

    Attributes:
        name: Of the bag.
        about: What its recorder noted.
        begin_ns: When it begins.
        seconds: How long it is.
        offset_ns: What the sensors' clock is ahead of the recorder's; mostly 0.
        left_out: Topic of the suite -> why its messages could not be read.
        words: (since, text) of each instruction.
        chunks: What was planned, in order.
        received_ns: When each chunk reached the executor.
        observations: How many were made.
        refusals: Reason -> pictures of the first camera that served none.
        staleness_ms: Stream -> age when an observation was made, one number each.
        committed: How many chunks were told what would be executed anyway.
        measured: The robot's joints.
        commanded: What it was told; empty where the bag does not say.
        recorded: Chunks of the bag's own run.
        recorded_ms: Stage -> ms of the bag's own run.
        dry: Joints that strategy and gate made of the chunks; nothing moved.
        clipped: Check -> ticks in which it changed what was asked for.
        refused: Reason -> ticks in which a row was not followed.
        gate: Counts of the dry run.
        counts: Chunks of the dry run.
        stages_ms: Stage -> ms on the clock of the run.
        shifts: `no-vision`, `wrong-words` -> what changed.
        wall_ms: Stage -> ms by the wall clock.
        wall_s: All of it.
    """

    name: str
    about: Mapping[str, str]
    begin_ns: int
    seconds: float
    offset_ns: int
    words: tuple[tuple[int, str], ...]
    chunks: tuple[ActionChunk, ...]
    received_ns: tuple[int, ...]
    observations: int
    refusals: Counter[str]
    staleness_ms: Mapping[str, tuple[float, ...]]
    committed: int
    measured: JointPath
    commanded: JointPath
    recorded: tuple[ActionChunk, ...]
    recorded_ms: Mapping[str, tuple[float, ...]]
    dry: JointPath
    clipped: Counter[str]
    refused: Counter[str]
    gate: GateCounts
    counts: ChunkCounts
    stages_ms: Mapping[str, tuple[float, ...]]
    left_out: Mapping[str, str] = field(default_factory=dict)
    shifts: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    wall_ms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    wall_s: float = 0.0

    @property
    def replay_s(self) -> float:
        """What observer and policy took of `wall_s`, reading included."""
        beside = (sum(self.wall_ms.get(stage, ())) for stage in (DRY, DEPRIVED, OWN))
        return self.wall_s - sum(beside) / 1000.0

    @property
    def reference(self) -> JointPath:
        """What was executed: as commanded, where the bag says it; else as measured."""
        return self.commanded if len(self.commanded) > 1 else self.measured

    def under_words(self, path: JointPath) -> list[JointPath]:
        """Return the pieces of a path while words were in force, without gaps within."""
        found = []
        ends = [since for since, _ in self.words[1:]] + [np.iinfo(np.int64).max]
        for (since_ns, text), end_ns in zip(self.words, ends, strict=True):
            if text:
                inside = (path.times_ns >= since_ns) & (path.times_ns < end_ns)
                found += JointPath(path.times_ns[inside], path.positions[inside]).pieces()
        return found

    def words_end_ns(self, times_ns: np.ndarray) -> np.ndarray:
        """Return (M,) until when the words that were in force at times stayed so."""
        ends = np.array([since for since, _ in self.words[1:]] + [np.iinfo(np.int64).max])
        return np.asarray(ends[np.searchsorted(ends, times_ns, side='right')])

    def starts_ns(self) -> np.ndarray:
        """Return (C,) the stamps of the observations that chunks were planned from."""
        return np.array([chunk.observation_stamp_ns for chunk in self.chunks], np.int64)
