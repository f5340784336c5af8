"""`./vla bag`: what a bag holds, a whole one made of one that was cut, datasets and back."""

import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vla_core.errors import VlaError
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.repair import repair
from vla_eval.core.bags.survey import survey

DONE, FAILED = 0, 1
LONG = ('contract', 'versions')  # whole files; read them in metadata.yaml


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='bag', allow_abbrev=False)
    parser.add_argument('action', choices=('info', 'repair', 'to-lerobot', 'from-lerobot'))
    parser.add_argument('bag', type=Path, nargs='+')
    parser.add_argument('--out', type=Path)
    parser.add_argument('--robot')
    parser.add_argument('--task')
    parser.add_argument('--codec', default='auto')
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--episode', type=int)
    parser.add_argument('--force', action='store_true')
    given = parser.parse_args(argv)
    try:
        if given.action == 'repair':
            _repair(given.bag[0], given.force)
        elif given.action == 'info':
            _info(given.bag[0])
        else:
            from vla_eval.commands import lerobot  # parquet and video: only where they are needed

            work = lerobot.to_lerobot if given.action == 'to-lerobot' else lerobot.from_lerobot
            work(given, Console())
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED
    except OSError as error:  # a full disk, a folder that went away
        reason = (error.strerror or str(error)).lower()
        print(f'{error.filename or given.out or given.bag[0]}: {reason}', file=sys.stderr)
        return FAILED
    return DONE


def _repair(path: Path, force: bool) -> None:
    done = repair(path, force)
    lost = f'; {done.lost_bytes} bytes lost ({done.damage})' if done.damage else '; nothing lost'
    print(f'kept {done.messages} messages, {done.seconds:.1f} s{lost}')
    print(done.folder)


def _info(path: Path) -> None:
    bag = Bag(path)
    found = survey(bag)
    console = Console()
    state = 'whole' if bag.whole else 'not finished by its recorder: ./vla bag repair'
    state = f'damaged: {found.reading.damage}' if found.reading.damage else state
    begun = datetime.fromtimestamp(found.first_ns / 1e9, UTC).isoformat(timespec='milliseconds')
    size = sum(file.stat().st_size for file in bag.files) / 1e6
    files = f'{len(bag.files)} file{"s" * (len(bag.files) != 1)}'
    lines = [
        str(path),
        f'{found.count} messages, {found.seconds:.2f} s from {begun}',
        f'{files}, {size:.1f} MB, {state}',
    ]
    lines += [f'{k}: {v}' for k, v in found.reading.about.items() if v and k not in LONG]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    table = Table(box=None, pad_edge=False)
    for word in ('topic', 'type', 'messages', 'per second'):
        text = word in ('topic', 'type')
        table.add_column(word, justify='left' if text else 'right', overflow='fold')
    for name, topic in sorted(found.topics.items()):
        span = (topic.last_ns - topic.first_ns) / 1e9
        rate = f'{(topic.count - 1) / span:.1f}' if span else '-'
        table.add_row(name, topic.kind, str(topic.count), rate)
    console.print(table)
