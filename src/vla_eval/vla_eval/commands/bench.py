"""`./vla bench`: runs a benchmark, shows it, writes bench.json and a figure."""

import importlib
import os
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions, _record
from vla_eval.bench._screen import Screen
from vla_eval.core import provenance

DONE, NOT_OK = 0, 1


def main(argv: list[str]) -> int:
    """Return the exit status: 0 where every row is ok, 1 where one is not."""
    parser = ArgumentParser(prog='bench', allow_abbrev=False)
    parser.add_argument('name')
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=1)
    for name in ('quick', 'peers', 'force'):
        parser.add_argument(f'--{name}', action='store_true')
    given = parser.parse_args(argv)
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    options = BenchOptions(
        root, given.out, given.quick, given.peers, given.seed, given.workers, given.force
    )
    try:
        return run(given.name, options, Screen())
    except VlaError as error:
        print(error, file=sys.stderr)
        return NOT_OK


def run(name: str, options: BenchOptions, screen: Screen) -> int:
    """Run one benchmark; return the exit status."""
    benchmark = importlib.import_module(f'vla_eval.bench.{name}')
    source = {
        **provenance.origin(
            root=options.root,
            seed=options.seed,
            command=os.environ.get('VLA_COMMAND', 'not run by ./vla'),
            started=datetime.now(UTC).isoformat(timespec='seconds'),
        ),
        'quick': options.quick,
        'load': {'begin': os.getloadavg()[0]},
    }
    rows = benchmark.run(options, screen)
    source['load']['end'] = os.getloadavg()[0]
    source['finished'] = datetime.now(UTC).isoformat(timespec='seconds')
    screen.table(rows)
    host, load = source['host'], source['load']
    screen.say(
        f'{host["processor"]}, {host["cores"]} cores, load {load["begin"]:.1f} at the begin,'
        f' {load["end"]:.1f} at the end'
    )
    from vla_eval.bench import _plot  # matplotlib takes its time: not while anything is measured

    figure = _plot.write(options.out, rows)
    paths = [path for path in (figure, _record.write(options.out, rows, source)) if path]
    bad = [row.id for row in rows if not row.ok]
    if bad:
        screen.say(f'not ok: {", ".join(bad)}')
    for path in reversed(paths):
        screen.say(str(path))
    return NOT_OK if bad else DONE
