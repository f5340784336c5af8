"""`./vla eval`: many episodes, in virtual time or through the live graph, and a report."""

import sys
import time
from argparse import ArgumentParser

from rich.console import Console

from vla_core.errors import VlaError
from vla_eval.commands import request, screen
from vla_eval.commands.request import Request
from vla_eval.core.results import EpisodeResult

DONE, FAILED = 0, 1


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='evaluate', allow_abbrev=False)
    request.add_options(parser)
    parser.add_argument('--robot', default='tabletop')
    parser.add_argument('--graph', action='store_true')
    parser.add_argument('--latency-ms', default='0')
    parser.add_argument('--ablate', default='')
    parser.add_argument('--phrasing', default='known')
    parser.add_argument('--workers', type=int, default=2)
    options = parser.parse_args(argv)
    try:
        asked = request.read(options)
        if options.graph:
            from vla_eval.commands import live  # ROS only where it is asked for

            return live.run(asked, options.transport)
        return _virtual(asked, options.workers)
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED


def _virtual(asked: Request, workers: int) -> int:
    from vla_eval.core import pool, report, worker  # torch and matplotlib take seconds

    console = Console()
    source = asked.provenance()
    start_s = time.monotonic()
    results: dict[int, EpisodeResult] = {}
    with screen.EpisodeBar(console, len(asked.trials)) as bar:
        for index, result in pool.run(worker.build, asked.conditions, asked.trials, workers):
            results[index] = result
            bar.add(result)
    written = report.write(
        asked.out,
        [results[i] for i in sorted(results)],
        asked.conditions,
        'virtual',
        source,
        {'seconds': round(time.monotonic() - start_s, 3), 'workers': workers},
        asked.repeat(),
    )
    screen.show_score(console, written.values)
    screen.show_paths(console, (written.json, written.html))
    return DONE
