"""report.json: a run in numbers, for machines.

Everything outside `provenance` and `wall` follows from the seed in virtual time, byte for byte.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vla_core.timing import Timing
from vla_eval.core.episodes import Conditions
from vla_eval.core.results import EpisodeResult, add_chunks, add_gate
from vla_eval.core.statistics import percentiles, wilson

FORMAT = 1
STAGES = ('capture_to_command', 'inference')  # stated even where no chunk was executed
ORDER = ('capture', 'assemble', *Timing.STAGES)  # the way of a chunk, the whole of it last


def build(
    results: Sequence[EpisodeResult],
    conditions: Conditions,
    clock: str,
    provenance: Mapping[str, Any],
    wall: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the report as plain values.

    Args:
        results: Of the run, in the order of its trials.
        conditions: Of the run.
        clock: `virtual` or `graph`.
        provenance: Where the figures come from.
        wall: Further figures of the wall clock.
    """
    tasks = list(dict.fromkeys(r.trial.task for r in results))
    by_task = {task: _task([r for r in results if r.trial.task == task]) for task in tasks}
    return {
        'format': FORMAT,
        'clock': clock,
        'strategy': conditions.strategy,
        'policy': conditions.policy,
        'phrasing': conditions.phrasing,
        'ablate': conditions.ablate or None,
        'latency': str(conditions.latency),
        'success': round(sum(t['rate'] for t in by_task.values()) / len(by_task), 6),
        'tasks': by_task,
        'latency_ms': _latency([r.stages_ms for r in results]),
        'gate': asdict(add_gate([r.gate for r in results])),
        'chunks': asdict(add_chunks([r.chunks for r in results])),
        'episodes': [_episode(r) for r in results],
        'provenance': dict(provenance),
        'wall': {**wall, 'latency_ms': _latency([r.wall_ms for r in results])},
    }


def text(report: Mapping[str, Any]) -> str:
    """Return it as it is written: JSON, one episode a line."""
    entries = [f'  {json.dumps(key)}: {_lines(value)}' for key, value in report.items()]
    return '{\n' + ',\n'.join(entries) + '\n}\n'


def _lines(value: Any) -> str:
    if isinstance(value, list):
        rows = ',\n'.join(f'    {json.dumps(row, allow_nan=False)}' for row in value)
        return f'[\n{rows}\n  ]'
    return json.dumps(value, indent=2, allow_nan=False).replace('\n', '\n  ')


def _task(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    successes = sum(r.success for r in results)
    low, high = wilson(successes, len(results))
    won = [r.steps for r in results if r.success]
    return {
        'episodes': len(results),
        'successes': successes,
        'rate': round(successes / len(results), 6),
        'ci95': [round(low, 6), round(high, 6)],
        'mean_steps': round(sum(won) / len(won), 3) if won else None,
        'limit_steps': results[0].limit,
    }


def _latency(figures: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    known = list(dict.fromkeys([*STAGES, *(stage for f in figures for stage in f)]))
    stages = sorted(known, key=lambda stage: ORDER.index(stage) if stage in ORDER else len(ORDER))
    return {s: percentiles(v for f in figures for v in f.get(s, ())) for s in stages}


def _episode(result: EpisodeResult) -> dict[str, Any]:
    return {
        'task': result.trial.task,
        'index': result.trial.index,
        'seed': result.trial.seed,
        'instruction': result.instruction,
        'heard': result.heard,
        'success': result.success,
        'steps': result.steps,
        'attempts': result.attempts,
        'gate': asdict(result.gate),
        'chunks': asdict(result.chunks),
    }
