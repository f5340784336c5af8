"""A node as a process: how it starts, ends, fails, and what it says last."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from std_msgs.msg import String

pytestmark = pytest.mark.ros

SUPPORT = Path(__file__).parents[1] / 'support'
TOY = 'vla_ros_toys:Toy'


@pytest.fixture
def start(graph):
    def start(*ros_args, **params):
        return graph.start(TOY, *ros_args, path=SUPPORT, **params)

    return start


def words(heard):
    return [msg.data for msg in heard]


def lines(process):
    """Return the lines the process wrote, but those that tell of the transports in use."""
    return [line for line in process.output.splitlines() if line.strip()]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_last_word_and_status_0(graph, start, number):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    process = start()
    graph.until(lambda: len(heard) > 3, 'first words')
    process.signal(number)
    assert process.wait(5.0) == 0
    graph.until(lambda: words(heard)[-1:] == ['goodbye terminated'], 'last word')
    assert lines(process) == []


def test_several_signals_end_it_no_less_cleanly(graph, start):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    process = start()
    graph.until(lambda: heard, 'first word')
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        process.signal(number)
    assert process.wait(5.0) == 0
    assert lines(process) == []


def test_a_signal_while_it_loads_ends_it(graph, start):
    process = start(load_s=60.0)
    graph.until(lambda: 'loading' in process.output, 'loading')
    begun = time.monotonic()
    process.signal(signal.SIGINT)
    assert process.wait(5.0) == 0
    assert time.monotonic() - begun < 5.0
    assert 'Traceback' not in process.output


def test_it_does_not_outlive_its_parent(graph, tmp_path):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    log = tmp_path / 'log'
    code = (
        'import subprocess, sys; child = subprocess.Popen([sys.executable, "-c", '
        f'"import sys; sys.path.insert(0, {str(SUPPORT)!r}); from vla_ros.run import run; '
        f'sys.exit(run({TOY!r}))"]); print(child.pid, flush=True); child.wait()'
    )
    with log.open('w') as output:
        parent = subprocess.Popen(
            [sys.executable, '-c', code], stdout=subprocess.PIPE, stderr=output, text=True
        )
        child = int(parent.stdout.readline())
        graph.until(lambda: heard, 'first word')
        parent.kill()
        parent.wait()
    graph.until(lambda: words(heard)[-1:] == ['goodbye terminated'], 'last word')
    graph.until(lambda: not running(child), 'end of the node', 5.0)
    assert log.read_text() == ''


def running(pid):
    """Return whether a process exists and is no zombie."""
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return False
    return state != 'Z'


@pytest.mark.parametrize(
    ('params', 'said'),
    [
        ({'refuse': True}, 'toy.mood: bad, good expected'),
        ({'break_in': 'setup'}, 'RuntimeError: broken in setup'),
        ({'break_in': 'start'}, 'RuntimeError: broken in start'),
        ({'period_ms': 0.5}, 'period_ms: a number, 1 .. 1000 ms expected, got 0.5 (Period.)'),
        ({'perod_ms': 5.0}, 'perod_ms: no such parameter; did you mean period_ms?'),
        ({'greeting': 7}, 'greeting: a text expected, got 7 (What it says.)'),
        ({'break_in': 'tick'}, 'RuntimeError: broken in tick'),
    ],
)
def test_a_fault_is_one_line_and_status_1(start, params, said):
    process = start(**params)
    assert process.wait() == 1
    assert len(lines(process)) == 1, process.output
    assert lines(process)[0].endswith(f'[toy]: {said}')


def test_a_callback_that_raises_ends_it_with_a_last_word(graph, start):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    process = start()
    graph.talk(String, '/in', 'reliable').publish(String(data='this'))
    graph.until(lambda: process.status is not None, 'end')
    assert process.status == 1
    assert len(lines(process)) == 1
    assert lines(process)[0].endswith('[toy]: ValueError: I do not like this')
    graph.until(lambda: words(heard)[-1:] == ['goodbye fault'], 'last word')


@pytest.mark.parametrize('hook', ['stop', 'teardown'])
def test_a_fault_in_the_end_is_told_too(graph, start, hook):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    process = start(break_in=hook)
    graph.until(lambda: heard, 'first word')
    process.signal(signal.SIGINT)
    assert process.wait() == 1
    assert len(lines(process)) == 1
    assert f'broken in {hook}' in lines(process)[0]


def test_the_trace_is_there_at_level_debug(start):
    process = start('--log-level', 'toy:=debug', break_in='tick')
    assert process.wait() == 1
    assert 'in _tick' in process.output


def test_a_module_that_is_not_there_is_one_line(graph):
    process = graph.start('vla_ros_nothing:Node')
    assert process.wait() == 1
    assert lines(process) == ["Node: ModuleNotFoundError: No module named 'vla_ros_nothing'"]


def change(graph, transition):
    request = ChangeState.Request()
    request.transition.id = transition
    return graph.call(ChangeState, '/toy/change_state', request).success


def test_a_transition_that_the_state_does_not_have_is_refused(graph, start):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    process = start()
    graph.until(lambda: heard, 'first word')
    assert not change(graph, Transition.TRANSITION_CONFIGURE)
    assert not change(graph, 77)
    assert state(graph) == 'active'
    before = len(heard)
    graph.until(lambda: len(heard) > before, 'another word')
    assert process.status is None
    assert 'Traceback' not in process.output


def state(graph):
    return graph.call(GetState, '/toy/get_state', GetState.Request()).current_state.label


def test_without_autostart_it_waits_to_be_told(graph, start):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    start(autostart=False)
    assert state(graph) == 'unconfigured'
    assert change(graph, Transition.TRANSITION_CONFIGURE)
    assert change(graph, Transition.TRANSITION_ACTIVATE)
    graph.until(lambda: heard, 'first word')
    assert change(graph, Transition.TRANSITION_DEACTIVATE)
    graph.until(lambda: words(heard)[-1:] == ['goodbye deactivated'], 'last word')
    assert state(graph) == 'inactive'


def test_refused_without_autostart_it_can_be_mended(graph, start):
    process = start(autostart=False, refuse=True)
    assert not change(graph, Transition.TRANSITION_CONFIGURE)
    assert state(graph) == 'unconfigured'
    assert 'toy.mood: bad, good expected' in process.output
    mend = Parameter('refuse', value=False).to_parameter_msg()
    answer = graph.call(
        SetParameters, '/toy/set_parameters', SetParameters.Request(parameters=[mend])
    )
    assert answer.results[0].successful
    assert change(graph, Transition.TRANSITION_CONFIGURE)
    assert state(graph) == 'inactive'


def test_shut_down_from_outside_it_says_the_last_word_once(graph, start):
    heard = graph.listen(String, '/out', 'reliable', matched=False)
    process = start()
    graph.until(lambda: heard, 'first word')
    assert change(graph, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    graph.until(lambda: words(heard)[-1:] == ['goodbye shutdown'], 'last word')
    process.signal(signal.SIGTERM)
    assert process.wait() == 0
    assert words(heard).count('goodbye shutdown') == 1
    assert words(heard)[-1] == 'goodbye shutdown'


def test_signals_are_blocked_before_the_node_is_imported(graph, tmp_path):
    (tmp_path / 'vla_ros_late.py').write_text(
        'import signal, sys\n'
        'print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])), flush=True)\n'
        'print("rclpy" in sys.modules, flush=True)\n'
        'class Node:\n'
        '    def __init__(self):\n'
        '        raise RuntimeError("enough")\n'
    )
    process = graph.start('vla_ros_late:Node', path=tmp_path)
    assert process.wait() == 1
    mask, imported, said = lines(process)
    assert 'SIGINT' in mask
    assert 'SIGTERM' in mask
    assert imported == 'False'
    assert said == 'Node: RuntimeError: enough'
    assert os.getpid() != process.pid
