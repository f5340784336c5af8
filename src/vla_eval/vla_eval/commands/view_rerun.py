"""`./vla view --rerun FILE`: a running graph, or a bag, as a recording that Rerun opens."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from vla_core.contract import RobotContract, load
from vla_core.errors import VlaError
from vla_eval.core.errors import RequestError
from vla_eval.core.viewer.recording import Recording
from vla_eval.core.viewer.sights import Sights
from vla_eval.ros.listener import listen
from vla_eval.ros.viewer.bag import BagSource
from vla_eval.ros.viewer.graph import GraphSource
from vla_eval.ros.viewer.ingest import Ingest

if TYPE_CHECKING:
    from vla_eval.core.viewer.rerun_file import RerunFile

DONE, FAILED, INTERRUPTED = 0, 1, 130


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='view --rerun', allow_abbrev=False)
    parser.add_argument('--robot', required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--bag', type=Path)
    parser.add_argument('--seconds', type=int)
    given = parser.parse_args(argv)
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    try:
        contract = load(root / 'config' / 'robots' / f'{given.robot}.yaml')
        return _record(contract, given.out, given.bag, given.seconds)
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED


def _record(contract: RobotContract, out: Path, bag: Path | None, seconds: int | None) -> int:
    title = bag.name if bag else 'live'
    file = _open(out, contract, f'{contract.robot}, {title}')
    kept = False
    try:
        sights = Sights(contract)
        story = Recording(contract, sights, file)
        ingest = Ingest(contract, story, sights, every=True)
        status = _play(bag, ingest) if bag else _listen(ingest, seconds)
        if story.empty:
            raise RequestError(f'--rerun {out}: nothing has come that could be recorded')
        file.keep()
        kept = True
    finally:
        if not kept:
            file.drop()
    print(f'{out.stat().st_size / 1e6:.1f} MB; open it with: rerun {out.name}')
    print(out)
    return status


def _open(out: Path, contract: RobotContract, title: str) -> 'RerunFile':
    try:
        from vla_eval.core.viewer.rerun_file import RerunFile
    except ModuleNotFoundError as error:
        if error.name != 'rerun':
            raise
        raise RequestError(
            '--rerun: rerun-sdk is not installed, and nothing is installed while another ./vla '
            'runs here: end that once'
        ) from None
    return RerunFile(out, tuple(contract.cameras), title)


def _play(bag: Path, ingest: Ingest) -> int:
    """Go through a bag as fast as it can be read; end early with Ctrl-C."""
    try:
        for topic, message in BagSource(bag, ingest).messages():
            ingest.take(topic, message.data)
            ingest.tell()
    except KeyboardInterrupt:
        return INTERRUPTED
    return DONE


def _listen(ingest: Ingest, seconds: int | None) -> int:
    """Listen to the graph until the time is over, Ctrl-C or SIGTERM."""
    if seconds is None:
        print('view: records until Ctrl-C', flush=True)
    source = GraphSource(ingest, lambda _: None)

    def look() -> None:
        source.look()
        ingest.tell()

    try:
        return INTERRUPTED if listen(look, seconds) else DONE
    finally:
        source.close()
