"""Starts the live graph, runs the episodes through it, writes the report."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from vla_cli.errors import RunError, UsageError
from vla_cli.graph.graph import Graph
from vla_core.contract import load
from vla_core.timing import SECOND
from vla_eval.commands import screen
from vla_eval.commands.request import Request
from vla_eval.commands.view_process import ViewProcess
from vla_eval.core.episodes import Trial
from vla_eval.core.results import EpisodeResult
from vla_eval.ros.client import GraphClient, GraphError, join
from vla_eval.ros.episodes import LiveEpisodes
from vla_eval.ros.recording import Moment

DONE, FAILED = 0, 1
LOG = 'graph.log'
BAGS = 'bags'


def run(asked: Request, transport: str, view: bool = False, record: bool = False) -> int:
    """Return the exit status.

    Args:
        asked: What to run.
        transport: Name of the graph's transport profile.
        view: Whether the run is shown live.
        record: Whether everything is recorded, a bag an episode, beside the report.
    """
    return _run(asked, transport, Console(), {}, lambda result: None, view, record)


def go_on(asked: Request, transport: str) -> int:
    """Run the episodes that the folder does not hold from a run that was ended.

    Films, pictures and paths are of this sitting's episodes: in a live graph no episode can be
    repeated exactly.

    Raises:
        RequestError: the folder holds episodes of another run, or of one under way.
    """
    from vla_eval.commands import sitting  # torch takes seconds, which a demo spares
    from vla_eval.core import playing, records
    from vla_eval.core.worker import Job

    console = Console()
    jobs = {trial: Job(asked.conditions, trial) for trial in asked.trials}
    keys = {trial: playing.key(job) for trial, job in jobs.items()}
    every = list(jobs.values())
    decides = sitting.source(asked.root, every) | {'clock': 'graph', 'transport': transport}
    with sitting.opened(console, asked.out, decides, every) as journal:
        there = {
            trial: records.result(trial, journal.episodes[key])
            for trial, key in keys.items()
            if key in journal.episodes
        }

        def keep(result: EpisodeResult) -> None:
            journal.add(*keys[result.trial], records.figures(result))

        status = _run(asked, transport, console, there, keep)
    if status == DONE:
        sitting.finish(asked.out)
    return status


def _run(
    asked: Request,
    transport: str,
    console: Console,
    there: Mapping[Trial, EpisodeResult],
    keep: Callable[[EpisodeResult], None],
    view: bool = False,
    record: bool = False,
) -> int:
    log = asked.out / LOG
    log.unlink(missing_ok=True)
    arguments = _arguments(asked, transport)
    if record:
        bags = asked.out / BAGS
        shutil.rmtree(bags, ignore_errors=True)
        arguments |= {'record': 'true', 'bags': str(bags)}
    try:
        graph = Graph(arguments, os.environ, log)
    except (UsageError, RunError) as error:
        print(error, file=sys.stderr)
        return error.status
    start_s = time.monotonic()
    try:
        with graph:
            console.print(f'graph on DDS domain {graph.domain_id}', highlight=False)
            results, moments = _episodes(asked, graph, console, view, there, keep)
    except GraphError as error:
        print(_why(error, graph, log), file=sys.stderr)
        return FAILED
    wall = {'seconds': round(time.monotonic() - start_s, 3)}
    return _report(asked, _with_pictures(asked, results, moments), wall, console)


def _arguments(asked: Request, transport: str) -> dict[str, str]:
    conditions = asked.conditions
    found = {
        'robot': conditions.contract.stem,
        'policy': conditions.policy,
        'strategy': conditions.strategy,
        'transport': transport,
        'latency_ms': str(conditions.latency),
    }
    if conditions.ablate == 'no-vision':  # wrong words are simply given
        found['ablate'] = conditions.ablate
    return found


def _episodes(
    asked: Request,
    graph: Graph,
    console: Console,
    view: bool,
    there: Mapping[Trial, EpisodeResult],
    keep: Callable[[EpisodeResult], None],
) -> tuple[list[EpisodeResult], dict[Trial, list[Moment]]]:
    """Run the episodes that are not there; return also what the simulator told of the first."""
    join(graph.variables)
    robot = asked.conditions.contract.stem
    client = GraphClient(load(asked.conditions.contract))
    results = []
    try:
        with (
            ViewProcess(view, robot, graph.variables, console),
            screen.EpisodeBar(console, len(asked.trials)) as bar,
        ):
            episodes = LiveEpisodes(
                client,
                asked.conditions,
                graph.alive,
                on_motion=lambda: _say_motion(console),
                on_words=bar.begin,
            )
            for trial in asked.trials:
                if trial in there:
                    results.append(there[trial])
                else:
                    results.append(episodes.run(trial))
                    keep(results[-1])
                bar.add(results[-1])
    finally:
        client.close()
    return results, episodes.moments


def _say_motion(console: Console) -> None:
    started_ns = int(os.environ.get('VLA_STARTED_NS', time.monotonic_ns()))
    seconds = (time.monotonic_ns() - started_ns) / SECOND
    console.print(f'first motion after {seconds:.1f} s', highlight=False)


def _with_pictures(
    asked: Request, results: list[EpisodeResult], moments: dict[Trial, list[Moment]]
) -> list[EpisodeResult]:
    """Draw what the simulator told of the first episodes, after the graph is gone."""
    from vla_eval.core.photographs import Photographer

    photographer = Photographer(load(asked.conditions.contract))
    drawn = []
    for result in results:
        scenes = [
            (m.time_s, photographer.configuration(k, m.joints, m.things))
            for k, m in enumerate(moments.get(result.trial, ()))
        ]
        drawn.append(replace(result, pictures=photographer.photograph(scenes)))
    photographer.close()
    return drawn


def _why(error: GraphError, graph: Graph, log: Path) -> str:
    return graph.failure or f"{error}; the nodes' own words are in {log}"


def _report(
    asked: Request, results: list[EpisodeResult], wall: dict[str, Any], console: Console
) -> int:
    from vla_eval.core import report  # matplotlib takes a second, which the first motion spares

    source = asked.provenance()
    repeat = asked.repeat('--graph')
    written = report.write(
        asked.out, results, asked.conditions, 'graph', source, wall, repeat, asked.more
    )
    screen.show_score(console, written.values)
    screen.show_paths(console, (written.json, written.html))
    return DONE
