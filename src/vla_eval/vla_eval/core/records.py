"""Results as plain values and back: all that was counted and timed, nothing that was seen."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from vla_core.command import ChunkCounts, GateCounts
from vla_eval.core.episodes import Trial
from vla_eval.core.results import EpisodeResult

BRIEF = ('capture_to_command', 'inference')  # stages of which a long sweep keeps every number
PLAIN = ('instruction', 'heard', 'success', 'steps', 'limit', 'first_motion_ns', 'attempts')

Stages = Mapping[str, tuple[float, ...]]


def figures(result: EpisodeResult, brief: bool = False) -> dict[str, Any]:
    """Return a result as plain values.

    Args:
        result: Of an episode.
        brief: Only the stages `BRIEF` are kept.
    """
    return {
        **{name: getattr(result, name) for name in PLAIN},
        'gate': asdict(result.gate),
        'chunks': asdict(result.chunks),
        'stages_ms': _stages(result.stages_ms, brief),
        'wall_ms': _stages(result.wall_ms, brief),
    }


def result(trial: Trial, values: Mapping[str, Any]) -> EpisodeResult:
    """Return the result that `figures` made plain, exactly."""
    return EpisodeResult(
        trial=trial,
        **{name: values[name] for name in PLAIN},
        gate=GateCounts(**values['gate']),
        chunks=ChunkCounts(**values['chunks']),
        stages_ms={stage: tuple(ms) for stage, ms in values['stages_ms'].items()},
        wall_ms={stage: tuple(ms) for stage, ms in values['wall_ms'].items()},
    )


def _stages(stages: Stages, brief: bool) -> dict[str, list[float]]:
    return {s: [float(x) for x in ms] for s, ms in stages.items() if not brief or s in BRIEF}
