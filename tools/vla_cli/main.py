"""Entry: finds the subcommand, refuses what is wrong in one line, runs it."""

import os
import shlex
import signal
import sys
from pathlib import Path

from vla_cli.errors import RunError, UsageError
from vla_cli.parser import parse
from vla_cli.places import Places

INTERRUPTED = 130
TERMINATED = 143


class _Terminated(BaseException):
    """SIGTERM: unwinds like Ctrl-C."""


def main(argv: list[str], root: str, started_ns: int) -> int:
    """Return the exit status of one `./vla` command line.

    Args:
        argv: The words after `./vla`.
        root: Folder of the checkout.
        started_ns: CLOCK_MONOTONIC when `./vla` began; commands count from it.
    """
    os.environ['VLA_ROOT'] = root
    os.environ['VLA_STARTED_NS'] = str(started_ns)
    os.environ['VLA_COMMAND'] = shlex.join(['./vla', *argv])
    try:
        signal.signal(signal.SIGTERM, _terminate)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        call = parse(argv, Places(Path(root)))
        return call()
    except (UsageError, RunError) as no:
        print(no, file=sys.stderr)
        return no.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except _Terminated:
        return TERMINATED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _terminate(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Terminated
