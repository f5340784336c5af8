"""`./vla trace`: the way of each chunk across the nodes as a trace for Perfetto.

Out of a bag, or from a running graph.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from rclpy.serialization import deserialize_message
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg

from vla_core.errors import VlaError
from vla_core.timing import Timing
from vla_eval.core import tracing
from vla_eval.core.bags.reader import Bag
from vla_eval.core.errors import BagError, RequestError
from vla_eval.ros.listener import Listener, listen
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_ros.qos import qos

DONE, FAILED, INTERRUPTED = 0, 1, 130
TOPIC, KIND = 'vla/status', 'vla_msgs/msg/ExecutorStatus'
Executed = tuple[int, int, Timing]  # epoch, sequence number, stages


def main(argv: list[str]) -> int:
    """Return the exit status."""
    parser = ArgumentParser(prog='trace', allow_abbrev=False)
    parser.add_argument('--bag', type=Path)
    parser.add_argument('--seconds', type=int)
    parser.add_argument('--out', type=Path, required=True)
    given = parser.parse_args(argv)
    try:
        return _trace(given.bag, given.seconds, given.out)
    except VlaError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f'--out {given.out}: {(error.strerror or str(error)).lower()}', file=sys.stderr)
    return FAILED


def _trace(bag: Path | None, seconds: int | None, out: Path) -> int:
    interrupted = False
    if bag:
        executed = list(_recorded(bag))
    else:
        executed, interrupted = _heard(seconds)
    if not executed:
        where = bag or 'the running graph'
        raise RequestError(f'{where}: no chunk was followed (nothing of {TOPIC} tells of one)')
    tracing.write(out, tracing.trace(executed))
    print(f'{len(executed)} chunks; open it at https://ui.perfetto.dev or chrome://tracing')
    print(out)
    return INTERRUPTED if interrupted else DONE


def _recorded(path: Path) -> Iterator[Executed]:
    for message in Bag(path).messages():
        if message.kind == KIND and f'/{message.topic}'.endswith(f'/{TOPIC}'):
            try:
                yield from _executed(message.data)
            except RuntimeError:
                problem = f'a message of {message.topic} is not a {KIND} as defined'
                raise BagError(f'{path}: {problem}') from None


def _heard(seconds: int | None) -> tuple[list[Executed], bool]:
    """Return what a graph tells of until the time is over, and whether Ctrl-C ended it."""
    found: list[Executed] = []

    def take(data: bytes, _: int | None) -> None:
        try:
            found.extend(_executed(data))
        except (MessageError, RuntimeError):
            return  # as if it had not come

    if seconds is None:
        print('trace: listens until Ctrl-C', flush=True)
    with Listener('trace') as listener:
        listener.intake.subscribe(ExecutorStatusMsg, TOPIC, take, qos('status'))
        return found, listen(listener.intake.drain, seconds)


def _executed(data: bytes) -> list[Executed]:
    status = convert.status_from_msg(deserialize_message(data, ExecutorStatusMsg))
    return [(status.epoch, sequence, timing) for sequence, timing in status.executed]
