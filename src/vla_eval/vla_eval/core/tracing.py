"""The way of each chunk across the nodes as a trace that Perfetto and chrome://tracing open.

Format: Trace Event Format, JSON object form; times in microseconds. A stage is a complete event
('X') on the thread of the node that it belongs to; a flow ('s', 't', 'f') ties the stages of one
sequence number together.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vla_core.timing import Timing

PID = 1
US = 1_000  # ns
# node -> stages: name, from, to (fields of Timing)
NODES = {
    'observer': (('capture to assembled', 'captured_ns', 'assembled_ns'),),
    'policy': (
        ('wait', 'assembled_ns', 'received_ns'),
        ('preprocess', 'received_ns', 'preprocessed_ns'),
        ('inference', 'preprocessed_ns', 'inferred_ns'),
        ('publish', 'inferred_ns', 'published_ns'),
    ),
    'executor': (('published to first row', 'published_ns', 'first_row_ns'),),
}


def trace(executed: Iterable[tuple[int, int, Timing]]) -> dict[str, Any]:
    """Return a trace of chunks that were followed.

    Args:
        executed: (epoch, sequence number, stages passed) of each; stages without both ends are
            left out, and so are those whose end lies before their begin (two clocks).
    """
    events: list[dict[str, Any]] = [_named('process_name', 0, 'vla')]
    for thread, node in enumerate(NODES, start=1):
        events.append(_named('thread_name', thread, node))
    for flow, (epoch, sequence, timing) in enumerate(executed, start=1):
        spans = _spans(epoch, sequence, timing)
        events += spans
        for k, span in enumerate(spans if len(spans) > 1 else ()):
            phase = 's' if k == 0 else 'f' if k == len(spans) - 1 else 't'
            tie = {'name': 'chunk', 'cat': 'chunk', 'ph': phase, 'id': flow, 'pid': PID}
            tie |= {'tid': span['tid'], 'ts': span['ts']}
            events.append(tie | ({'bp': 'e'} if phase == 'f' else {}))
    return {'traceEvents': events, 'displayTimeUnit': 'ms'}


def write(path: Path, found: dict[str, Any]) -> None:
    """Write a trace, whole or not at all."""
    part = path.with_name(f'{path.name}.part')
    part.write_text(json.dumps(found), encoding='utf-8')
    os.replace(part, path)


def _spans(epoch: int, sequence: int, timing: Timing) -> list[dict[str, Any]]:
    spans = []
    for thread, stages in enumerate(NODES.values(), start=1):
        for name, begin, end in stages:
            begin_ns, end_ns = getattr(timing, begin), getattr(timing, end)
            if begin_ns and begin_ns <= end_ns:
                span = {'name': name, 'cat': 'chunk', 'ph': 'X', 'pid': PID, 'tid': thread}
                span |= {'ts': begin_ns / US, 'dur': (end_ns - begin_ns) / US}
                spans.append(span | {'args': {'sequence': sequence, 'epoch': epoch}})
    return spans


def _named(what: str, thread: int, name: str) -> dict[str, Any]:
    return {'name': what, 'ph': 'M', 'pid': PID, 'tid': thread, 'args': {'name': name}}
