"""`./vla trace`: the same trace from a running graph as out of what told of it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from vla_msgs.msg import ExecutorStatus as StatusMsg  # noqa: E402

from vla_core.command import ExecutorStatus, Mode  # noqa: E402
from vla_core.timing import MS, SECOND, Timing  # noqa: E402
from vla_eval.core import tracing  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[4]
BEGIN = 1_700_000_000 * SECOND
SENT = 40


def timing(number):
    return Timing(*(BEGIN + number * SECOND + k * MS for k in (0, 10, 11, 13, 33, 34, 40)))


@pytest.fixture
def tracer(tmp_path):
    """Start tracing a graph, as `./vla trace` does."""
    started = []

    def start(*words):
        command = [sys.executable, '-m', 'vla_cli.handover', 'vla_eval.commands.trace']
        paths = os.pathsep.join([str(ROOT / 'tools'), os.environ.get('PYTHONPATH', '')])
        process = subprocess.Popen(
            [*command, '--out', str(tmp_path / 't.json'), *words],
            env={**os.environ, 'PYTHONPATH': paths},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def tell(graph):
    """Tell of one chunk after another."""
    statuses, count = graph.talk(StatusMsg, 'vla/status', 'status'), 0

    def told():
        nonlocal count
        count += 1
        status = ExecutorStatus(
            BEGIN + count * SECOND, Mode.RUNNING, 3, 'reach', 'rtc',
            executed=((count, timing(count)),),
        )  # fmt: skip
        statuses.publish(convert.status_to_msg(status))
        return count == SENT

    graph.until(told, 'statuses')


def test_ctrl_c_ends_a_live_trace_which_is_that_of_the_chunks_told_of(tracer, tmp_path):
    process = tracer()
    with Graph() as graph:
        tell(graph)
        process.send_signal(signal.SIGINT)
        said, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, '')
    assert said.splitlines()[-1] == str(tmp_path / 't.json')
    found = json.loads((tmp_path / 't.json').read_text())
    heard = sorted({e['args']['sequence'] for e in found['traceEvents'] if e['ph'] == 'X'})
    assert len(heard) > SENT / 2
    assert heard == list(range(heard[0], heard[-1] + 1))  # of a reliable topic, without a gap
    wanted = tracing.trace([(3, number, timing(number)) for number in heard])
    assert found == json.loads(json.dumps(wanted))


def test_a_graph_that_follows_nothing_leaves_no_file(tracer, tmp_path):
    process = tracer('--seconds', '1')
    said, error = process.communicate(timeout=30)
    assert (process.returncode, said) == (1, '')
    assert error.startswith('the running graph: no chunk was followed')
    assert not list(tmp_path.iterdir())
