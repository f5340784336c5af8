"""Command lines as a person types them: wrong ones get one line and exit 2, at once."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = ('demo', 'eval', 'train', 'bench', 'view', 'trace', 'launch', 'shell', 'test')


def vla(*words, env=None):
    """Run ./vla with nothing but the standard library at hand."""
    command = [sys.executable, '-I', '-S', str(ROOT / 'vla'), *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, env={**os.environ, **(env or {})}
    )


def test_help_lists_every_command_with_one_line():
    done = vla('--help')
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf'^  {command}\s+\w+ \w+', done.stdout, re.MULTILINE)


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help_and_needs_no_set_up(command):
    done = vla(command, '--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert f'usage: ./vla {command}' in done.stdout


@pytest.mark.parametrize(
    ('words', 'named'),
    [
        (('nosuch',), 'nosuch'),
        (('--nosuch',), '--nosuch'),
        (('demo', '--nosuch'), '--nosuch'),
        (('demo', '--seed=1', '--nosuch=3'), '--nosuch'),
        (('demo', 'stray'), 'stray'),
        (('demo', '--tasks', 'fly'), 'fly'),
        (('demo', '--tasks', 'reach,'), "''"),
        (('demo', '--strategy', 'teleport'), 'teleport'),
        (('demo', '--policy', '/no/such/folder'), '/no/such/folder'),
        (('demo', '--episodes', '-3'), '-3'),
        (('demo', '--episodes', 'two'), 'two'),
        (('demo', '--episodes'), '--episodes'),
        (('demo', '--seed', 'dice'), 'dice'),
        (('demo', '--transport', 'pigeon'), 'pigeon'),
        (('demo', '--torch', 'tpu'), 'tpu'),
        (('demo', '--out', '/proc/nowhere/out'), '/proc/nowhere/out'),
        (('eval', '--episodes', '0'), '0'),
        (('eval', '--robot', 'nosuch'), 'nosuch'),
        (('eval', '--ablate', 'wrong-wordz'), 'wrong-wordz'),
        (('eval', '--phrasing', 'loud'), 'loud'),
        (('eval', '--latency-ms', 'fast'), 'fast'),
        (('eval', '--latency-ms', '-5'), '-5'),
        (('eval', '--latency-ms', '0,fast'), 'fast'),
        (('eval', '--seed', '1,x'), "'x'"),
        (('eval', '--strategy', 'rtc,teleport'), 'teleport'),
        (('eval', '--policy', 'hold,nosuch'), 'nosuch'),
        (('eval', '--policy', 'hold,replay'), 'replay'),
        (('eval', '--policy', 'hold,flow', '--graph'), '--graph'),
        (('eval', '--seed', '1,2', '--only', '0'), '--only'),
        (('eval', '--bag', '/no/such/bag'), '/no/such/bag'),
        (('eval', '--bag', '/tmp', '--policy', 'scripted'), 'scripted'),
        (('eval', '--bag', '/tmp', '--against', 'scripted'), 'scripted'),
        (('eval', '--bag', '/tmp', '--against', 'nosuch'), 'nosuch'),
        (('eval', '--bag', '/tmp', '--against-strategy', 'teleport'), 'teleport'),
        (('eval', '--bag', '/tmp', '--against', 'hold', '--graph'), '--graph'),
        (('eval', '--bag', '/tmp', '--policy', 'hold,flow'), '--bag'),
        (('eval', '--bag', '/tmp', '--seed', '1,2'), '--bag'),
        (('eval', '--bag', '/tmp', '--bag', '/usr', '--policy', 'replay'), '/usr'),
        (('bag', 'to-lerobot', '/tmp', '--out', '/etc/passwd'), '/etc/passwd'),
        (('bag', 'to-lerobot', '/tmp', '--out', '/etc/passwd/x'), '/etc/passwd'),
        (('bag', 'from-lerobot', '/tmp', '--out', '/usr', '--force'), '/usr'),
        (('eval', '--policy', 'replay'), 'replay'),
        (('eval', '--against', 'hold'), '--against'),
        (('eval', '--against-strategy', 'rtc'), '--against-strategy'),
        (('eval', '--instruction', 'reach'), '--instruction'),
        (('eval', '--ray', 'somewhere'), 'somewhere'),
        (('eval', '--ray', 'local', '--graph'), '--ray'),
        (('demo', '--seed', '1,2'), '1,2'),
        (('demo', '--strategy', 'rtc,async'), 'rtc,async'),
        (('train', '--head', 'nosuch'), 'nosuch'),
        (('train', '--config', '/no/file'), '/no/file'),
        (('bench',), 'control'),
        (('bench', 'nosuch'), 'control'),
        (('bench', 'control', '--seed', 'dice'), 'dice'),
        (('bench', 'control', '--nosuch'), '--nosuch'),
        (('launch', 'robot:=nosuch'), 'nosuch'),
        (('launch', 'strategy:=teleport'), 'teleport'),
        (('launch', 'policy:=/no/such/folder'), '/no/such/folder'),
        (('launch', 'robot'), 'robot'),
        (('launch', 'robto:=tabletop'), 'robto'),
        (('launch', 'use_sim:=maybe'), 'maybe'),
        (('launch', 'latency_ms:=fast'), 'fast'),
        (('launch', 'namespace:=1a'), '1a'),
        (('view', '/no/such/bag'), '/no/such/bag'),
        (('view', '--port', '70000'), '70000'),
        (('view', '--seconds', '3'), '--seconds'),
        (('view', '--force'), '--force'),
        (('view', '--rerun', 'run.mcap'), 'run.mcap'),
        (('view', '--rerun', '/no/such/folder/run.rrd'), '/no/such/folder'),
        (('view', '--rerun', 'run.rrd', '--port', '8080'), '--port'),
        (('view', '/tmp', '--rerun', 'run.rrd', '--seconds', '3'), '--seconds'),
        (('trace',), '--out'),
        (('trace', '/tmp', '--out', 't.json', '--seconds', '3'), '--seconds'),
        (('trace', '/tmp', '--out', '/no/such/folder/t.json'), '/no/such/folder'),
        (('shell', '--nosuch'), '--nosuch'),
        (('test', 'nosuch'), 'nosuch'),
    ],
)
def test_a_wrong_command_line_gets_one_line_that_names_the_word(words, named):
    done = vla(*words)
    assert done.returncode == 2
    assert done.stdout == ''
    assert done.stderr.count('\n') == 1
    assert named in done.stderr


def test_a_folder_with_a_finished_result_is_refused_unless_forced(tmp_path):
    (tmp_path / 'report.json').write_text('{}')
    done = vla('eval', '--out', str(tmp_path))
    assert done.returncode == 2
    assert str(tmp_path) in done.stderr
    assert '--force' in done.stderr


def test_a_finished_benchmark_is_refused_unless_forced(tmp_path):
    (tmp_path / 'bench.json').write_text('{}')
    done = vla('bench', 'control', '--out', str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1
    assert '--force' in done.stderr


@pytest.mark.parametrize(
    ('words', 'name'), [(('view', '--rerun'), 'run.rrd'), (('trace', '/tmp', '--out'), 't.json')]
)
def test_a_file_that_is_there_is_refused_unless_forced(tmp_path, words, name):
    (tmp_path / name).write_text('mine')
    done = vla(*words, str(tmp_path / name))
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1
    assert '--force' in done.stderr
    assert (tmp_path / name).read_text() == 'mine'


def test_a_file_where_the_folder_should_be_is_refused(tmp_path):
    (tmp_path / 'out').write_text('mine')
    done = vla('demo', '--out', str(tmp_path / 'out'))
    assert done.returncode == 2
    assert (tmp_path / 'out').read_text() == 'mine'


def test_launch_arguments_are_told_with_what_they_are_for():
    done = vla('launch', '--show-args')
    assert done.returncode == 0
    for name in ('robot', 'policy', 'strategy', 'use_sim', 'use_sim_time', 'rviz', 'log_level'):
        told = re.search(rf'^\s+{name}\s+(.*)$', done.stdout, re.MULTILINE)
        assert len(told[1].split()) >= 5


def test_a_python_that_is_too_old_is_told_in_one_line(tmp_path):
    script = (
        'import sys, runpy\n'
        "sys.version_info, sys.version = (3, 9, 2, 'final', 0), '3.9.2 (main)'\n"
        f'runpy.run_path({str(ROOT / "vla")!r}, run_name="__main__")\n'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith('./vla needs Python 3.11 or newer and python3 is 3.9.2')
    assert done.stderr.count('\n') == 1
