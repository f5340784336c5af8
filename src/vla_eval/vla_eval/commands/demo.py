"""`./vla demo`: the live graph, instructions in words, a score and a report."""

import sys
from argparse import ArgumentParser

from vla_core.errors import VlaError
from vla_eval.commands import live, request

FAILED = 1


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='demo', allow_abbrev=False)
    request.add_options(parser)
    parser.add_argument('--view', action='store_true')
    parser.add_argument('--record', action='store_true')
    options = parser.parse_args(argv)
    try:
        asked = request.read(options)
        return live.run(asked, options.transport, options.view, options.record)
    except VlaError as error:
        print(error, file=sys.stderr)
        return FAILED
