"""One graph of ours per DDS domain, told by locks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vla_cli import domain
from vla_cli.errors import UsageError

TOOLS = Path(__file__).parents[1]
HOLD = (
    'import os, sys\n'
    f'sys.path.insert(0, {str(TOOLS)!r})\n'
    'from pathlib import Path\n'
    'from vla_cli import domain\n'
    'held = domain.claim(os.environ, "/elsewhere", "lan", Path(sys.argv[1]))\n'
    'print(held.number, flush=True)\n'
    'sys.stdin.read()\n'
)


@pytest.fixture
def other(tmp_path):
    """Hold a domain in another process; return the process and the number."""
    started = []

    def hold(**environ):
        process = subprocess.Popen(
            [sys.executable, '-c', HOLD, tmp_path],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, int(process.stdout.readline())

    yield hold
    for process in started:
        process.kill()
        process.wait()


def test_the_lowest_free_domain_is_taken(tmp_path, other):
    other()
    first = domain.claim({}, 'here', 'host', tmp_path)
    second = domain.claim({}, 'here', 'host', tmp_path)
    assert (first.number, second.number) == (1, 2)
    first.release()
    assert domain.claim({}, 'here', 'host', tmp_path).number == 1


def test_a_named_domain_is_taken_as_it_is(tmp_path):
    held = domain.claim({'ROS_DOMAIN_ID': '42'}, 'here', 'host', tmp_path)
    assert held.variables() == {'ROS_DOMAIN_ID': '42'}


def test_a_named_domain_with_another_graph_is_refused_in_one_line(tmp_path, other):
    process, _ = other(ROS_DOMAIN_ID='7')
    with pytest.raises(UsageError) as refused:
        domain.claim({'ROS_DOMAIN_ID': '7'}, 'here', 'host', tmp_path)
    told = str(refused.value)
    assert 'ROS_DOMAIN_ID=7' in told
    assert f'process {process.pid}, started from /elsewhere' in told
    assert '\n' not in told


@pytest.mark.parametrize('text', ['-1', '233', 'seven', '1.5', ' 3'])
def test_what_is_no_domain_is_refused(tmp_path, text):
    with pytest.raises(UsageError, match='a whole number from 0 to 232'):
        domain.claim({'ROS_DOMAIN_ID': text}, 'here', 'host', tmp_path)


def test_a_killed_holder_leaves_its_domain_free(tmp_path, other):
    process, number = other()
    process.kill()
    process.wait()
    assert domain.running_graph({}, tmp_path) is None
    assert domain.claim({}, 'here', 'host', tmp_path).number == number


def test_the_running_graph_is_found_with_its_transport(tmp_path, other):
    assert domain.running_graph({}, tmp_path) is None
    process, number = other(ROS_DOMAIN_ID='5')
    found = domain.running_graph({}, tmp_path)
    assert found == domain.RunningGraph(number, process.pid, 'lan', '/elsewhere')
    assert domain.running_graph({'ROS_DOMAIN_ID': '6'}, tmp_path) is None
    assert domain.running_graph({'ROS_DOMAIN_ID': '5'}, tmp_path) == found


def test_a_hidden_graph_keeps_its_domain_and_is_not_found(tmp_path):
    hold = (
        'import sys; from pathlib import Path; from vla_cli import domain\n'
        'held = domain.claim({}, ".", "host", Path(sys.argv[1]), hidden=True)\n'
        'print(flush=True); sys.stdin.read()\n'
    )
    with subprocess.Popen(
        [sys.executable, '-c', hold, tmp_path],
        env={'PYTHONPATH': str(TOOLS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        assert domain.running_graph({}, tmp_path) is None
        assert domain.claim({}, 'here', 'host', tmp_path).number == 1
        process.kill()


def test_looking_does_not_take_a_domain(tmp_path):
    domain.claim({}, 'here', 'host', tmp_path).release()
    for _ in range(20):
        assert domain.running_graph({}, tmp_path) is None
        held = domain.claim({'ROS_DOMAIN_ID': '0'}, 'here', 'host', tmp_path)
        held.release()


def test_the_lock_says_who_holds_it(tmp_path):
    held = domain.claim({}, 'here', 'host', tmp_path)
    about = json.loads((tmp_path / '0.lock').read_text())
    expected = {'pid': os.getpid(), 'transport': 'host', 'root': 'here', 'hidden': False}
    assert about == expected
    held.release()
