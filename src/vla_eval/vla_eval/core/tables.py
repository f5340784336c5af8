"""A sweep as tables, one row an episode and one row a setting and task: CSV and Parquet."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from vla_eval.core.records import BRIEF
from vla_eval.core.results import EpisodeResult
from vla_eval.core.sweep_json import Played
from vla_eval.core.worker import Job

EPISODES, SUMMARY = 'episodes', 'summary'
NAMES = tuple(f'{name}.{kind}' for name in (EPISODES, SUMMARY) for kind in ('csv', 'parquet'))
GATE = ('ticks', 'clipped', 'refused', 'holds', 'stops')
CHUNKS = ('received', 'refused', 'expired')


def write(folder: Path, played: Sequence[Played], report: dict[str, Any]) -> None:
    """Write `NAMES`: both tables in both forms, each beside its place and renamed.

    The same sweep gives the same bytes: no wall clock is in them.

    Args:
        folder: Of the run.
        played: Every setting's episodes.
        report: The values of report.json.
    """
    rows = {EPISODES: _episodes(played), SUMMARY: list(_summary(report))}
    for name, entries in rows.items():
        table = _table(entries)
        _write(folder / f'{name}.csv', partial(csv.write_csv, table))
        _write(folder / f'{name}.parquet', partial(parquet.write_table, table))


def _table(entries: Sequence[dict[str, Any]]) -> pa.Table:
    """Return rows as a table; a column without any value is one of numbers."""
    table = pa.Table.from_pylist(entries)
    return table.cast(
        pa.schema(
            pa.field(f.name, pa.float64()) if pa.types.is_null(f.type) else f for f in table.schema
        )
    )


def _write(path: Path, write: Callable[[Path], None]) -> None:
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    write(part)
    os.replace(part, path)


def _episodes(played: Sequence[Played]) -> list[dict[str, Any]]:
    return [
        _episode(job, result)
        for entry in played
        for job, result in zip(entry.jobs, entry.results, strict=True)
    ]


def _episode(job: Job, result: EpisodeResult) -> dict[str, Any]:
    conditions, trial = job.conditions, job.trial
    return {
        'policy': conditions.policy,
        'strategy': conditions.strategy,
        'latency': str(conditions.latency),
        'phrasing': conditions.phrasing,
        'ablate': conditions.ablate,
        'seed': conditions.seed,
        'task': trial.task,
        'index': trial.index,
        'episode_seed': trial.seed,
        'instruction': result.instruction,
        'heard': result.heard,
        'success': result.success,
        'steps': result.steps,
        'limit_steps': result.limit,
        **{f'gate_{name}': getattr(result.gate, name) for name in GATE},
        **{f'chunks_{name}': getattr(result.chunks, name) for name in CHUNKS},
        **{f'{stage}_ms': _median(result.stages_ms.get(stage, ())) for stage in BRIEF},
    }


def _median(values: Sequence[float]) -> float | None:
    return round(float(np.median(values)), 6) if len(values) else None


def _summary(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for setting in report['settings']:
        for task, values in setting['tasks'].items():
            low, high = values['ci95']
            yield {
                'policy': setting['policy'],
                'strategy': setting['strategy'],
                'latency': setting['latency'],
                'task': task,
                'episodes': values['episodes'],
                'successes': values['successes'],
                'rate': values['rate'],
                'ci95_low': low,
                'ci95_high': high,
                'mean_steps': values['mean_steps'],
                'limit_steps': values['limit_steps'],
            }
