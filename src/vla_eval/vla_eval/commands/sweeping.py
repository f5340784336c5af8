"""`./vla eval` over several policies, strategies, latencies or seeds at once."""

import os
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from vla_cli import values
from vla_core.contract import load
from vla_core.latency import Latency
from vla_eval.commands import request, screen, sitting
from vla_eval.core.sweep import Sweep

DONE = 0


def run(options: Namespace) -> int:
    """Return the exit status.

    Raises:
        VlaError: it cannot be run.
    """
    from vla_eval.core import report_sweep, sweep_json, tables  # matplotlib takes a second

    sweep, root = _read(options)
    console = Console()
    source = _provenance(sweep, root)
    start_s = time.monotonic()
    jobs = {setting: sweep.jobs(setting) for setting in sweep.settings}
    every = [job for found in jobs.values() for job in found]
    results = iter(sitting.play(console, options.out, root, every, options.workers, options.ray))
    played = [
        sweep_json.Played(setting, found, [next(results) for _ in found])
        for setting, found in jobs.items()
    ]
    wall = {'seconds': round(time.monotonic() - start_s, 3), 'workers': options.workers}
    written = report_sweep.write(options.out, sweep, played, source, wall)
    sitting.finish(options.out)
    _show(console, written.values)
    paths = [options.out / name for name in tables.NAMES]
    screen.show_paths(console, (*paths, written.json, written.html))
    return DONE


def _read(options: Namespace) -> tuple[Sweep, Path]:
    first = Namespace(**vars(options))
    for name in ('policy', 'strategy', 'latency_ms', 'seed'):
        setattr(first, name, values.parts(getattr(options, name))[0])
    asked = request.read(first)
    return Sweep(
        base=asked.conditions,
        policies=tuple(values.parts(options.policy)),
        strategies=tuple(values.parts(options.strategy)),
        latencies=tuple(Latency.parse(text) for text in values.parts(options.latency_ms)),
        seeds=tuple(int(text) for text in values.parts(options.seed)),
        tasks=tuple(dict.fromkeys(trial.task for trial in asked.trials)),
        episodes=options.episodes,
    ), asked.root


def _provenance(sweep: Sweep, root: Path) -> Mapping[str, Any]:
    from vla_eval.core import provenance

    contract = load(sweep.base.contract)
    return {
        'contract': {'name': contract.robot, 'digest': contract.digest},
        'checkpoints': {
            policy: sitting.checkpoint_digest(sweep.base, policy) for policy in sweep.policies
        },
        **provenance.origin(
            root,
            sweep.base.seed,
            os.environ.get('VLA_COMMAND', 'not run by ./vla'),
            datetime.now(UTC).isoformat(timespec='seconds'),
        ),
        'seed': list(sweep.seeds),
    }


def _show(console: Console, report: Mapping[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    tasks: Sequence[str] = report['axes']['task']
    for word in ('policy', 'strategy', 'latency ms', *tasks, 'mean', '95 % interval'):
        table.add_column(word, justify='left' if word in ('policy', 'strategy') else 'right')
    for setting in report['settings']:
        low, high = setting['ci95']
        table.add_row(
            Path(setting['policy']).name,
            setting['strategy'],
            setting['latency'],
            *(_count(setting['tasks'][task]) for task in tasks),
            f'{100 * setting["success"]:.1f} %',
            f'{100 * low:.1f} - {100 * high:.1f} %',
        )
    console.print(table)


def _count(task: Mapping[str, Any]) -> str:
    return f'{task["successes"]}/{task["episodes"]}'
