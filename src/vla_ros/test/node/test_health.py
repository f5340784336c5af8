"""Diagnostics, and the one line about a peer that is not there."""

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from std_msgs.msg import String

from vla_ros.diagnostics import ERROR, OK, WARN, Reporter
from vla_ros.watch import PeerWatch, transport

pytestmark = pytest.mark.ros


@pytest.fixture
def reporter(graph):
    node = graph.add(Node('observer', namespace='left'))
    return Reporter(node, 'tabletop')


def test_a_change_is_told_at_once_and_everything_each_second(graph, reporter):
    heard = graph.listen(DiagnosticArray, '/left/diagnostics', 'reliable')
    graph.until(lambda: graph.probe.count_subscribers('/left/diagnostics'), 'match')
    reporter.ok('camera scene', age_ms=12.3456789, key='scene')
    reporter.ok('camera scene', age_ms=99.0)  # neither level nor message changed
    reporter.error('camera wrist', 'frozen for 0.6 s')
    graph.until(lambda: any(len(m.status) == 2 for m in heard), 'both, together')
    first = next(m for m in heard if m.status).status[0]
    assert first.name == 'left/observer: camera scene'
    assert (first.hardware_id, first.level, first.message) == ('tabletop', OK, 'OK')
    both = {s.name: s for s in next(m for m in heard if len(m.status) == 2).status}
    assert both['left/observer: camera wrist'].level == ERROR
    values = both['left/observer: camera scene'].values
    assert [(v.key, v.value) for v in values] == [('age_ms', '99')]
    assert all(m.header.stamp.sec > 0 for m in heard)


def test_an_unchanged_component_is_not_repeated_at_once(graph, reporter):
    heard = graph.listen(DiagnosticArray, '/left/diagnostics', 'reliable')
    for _ in range(50):
        reporter.warn('gate', 'clipped')
    reporter.error('gate', 'stopped')
    graph.until(lambda: any(m.status[0].level == ERROR for m in heard), 'error')
    changes = [m for m in heard if m.status[0].level == WARN]
    assert len(changes) <= 2  # at once, and at most one of the 1 Hz rounds


def test_missing_peers_are_told_of_once_in_one_line(graph, capfd, monkeypatch):
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/etc/profiles/lan.xml')
    watch = PeerWatch(graph.probe, patience_s=0.0)
    watch.need('/vla/status')
    watch.need('/vla/plan')
    watch.look()
    watch.look()
    said = [line for line in capfd.readouterr().err.splitlines() if '/vla/' in line]
    assert len(said) == 1
    assert 'no publisher on /vla/status, /vla/plan' in said[0]
    assert 'transport profile lan' in said[0]
    watch.forget()


def test_a_peer_that_is_there_is_no_news(graph, capfd):
    graph.probe.create_publisher(String, '/there', 1)
    graph.until(lambda: graph.probe.count_publishers('/there'), 'publisher')
    watch = PeerWatch(graph.probe, patience_s=0.0)
    watch.need('/there')
    watch.look()
    watch.forget()
    assert '/there' not in capfd.readouterr().err


def test_nothing_is_said_before_its_time(graph, capfd):
    watch = PeerWatch(graph.probe, patience_s=60.0)
    watch.need('/vla/status')
    watch.look()
    watch.forget()
    assert '/vla/status' not in capfd.readouterr().err


def test_a_subscription_without_publisher_is_watched(graph, capfd):
    # the timer of the watch itself must call: its patience is the only thing shortened
    watch = PeerWatch(graph.probe, patience_s=0.5)
    watch.need('/nobody')
    said = ''

    def told():
        nonlocal said
        said += capfd.readouterr().err
        return 'no publisher on /nobody' in said

    graph.until(told, 'line')
    watch.forget()


def test_the_profile_is_named_by_its_file(monkeypatch):
    monkeypatch.delenv('FASTRTPS_DEFAULT_PROFILES_FILE', raising=False)
    monkeypatch.delenv('FASTDDS_DEFAULT_PROFILES_FILE', raising=False)
    assert transport() == 'default'
    monkeypatch.setenv('FASTRTPS_DEFAULT_PROFILES_FILE', '/a/host.xml')
    assert transport() == 'host'
