"""`./vla view`: a page in a browser that shows a running graph, or a bag."""

import os
import sys
import time
import webbrowser
from argparse import ArgumentParser
from pathlib import Path

from vla_core.contract import load
from vla_core.errors import VlaError
from vla_eval.core.viewer.page import Page
from vla_eval.core.viewer.server import LOOPBACK, close_server, open_server
from vla_eval.core.viewer.story import Story
from vla_eval.ros.viewer.bag import BagSource
from vla_eval.ros.viewer.graph import GraphSource
from vla_eval.ros.viewer.ingest import Ingest

FAILED = 1
LOOK_S = 0.1  # the page is drawn at 10 Hz


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='view', allow_abbrev=False)
    parser.add_argument('--robot', required=True)
    parser.add_argument('--host', default=LOOPBACK)
    parser.add_argument('--port', type=int)
    parser.add_argument('--bag', type=Path)
    given = parser.parse_args(argv)
    try:
        return _view(given.robot, given.host, given.port, given.bag)
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED


def _view(robot: str, host: str, port: int | None, bag: Path | None) -> int:
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    contract = load(root / 'config' / 'robots' / f'{robot}.yaml')
    ingest = Ingest(contract, Story())
    played = None if bag is None else BagSource(bag, ingest)  # a bad one is refused before a page
    server = open_server(host, port)
    source: GraphSource | BagSource | None = played
    try:
        if played is not None:
            page = Page(server, contract, None, f'{robot}: {bag.name if bag else ""}')
            played.add_controls(server.gui)
        else:
            graph = GraphSource(ingest, lambda text: page.answer(text))
            source = graph
            page = Page(server, contract, graph, f'{robot}, live')
        _tell(f'http://{host}:{server.get_port()}/')
        _run(page, ingest, source)
    finally:
        close_server(server)
        if source is not None:
            source.close()
    return 0


def _run(page: Page, ingest: Ingest, source: GraphSource | BagSource) -> None:
    """Draw at a steady rate until the process is ended; at once where a button was pressed."""
    due_s = time.monotonic()
    while True:
        source.look()
        ingest.tell()
        page.draw(ingest.story, ingest.sights, source.silent_s)
        due_s = max(due_s + LOOK_S, time.monotonic())
        source.wake.wait(max(0.0, due_s - time.monotonic()))


def _tell(address: str) -> None:
    windows = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    if windows and webbrowser.open(address):
        print(f'view: {address}', flush=True)
    else:
        print(f'view: a browser on this machine finds it at {address}', flush=True)
