"""`./vla bench strategies`: every strategy under every latency, on every task; resumable."""

import hashlib
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from vla_core.contract import load
from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._screen import Screen
from vla_eval.bench._strategies import cells, summary
from vla_eval.core import comparison, pool, provenance
from vla_eval.core.comparison import CHECKPOINT, POLICY, Setting
from vla_eval.core.journal import Journal
from vla_sim.core import late_decision

EPISODES, PAGE, DOCUMENT = 'episodes.jsonl', 'strategies.html', 'strategies.md'
LINES = 20
WEIGHTS = 'model.safetensors'


def run(options: BenchOptions, screen: Screen) -> list[Row]:
    """See `vla_eval.bench`. Episodes that `out` holds already are not played again."""
    every = cells.every()
    setting = Setting(options.root, options.seed)
    path = options.out / EPISODES
    if options.force and (options.out / 'bench.json').exists():
        (options.out / 'bench.json').unlink()  # replaced; an unfinished run goes on
        path.unlink(missing_ok=True)
    with Journal(path, _source(setting)) as journal:
        wanted = [
            (cell, index) for cell in every for index in range(cells.episodes(cell, options.quick))
        ]
        jobs = [job for job in wanted if (job[0].name, job[1]) not in journal.episodes]
        if len(jobs) < len(wanted):
            screen.say(f'resuming: {len(wanted) - len(jobs)} of {len(wanted)} episodes are there')
        try:
            with screen.part('strategies', len(jobs), LINES) as part:
                for index, figures in pool.run(comparison.build, setting, jobs, options.workers):
                    cell, episode = jobs[index]
                    journal.add(cell.name, episode, figures)
                    part.advance(note=cell.name)
        finally:  # Ctrl-C shows what there is so far
            found = summary.summaries(every, journal.episodes)
            _show(options, found)
    screen.say(str(options.out / PAGE))
    return summary.rows(every, found, judged=not options.quick)


def _show(options: BenchOptions, found: summary.Summaries) -> None:
    from vla_eval.bench._strategies import document, page  # matplotlib takes its time

    if not found:
        return
    when = datetime.now(UTC).date().isoformat()
    commit = provenance.origin(options.root, options.seed, '', '')['commit']
    kind = 'A quick run, a few episodes in some cells: nothing is judged by it. '
    kind = kind if options.quick else ''
    origin = (
        f'{kind}Commit {commit[:12]}, seed {options.seed}, {when}, {platform.machine()}, '
        f'{len(os.sched_getaffinity(0))} cores.'
    )
    page.write(options.out / PAGE, found, origin, judged=not options.quick)
    document.write(options.out / DOCUMENT, found, origin, judged=not options.quick)
    reference = options.root / 'docs' / 'reference'
    complete = all(
        found[cell].episodes >= cells.episodes(cell, quick=False) if cell in found else False
        for cell in cells.every()
    )
    if complete and reference.is_dir():
        document.write(reference / DOCUMENT, found, origin)


def _source(setting: Setting) -> dict[str, str | int]:
    """Return what decides what an episode gives, besides the code."""
    weights = {
        name: hashlib.sha256((setting.checkpoints / name / WEIGHTS).read_bytes()).hexdigest()[:16]
        for name in (Path(POLICY), CHECKPOINT)
    }
    course = (late_decision.RADIUS, late_decision.CLEARANCE, late_decision.DECIDE)
    return {
        'seed': setting.seed,
        'contract': load(setting.contract).digest,
        'checkpoints': ' '.join(weights.values()),
        'course': ' '.join(f'{metres:g}' for metres in course),
    }
