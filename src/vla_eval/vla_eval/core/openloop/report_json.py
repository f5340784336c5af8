"""report.json of an evaluation by bags; but for `provenance` and `wall` it follows from the seed.

What stands at the top (`chunks`, `gate`, `latency_ms`, `strategy`, `policy`) means what it means
in every report; `open_loop` is what only a bag can say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vla_core.latency import Latency
from vla_core.timing import SECOND
from vla_eval.core.openloop import figures
from vla_eval.core.openloop.measured import Measured
from vla_eval.core.report_json import STAGES
from vla_eval.core.results import add_chunks, add_gate
from vla_eval.core.statistics import percentiles

FORMAT = 1
NOTED = ('robot', 'policy', 'checkpoint_digest', 'strategy', 'task', 'seed', 'outcome')


def build(
    runs: Sequence[Measured],
    *,
    policy: str,
    strategy: str,
    ablate: str,
    latency: Latency,
    clock: str,
    provenance: Mapping[str, Any],
    wall: Mapping[str, Any],
    comparisons: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the report as plain values.

    Args:
        runs: One a bag.
        policy: That planned.
        strategy: Of the dry run.
        ablate: What was taken from the policy, '' for nothing.
        latency: Of each chunk.
        clock: `virtual` or `graph`.
        provenance: Where the figures come from.
        wall: Further figures of the wall clock.
        comparisons: See `compare`.
    """
    traces = [r.trace for r in runs]
    seconds = sum(t.seconds for t in traces)
    wall_s, replay_s = sum(t.wall_s for t in traces), sum(t.replay_s for t in traces)
    return {
        'format': FORMAT,
        'kind': 'open_loop',
        'clock': clock,
        'strategy': strategy,
        'policy': policy,
        'ablate': ablate or None,
        'latency': str(latency),
        'chunks': asdict(add_chunks([t.counts for t in traces])),
        'gate': asdict(add_gate([t.gate for t in traces])),
        'latency_ms': _latency([t.stages_ms for t in traces]),
        'open_loop': figures.summary(runs),
        'meaning': figures.MEANING,
        'comparisons': list(comparisons),
        'bags': [_bag(r, len(runs) > 1) for r in runs],
        'provenance': dict(provenance),
        'wall': {
            **wall,
            'bag_seconds': round(seconds, 6),
            'loop_seconds': round(wall_s, 6),
            'replay_seconds': round(replay_s, 6),
            'times_real_time': round(seconds / replay_s, 3) if replay_s > 0 else None,
            'latency_ms': _latency([t.wall_ms for t in traces]),
        },
    }


def _latency(stages: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    names = list(dict.fromkeys([*STAGES, *(name for s in stages for name in s)]))
    return {n: percentiles(v for s in stages for v in s.get(n, ())) for n in names}


def _bag(run: Measured, apart: bool) -> dict[str, Any]:
    trace = run.trace
    found: dict[str, Any] = {
        'name': trace.name,
        'seconds': round(trace.seconds, 6),
        'clock_offset_s': round(trace.offset_ns / SECOND, 6),
        'left_out': dict(trace.left_out),
        'recorded_by': {key: trace.about[key] for key in NOTED if trace.about.get(key)},
        'words': [
            {'at_s': round((at_ns - trace.begin_ns) / SECOND, 6), 'text': text}
            for at_ns, text in trace.words
        ],
        'chunks': asdict(trace.counts),
        'gate': asdict(trace.gate),
    }
    if apart:
        found['open_loop'] = figures.summary([run])
    return found
