"""One sitting of `./vla eval`: journal, workers, bar; the next one goes on."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from vla_core.contract import load
from vla_eval.commands import screen
from vla_eval.commands.request import WEIGHT_FREE
from vla_eval.core import playing, pool, provenance, worker
from vla_eval.core.episodes import Conditions
from vla_eval.core.journal import Journal
from vla_eval.core.playing import Runner
from vla_eval.core.results import EpisodeResult
from vla_eval.core.worker import Job

JOURNAL = 'episodes.jsonl'


def play(
    console: Console,
    out: Path,
    root: Path,
    jobs: Sequence[Job],
    workers: int,
    ray: str | None = None,
) -> list[EpisodeResult]:
    """Return the results of all jobs, in their order; those that the folder holds are not played.

    Args:
        console: Shows the progress.
        out: Folder of the run.
        root: The checkout.
        jobs: All of one robot.
        workers: Processes.
        ray: Where they are, see `ray_pool.Cluster`; None: on this machine, without Ray.

    Raises:
        VlaError: an episode cannot be played, or the folder holds those of another run.
    """
    base = jobs[0].conditions
    with (
        opened(console, out, source(root, jobs), jobs) as journal,
        _runner(base, root, workers, ray) as runner,
        screen.EpisodeBar(console, len(jobs)) as bar,
    ):
        return playing.play(jobs, journal, runner, bar.add)


@contextmanager
def opened(
    console: Console, out: Path, decides: Mapping[str, Any], jobs: Sequence[Job]
) -> Iterator[Journal]:
    """Open the journal of a run; say what it holds, and after Ctrl-C what is kept.

    Args:
        console: Is told what is there.
        out: Folder of the run.
        decides: What decides what episodes give, see `source`.
        jobs: All of the run.

    Raises:
        RequestError: the folder holds episodes of another run, or of one under way.
    """
    out.mkdir(parents=True, exist_ok=True)
    with Journal(out / JOURNAL, decides) as journal:
        there = sum(playing.key(job) in journal.episodes for job in jobs)
        if there:
            console.print(f'resuming: {there} of {len(jobs)} episodes are there', highlight=False)
        try:
            yield journal
        except KeyboardInterrupt:
            kept = sum(playing.key(job) in journal.episodes for job in jobs)
            print(
                f'ended: {kept} of {len(jobs)} episodes are kept in {out}; the same command with '
                f'--out {out} goes on',
                file=sys.stderr,
            )
            raise


def finish(out: Path) -> None:
    """Remove the journal of a run whose report is written: to run it again is to play it again."""
    (out / JOURNAL).unlink(missing_ok=True)


def source(root: Path, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what decides what an episode gives, beside what its key in the journal says."""
    base = jobs[0].conditions
    policies = dict.fromkeys(job.conditions.policy for job in jobs)
    return {
        'commit': provenance.commit(root),
        'contract': load(base.contract).digest,
        'phrasing': base.phrasing,
        'ablate': base.ablate,
        'detailed': jobs[0].detailed,
        'checkpoints': {name: checkpoint_digest(base, name) for name in sorted(policies)},
    }


def checkpoint_digest(conditions: Conditions, policy: str) -> str | None:
    """Return the digest of a policy's weights, None where it has none."""
    if policy in WEIGHT_FREE:
        return None
    return provenance.digest(conditions.checkpoints / policy / provenance.WEIGHTS)


def identity(root: Path) -> Mapping[str, Any]:
    """Return what must be equal on every machine of a cluster for figures to be comparable."""
    return {'commit': provenance.commit(root), **provenance.versions()}


@contextmanager
def _runner(base: Conditions, root: Path, workers: int, ray: str | None) -> Iterator[Runner]:
    if ray is None:
        yield _here(base, workers)
        return
    from vla_eval.core.ray_pool import Cluster  # an optional extra

    with Cluster(ray, workers, partial(identity, root)) as cluster:
        yield lambda jobs: cluster.run(worker.build, base.contract, jobs)


def _here(base: Conditions, workers: int) -> Callable[..., Any]:
    return lambda jobs: pool.run(worker.build, base.contract, jobs, workers)
