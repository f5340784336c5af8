"""The supervisor with programs that play nodes: lives, deaths, ends."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vla_cli.graph import supervisor
from vla_cli.graph.launchfile import Process
from vla_cli.graph.supervisor import Supervisor

TOOLS = Path(__file__).parents[1]
STAYS = "print('up', flush=True)\nsignal.pause()\n"
STUBBORN = """
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def run(program, bare_environment):
    """Start a supervisor over programs `name=body`; it is stopped at the end of the test."""
    started = []

    def start(delay_s=0.05, package='fake', **bodies):
        lines = []
        processes = [
            Process(n, package, (str(program(n, body)),), bare_environment, delay_s)
            for n, body in bodies.items()
        ]
        running = Supervisor(processes, lines.append)
        started.append(running)
        running.start()
        return running, lines

    yield start
    for running in started:
        running.stop()


def test_lines_carry_the_name_and_number_of_their_node(run, eventually):
    _, lines = run(one="print('a\\nb', flush=True)\nsignal.pause()\n", two=STAYS)
    wanted = {'[one-1] a', '[one-1] b', '[two-2] up'}
    eventually(lambda: wanted <= set(lines), 'the lines of both')


def test_a_last_line_without_an_end_is_not_lost(run, eventually):
    _, lines = run(delay_s=None, one="sys.stdout.write('unfinished')\n")
    eventually(lambda: '[one-1] unfinished' in lines, 'the unfinished line')


def test_a_node_that_died_is_started_again(run, eventually):
    running, lines = run(one=STAYS)
    first = eventually(lambda: running.pids().get('one'), 'a first life')
    os.kill(first, signal.SIGKILL)
    second = eventually(
        lambda: running.pids().get('one', first) != first and running.pids()['one'],
        'a second life',
    )
    assert second != first
    assert running.alive()
    assert '[launch] one-1 ended with SIGKILL' in lines


def test_it_waits_before_it_starts_a_node_again(run, eventually, tmp_path):
    stamp = f"open({str(tmp_path / 'births')!r}, 'a').write(f'{{time.monotonic()}}\\n')\n"
    run(delay_s=0.5, one=stamp)
    births = tmp_path / 'births'
    eventually(lambda: births.exists() and births.read_text().count('\n') >= 2, 'a second birth')
    first, second = map(float, births.read_text().split()[:2])
    assert second - first >= 0.5


def test_a_node_that_keeps_dying_takes_the_graph_down_with_one_line(run, exists):
    bad = "print('[ERROR] [17.25] [one]: bad', flush=True)\nsys.exit(3)\n"
    running, lines = run(one=bad, two=STAYS)
    other = running.pids()['two']
    assert running.wait(20)
    assert running.failure == (
        'one ended 5 times in 10 s, the last time with exit status 3: given up; it said: bad'
    )
    assert sum(line.endswith('bad') for line in lines) == supervisor.DEATHS
    assert not running.alive()
    assert not exists(other)


def test_a_node_that_takes_long_to_refuse_is_given_up_too(run, monkeypatch):
    monkeypatch.setattr(supervisor, 'DEATHS_WITHIN_S', 0.5)  # five lives take longer
    running, _ = run(delay_s=0.15, one="print('wrong word', flush=True)\nsys.exit(1)\n")
    assert running.wait(20)
    assert running.failure == (
        'one ended 5 times soon after its start, the last time with exit status 1: given up; '
        'it said: wrong word'
    )


def test_a_node_that_is_killed_now_and_then_is_not_given_up(run, eventually, monkeypatch):
    monkeypatch.setattr(supervisor, 'DEATHS_WITHIN_S', 0.5)
    running, lines = run(delay_s=0.15, one=STAYS)
    for life in range(1, supervisor.DEATHS + 2):
        pid = eventually(lambda: running.pids().get('one'), f'life {life}')
        os.kill(pid, signal.SIGKILL)
        eventually(lambda n=life: lines.count('[launch] one-1 ended with SIGKILL') == n, 'death')
    assert running.alive()


def test_a_program_that_is_not_there_is_a_failure_and_the_others_end(program, bare_environment):
    stays = Process('one', 'fake', (str(program('one', STAYS)),), bare_environment, 1.0)
    missing = Process('two', 'fake', ('/no/such/program',), bare_environment, 1.0)
    running = Supervisor([stays, missing], lambda _: None)
    running.start()
    assert running.wait(10)
    assert '/no/such/program' in running.failure


def test_everything_ends_within_five_seconds_even_what_ignores_signals(run, eventually, exists):
    running, lines = run(one=STAYS, two=STUBBORN)
    pids = running.pids().values()
    eventually(lambda: {'[one-1] up', '[two-2] up'} <= set(lines), 'both up')
    begun = time.monotonic()
    running.stop()
    assert time.monotonic() - begun < 5.0
    assert not any(exists(pid) for pid in pids)
    assert {'[launch] one-1 ended with SIGINT', '[launch] two-2 ended with SIGKILL'} <= set(lines)


def test_what_a_node_started_ends_with_it(run, eventually, exists, tmp_path):
    child = "pid = os.fork()\nif pid:\n    open({!r}, 'w').write(str(pid) + '.')\nsignal.pause()\n"
    running, _ = run(delay_s=None, one=child.format(str(tmp_path / 'pid')))
    pid_file = tmp_path / 'pid'
    text = eventually(lambda: pid_file.exists() and pid_file.read_text(), 'the grandchild')
    grandchild = int(text.rstrip('.'))
    os.kill(running.pids()['one'], signal.SIGKILL)
    eventually(lambda: not exists(grandchild), 'the end of the grandchild')


def test_nodes_of_the_suite_begin_with_stop_signals_blocked(run, eventually):
    shows = 'print(*sorted(map(int, signal.pthread_sigmask(0, []))), flush=True)\nsignal.pause()\n'
    _, lines = run(package='vla_control', ours=shows)
    eventually(lambda: '[ours-1] 2 15' in lines, 'both blocked')
    _, lines = run(package='other', theirs=shows)
    eventually(lambda: '[theirs-1]' in [line.strip() for line in lines], 'none blocked')


def test_nodes_do_not_outlive_a_supervisor_that_was_killed(program, eventually, exists, tmp_path):
    node = program('node', STAYS)
    script = tmp_path / 'parent.py'
    script.write_text(
        f'import os, sys, time\nsys.path.insert(0, {str(TOOLS)!r})\n'
        'from vla_cli.graph.launchfile import Process\n'
        'from vla_cli.graph.supervisor import Supervisor\n'
        f"s = Supervisor([Process('n', 'fake', ({str(node)!r},), dict(os.environ), 1.0)], print)\n"
        "s.start()\nprint('pid', s.pids()['n'], flush=True)\ns.wait()\n"
    )
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    try:
        line = next(line for line in parent.stdout if line.startswith('pid '))
        child = int(re.search(r'\d+', line)[0])
        assert exists(child)
    finally:
        parent.kill()
        parent.wait()
    eventually(lambda: not exists(child), 'the end of the orphan')
