"""Two reports side by side, as plain values: success by task and over all, lengths, conditions."""

from collections.abc import Mapping, Sequence
from typing import Any

from vla_eval.core import paired
from vla_eval.core.paired import Difference

DIGITS = 6
CONDITIONS = ('policy', 'strategy', 'latency', 'phrasing', 'ablate', 'clock')


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a report's `baseline`.

    Args:
        old: The report that counts as the baseline.
        new: Another one of the same tasks.
    """
    tasks = {task: _outcomes(old, task) for task in new['tasks']}
    found = {
        task: paired.compare(_success(before), _success(_outcomes(new, task)))
        for task, before in tasks.items()
    }
    source = old.get('provenance', {})
    return {
        **{name: old.get(name) for name in CONDITIONS},
        'seed': source.get('seed'),
        'commit': source.get('commit'),
        'checkpoint': source.get('checkpoint'),
        'success': values(paired.mean(list(found.values()))),
        'tasks': {
            task: values(difference) | {'steps': _steps(tasks[task], _outcomes(new, task))}
            for task, difference in found.items()
        },
    }


def values(difference: Difference) -> dict[str, Any]:
    """Return a difference as plain values, rounded like the rest of a report."""
    return {
        'baseline': round(difference.old, DIGITS),
        'new': round(difference.new, DIGITS),
        'difference': round(difference.value, DIGITS),
        'ci95': [round(bound, DIGITS) for bound in difference.ci95],
        'pairs': difference.pairs,
        'lost': difference.lost,
        'gained': difference.gained,
        'p': None if difference.p is None else float(f'{difference.p:.4g}'),
        'method': difference.method,
    }


Episodes = Mapping[int, Mapping[str, Any]]  # seed -> entry of a report's `episodes`


def _outcomes(report: Mapping[str, Any], task: str) -> Episodes:
    entries: Sequence[Mapping[str, Any]] = report['episodes']
    return {entry['seed']: entry for entry in entries if entry['task'] == task}


def _success(episodes: Episodes) -> dict[int, bool]:
    return {seed: bool(entry['success']) for seed, entry in episodes.items()}


def _steps(old: Episodes, new: Episodes) -> dict[str, Any] | None:
    both = [
        (old[seed]['steps'], entry['steps'])
        for seed, entry in new.items()
        if seed in old and entry['success'] and old[seed]['success']
    ]
    if not both:
        return None
    mean, ci95 = paired.steps(both)
    return {
        'difference': round(mean, DIGITS),
        'ci95': None if ci95 is None else [round(bound, DIGITS) for bound in ci95],
        'pairs': len(both),
    }
