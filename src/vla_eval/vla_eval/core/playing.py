"""Plays many episodes so that they can be gone on with, and shows only what a page shows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from vla_eval.core import records
from vla_eval.core.journal import Journal, Key
from vla_eval.core.results import FILMS, EpisodeResult
from vla_eval.core.worker import Job

# Plays jobs anywhere; yields (index of the job, result) as they come.
Runner = Callable[[Sequence[Job]], Iterable[tuple[int, EpisodeResult]]]


def key(job: Job) -> Key:
    """Return the journal's name of a job: all that differs between the jobs of one run."""
    c = job.conditions
    return '|'.join((c.policy, c.strategy, str(c.latency), str(c.seed), job.trial.task)), (
        job.trial.index
    )


def play(
    jobs: Sequence[Job], journal: Journal, runner: Runner, seen: Callable[[EpisodeResult], None]
) -> list[EpisodeResult]:
    """Play what the journal does not hold; return all results in the order of the jobs.

    Films are kept of the first failures of each task; with those of earlier sittings they are made
    by playing these few episodes once more, which gives the same.

    Args:
        jobs: All episodes of the run.
        journal: Takes each one down as soon as it is over.
        runner: Plays those that are missing.
        seen: Told of every result, those in the journal first.
    """
    there = {
        index: records.result(job.trial, journal.episodes[key(job)])
        for index, job in enumerate(jobs)
        if key(job) in journal.episodes
    }
    for result in there.values():
        seen(result)
    missing = [index for index in range(len(jobs)) if index not in there]
    found = dict(there)
    films: dict[str, list[int]] = defaultdict(list)
    for position, result in runner([jobs[index] for index in missing]):
        index = missing[position]
        job = jobs[index]
        values = records.figures(result, brief=not job.detailed)
        journal.add(*key(job), values)
        found[index] = result if job.detailed else records.result(job.trial, values)
        seen(result)
        if result.film is not None:
            films[job.trial.task].append(index)
            _let_go(films[job.trial.task], found)
    shown = _shown(jobs, found)
    again = [index for index in shown if index in there or not jobs[index].detailed]
    for position, result in runner([replace(jobs[index], detailed=True) for index in again]):
        found[again[position]] = _dressed(found[again[position]], result)
    return [found[index] for index in range(len(jobs))]


def _let_go(held: list[int], found: dict[int, EpisodeResult]) -> None:
    """Drop the films that are not among a task's first; a long run would not fit in memory."""
    held.sort()
    for index in held[FILMS:]:
        found[index] = replace(found[index], film=None)
    del held[FILMS:]


def _shown(jobs: Sequence[Job], found: Mapping[int, EpisodeResult]) -> list[int]:
    """Return which episodes a page shows: the first failures, and of one run those in detail."""
    failures: dict[str, int] = defaultdict(int)
    chosen = []
    for index, job in enumerate(jobs):
        task = job.trial.task
        failed = not found[index].success
        failures[task] += failed
        if (failed and failures[task] <= FILMS) or (job.detailed and job.trial.index == 0):
            chosen.append(index)
    return chosen


def _dressed(result: EpisodeResult, seen: EpisodeResult) -> EpisodeResult:
    return replace(result, film=seen.film, pictures=seen.pictures, path=seen.path)
