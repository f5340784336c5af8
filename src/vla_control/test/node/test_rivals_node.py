"""Another executor's status on the same topic: the later one yields, the earlier one goes on."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String
from vla_msgs.msg import ExecutorStatus

from vla_ros import convert

pytestmark = pytest.mark.ros

HOUR_NS = 3600 * 10**9


def other(bench, apart_ns):
    """Return the status of an executor that became active so much later than ours."""
    since_ns = convert.ns(bench.status.active_since) + apart_ns
    msg = ExecutorStatus(executor='/executor, process 1 on elsewhere', mode='idle')
    msg.header.stamp, msg.active_since = convert.stamp(bench.now_ns()), convert.stamp(since_ns)
    return msg


def test_the_earlier_one_goes_on_and_says_what_it_heard(bench, graph):
    bench = bench()
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    bench.run()
    own = bench.status.executor
    graph.talk(ExecutorStatus, 'vla/status', 'status').publish(other(bench, HOUR_NS))

    def told():
        return any(
            s.name == 'executor: rival' and 'process 1 on elsewhere came later' in s.message
            for array in health
            for s in array.status
        )

    bench.until(told, 'a diagnostic')
    bench.until(lambda: bench.status.executor == own, 'its own status')
    assert bench.status.mode == 'running'


def test_the_later_one_leaves_at_once_and_without_a_last_word(bench, graph):
    bench = bench()
    bench.run()
    words = graph.listen(String, 'vla/instruction', 'latched')
    bench.until(lambda: words, 'the words in force')
    graph.talk(ExecutorStatus, 'vla/status', 'status').publish(other(bench, -HOUR_NS))
    assert bench.node.wait() == 1
    lines = [line for line in bench.node.output.splitlines() if line.strip()]
    assert len(lines) == 1
    assert 'process 1 on elsewhere, active 3600.0 s earlier' in lines[0]
    assert {w.data for w in words} == {'go'}  # the other one's words stay
    assert not any(c.hold_reason == 'fault' for c in bench.commands)


def test_words_that_were_there_before_are_followed_once_nobody_claims_them(bench, graph):
    graph.talk(String, 'vla/instruction', 'latched', matched=False).publish(String(data='before'))
    bench = bench()
    bench.until(lambda: bench.status.instruction == 'before', 'the words')
