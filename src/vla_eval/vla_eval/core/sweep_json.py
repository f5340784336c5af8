"""report.json of a sweep: each setting in the words of a run's report, and their differences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vla_eval.core import baseline, paired, report_json
from vla_eval.core.paired import Outcomes
from vla_eval.core.results import EpisodeResult
from vla_eval.core.statistics import mean_interval
from vla_eval.core.sweep import Setting, Sweep
from vla_eval.core.worker import Job

KIND = 'sweep'
KEYS = ('success', 'tasks', 'latency_ms', 'gate', 'chunks')  # of a run's report


@dataclass(frozen=True, eq=False)
class Played:
    """A setting and what it gave, job by job."""

    setting: Setting
    jobs: Sequence[Job]
    results: Sequence[EpisodeResult]


def build(
    sweep: Sweep,
    played: Sequence[Played],
    provenance: Mapping[str, Any],
    wall: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the report as plain values; everything outside `provenance` and `wall` repeats."""
    base = sweep.base
    by_setting = {entry.setting: entry for entry in played}
    return {
        'format': report_json.FORMAT,
        'kind': KIND,
        'clock': 'virtual',
        'phrasing': base.phrasing,
        'ablate': base.ablate or None,
        'axes': {
            'policy': list(sweep.policies),
            'strategy': list(sweep.strategies),
            'latency': [str(latency) for latency in sweep.latencies],
            'seed': list(sweep.seeds),
            'task': list(sweep.tasks),
        },
        'episodes_each': sweep.episodes,
        'settings': [_setting(entry) for entry in played],
        'comparisons': [
            _comparison(axis, by_setting[one], by_setting[other], sweep.tasks)
            for axis, one, other in sweep.pairs()
        ],
        'provenance': dict(provenance),
        'wall': dict(wall),
    }


def _setting(entry: Played) -> dict[str, Any]:
    report = report_json.build(entry.results, entry.jobs[0].conditions, 'virtual', {}, {})
    tasks = report['tasks'].values()
    low, high = mean_interval([t['rate'] for t in tasks], [tuple(t['ci95']) for t in tasks])
    found = {**asdict(entry.setting), **{key: report[key] for key in KEYS}}
    return found | {'ci95': [round(low, 6), round(high, 6)]}


def _comparison(axis: str, one: Played, other: Played, tasks: Sequence[str]) -> dict[str, Any]:
    found = {task: paired.compare(_outcomes(one, task), _outcomes(other, task)) for task in tasks}
    return {
        'axis': axis,
        'baseline': asdict(one.setting),
        'new': asdict(other.setting),
        'success': baseline.values(paired.mean(list(found.values()))),
        'tasks': {task: baseline.values(difference) for task, difference in found.items()},
    }


def _outcomes(entry: Played, task: str) -> Outcomes:
    return {r.trial.seed: r.success for r in entry.results if r.trial.task == task}
