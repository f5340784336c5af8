"""A graph as other programs use it: launch file, domain, log, end."""

import os
import signal

import pytest

from vla_cli import domain
from vla_cli.errors import RunError, UsageError
from vla_cli.graph.graph import Graph

LAUNCH = (
    'launch:\n- arg: {name: word, default: nothing}\n- arg: {name: transport, default: host}\n'
    '- node: {pkg: p, exec: talker, args: $(var word), respawn: true}\n'
)
TALKER = (
    "print('says', sys.argv[1], 'on', os.environ['ROS_DOMAIN_ID'], flush=True)\n"
    "print(os.environ['FASTRTPS_DEFAULT_PROFILES_FILE'], flush=True)\nsignal.pause()\n"
)


@pytest.fixture
def graph(tmp_path, program, bare_environment, monkeypatch):
    """Make a graph of one talker in a checkout and a lock folder of its own."""
    monkeypatch.setattr(domain, 'lock_folder', lambda: tmp_path / 'domains')
    index = tmp_path / 'prefix/share/ament_index/resource_index/packages'
    index.mkdir(parents=True)
    (index / 'p').touch()
    program('talker', TALKER, tmp_path / 'prefix/lib/p')
    (tmp_path / 'launch').mkdir()
    (tmp_path / 'launch/robot.launch.yaml').write_text(LAUNCH)
    env = {'VLA_ROOT': str(tmp_path), 'AMENT_PREFIX_PATH': str(tmp_path / 'prefix')}

    def make(environ=None, **arguments):
        everything = {**bare_environment, **env, **(environ or {})}
        return Graph(arguments, everything, tmp_path / 'graph.log')

    return make


def test_nodes_get_arguments_domain_and_transport_and_write_to_the_log(
    graph, eventually, tmp_path
):
    log = tmp_path / 'graph.log'
    with graph(word='hello', transport='lan') as running:
        assert running.alive()
        assert running.variables['ROS_DOMAIN_ID'] == '0'
        eventually(lambda: '/lan.xml' in log.read_text(), 'both lines')
        assert f'[talker-1] says hello on {running.domain_id}\n' in log.read_text()
    assert not running.alive()
    assert running.failure is None


def test_two_graphs_do_not_share_a_domain_and_give_it_back(graph):
    with graph() as one, graph() as two:
        assert (one.domain_id, two.domain_id) == (0, 1)
        with pytest.raises(UsageError, match='another graph is on this DDS domain'):
            graph({'ROS_DOMAIN_ID': '1'})
    with graph() as again:
        assert again.domain_id == 0


def test_a_graph_that_cannot_be_gives_its_domain_back(graph, tmp_path):
    (tmp_path / 'launch/robot.launch.yaml').write_text('launch:\n- node: {pkg: q, exec: x}\n')
    with pytest.raises(RunError, match='package q is not in this environment'):
        graph()
    assert domain.running_graph({}, tmp_path / 'domains') is None


def test_stopping_twice_or_before_the_start_is_nothing(graph):
    running = graph()
    running.stop()
    running.stop()
    started = graph()
    started.start()
    started.stop()
    started.stop()


def test_what_killed_nodes_left_in_shared_memory_is_cleaned(graph, program, tmp_path, eventually):
    tool = program(
        'fastdds', f"open({str(tmp_path / 'cleaned')!r}, 'w').write(str(sys.argv[1:]))\n"
    )
    running = graph({'PATH': f'{tool.parent}{os.pathsep}{os.environ["PATH"]}'})
    running.start()
    running.stop()
    assert not (tmp_path / 'cleaned').exists()
    running = graph({'PATH': f'{tool.parent}{os.pathsep}{os.environ["PATH"]}'})
    running.start()
    first = running.pids()['talker']
    os.kill(first, signal.SIGKILL)
    eventually(lambda: running.pids().get('talker', first) != first, 'another life')
    running.stop()
    assert (tmp_path / 'cleaned').read_text() == "['shm', 'clean']"
