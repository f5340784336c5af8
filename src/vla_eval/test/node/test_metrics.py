"""Counters and latencies as Prometheus reads them, from this machine only."""

import gc
import socket
import urllib.request
import weakref
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from prometheus_client.parser import text_string_to_metric_families  # noqa: E402
from vla_msgs.msg import ExecutorStatus as StatusMsg  # noqa: E402

from vla_core.command import ChunkCounts, ExecutorStatus, GateCounts, Mode  # noqa: E402
from vla_core.timing import MS, SECOND, Timing  # noqa: E402
from vla_eval.ros.metrics import Metrics  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402

pytestmark = pytest.mark.ros
CONTRACT = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'


def samples(port):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f'http://127.0.0.1:{port}/metrics', timeout=5) as answer:
        text = answer.read().decode()
    families = text_string_to_metric_families(text)
    return {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}


def status(second, ticks, stops, executed=()):
    counts = GateCounts(ticks=ticks, stops=stops), ChunkCounts(received=ticks // 10)
    return ExecutorStatus(
        second * SECOND, Mode.RUNNING, 1, 'words', 'rtc',
        gate=counts[0], chunks=counts[1], executed=executed,
    )  # fmt: skip


def test_timings_are_counted_and_not_kept():
    metrics = Metrics()
    metrics.see_status(status(1, 100, 0))
    timing = Timing(captured_ns=SECOND, first_row_ns=SECOND + 80 * MS)
    kept = weakref.ref(timing)
    metrics.see_status(status(2, 150, 0, ((1, timing),)))
    metrics.see_status(status(3, 200, 0))
    del timing
    gc.collect()
    assert kept() is None
    name = 'vla_latency_seconds_count'
    assert metrics.registry.get_sample_value(name, {'stage': 'capture_to_command'}) == 1


def test_counters_survive_a_restart_of_the_executor():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    timing = Timing(captured_ns=SECOND, first_row_ns=SECOND + 80 * MS)
    with Graph() as graph:
        graph.start('vla_eval.ros.metrics:MetricsNode', contract=CONTRACT, port=port)
        statuses = graph.talk(StatusMsg, 'vla/status', 'status')
        told = [status(1, 100, 0), status(2, 150, 1, ((1, timing),)), status(3, 20, 0)]
        for one in told:  # the last one is of an executor that began anew
            statuses.publish(convert.status_to_msg(one))
        graph.until(lambda: samples(port).get(('vla_gate_ticks_total', 'ticks')) == 170, 'counts')
        found = samples(port)
    assert found['vla_gate_ticks_total', 'stops'] == 1
    assert found['vla_chunks_total', 'received'] == 17
    assert found['vla_executor_mode', 'running'] == 1
    assert found['vla_latency_seconds_count', 'capture_to_command'] == 1
    assert found['vla_latency_seconds_sum', 'capture_to_command'] == pytest.approx(0.08)


def test_a_port_that_is_taken_leaves_the_node_alive_and_is_served_once_it_is_free():
    with socket.socket() as taken, Graph() as graph:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        node = graph.start('vla_eval.ros.metrics:MetricsNode', contract=CONTRACT, port=port)
        graph.until(lambda: f'port {port}: address already in use' in node.output, 'its one line')
        taken.close()
        statuses = graph.talk(StatusMsg, 'vla/status', 'status')

        def counted():
            statuses.publish(convert.status_to_msg(status(1, 100, 0)))
            try:
                return samples(port)['vla_gate_ticks_total', 'ticks'] == 100
            except (OSError, KeyError):  # not yet
                return False

        graph.until(counted, 'the counters on the port that was taken', seconds=30.0)
        assert node.status is None
        assert node.output.count('already in use') == 1
