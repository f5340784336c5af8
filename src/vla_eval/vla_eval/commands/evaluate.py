"""`./vla eval`: many episodes, in virtual time or through the live graph, and a report."""

import sys
import time
from argparse import ArgumentParser, Namespace

from rich.console import Console

from vla_cli import sweep
from vla_core.errors import VlaError
from vla_eval.commands import evaluate_bag, regression, request, screen
from vla_eval.commands.request import Request

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
    evaluate_bag.add_options(parser)
    parser.add_argument('--ray')
    regression.add_options(parser)
    options = parser.parse_args(argv)
    try:
        if sweep.asked(options):
            from vla_eval.commands import sweeping  # torch takes seconds

            return sweeping.run(options)
        asked = regression.attach(request.read(options), options)
        return _run(asked, options) or regression.status(asked)
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED


def _run(asked: Request, options: Namespace) -> int:
    if options.bag:
        return evaluate_bag.run(asked, options)
    if options.graph:
        from vla_eval.commands import live  # ROS only where it is asked for

        return live.go_on(asked, options.transport)
    return _virtual(asked, options)


def _virtual(asked: Request, options: Namespace) -> int:
    from vla_eval.commands import sitting  # torch and matplotlib take seconds
    from vla_eval.core import report
    from vla_eval.core.worker import Job

    console = Console()
    source = asked.provenance()
    start_s = time.monotonic()
    jobs = [Job(asked.conditions, trial) for trial in asked.trials]
    results = sitting.play(console, asked.out, asked.root, jobs, options.workers, options.ray)
    wall = {'seconds': round(time.monotonic() - start_s, 3), 'workers': options.workers}
    written = report.write(
        asked.out,
        results,
        asked.conditions,
        'virtual',
        source,
        wall,
        asked.repeat(),
        asked.more,
    )
    sitting.finish(asked.out)
    screen.show_score(console, written.values)
    screen.show_paths(console, (written.json, written.html))
    return DONE
