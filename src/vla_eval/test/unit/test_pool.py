"""Worker processes: every job once, one-line failures, nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vla_eval.core import pool
from vla_eval.core.errors import EvalError, WorkerError

HERE = Path(__file__)


def double(offset):
    return lambda job: 2 * job + offset


def fails_at_start(_):
    raise EvalError('no such thing; another expected')


def fails_at_three(_):
    def work(job):
        if job == 3:
            raise EvalError('three is not allowed')
        return job

    return work


def dies_at_three(_):
    def work(job):
        if job == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    return work


def dies_at_start(_):
    os.kill(os.getpid(), signal.SIGKILL)


def sleeper(_):
    def work(job):
        sys.stdout.write('at work\n')
        sys.stdout.flush()
        time.sleep(60)  # is interrupted

    return work


def children() -> list[str]:
    out = subprocess.run(
        ['ps', '-o', 'args=', '--ppid', str(os.getpid())], capture_output=True, text=True
    )
    return [line for line in out.stdout.splitlines() if 'spawn_main' in line]


def alive(group: int) -> list[str]:
    """Processes of a group that are not merely waiting to be reaped."""
    out = subprocess.run(['ps', '-eo', 'pgid=,stat=,args='], capture_output=True, text=True)
    rows = [line.split(None, 2) for line in out.stdout.splitlines()]
    return [row[2] for row in rows if row[0] == str(group) and row[1][0] != 'Z']


@pytest.mark.parametrize('workers', [1, 3])
def test_every_job_is_done_once(workers):
    assert dict(pool.run(double, 1, range(7), workers)) == {i: 2 * i + 1 for i in range(7)}
    assert children() == []


def test_no_jobs_need_no_workers():
    assert list(pool.run(fails_at_start, None, [], 2)) == []


@pytest.mark.parametrize(
    ('build', 'said'),
    [
        (fails_at_start, 'no such thing'),
        (fails_at_three, 'three is not'),
        (dies_at_three, 'died'),
        (dies_at_start, 'died'),  # its first job is left unread
    ],
)
def test_a_failure_ends_all_workers_with_one_line(build, said):
    with pytest.raises(WorkerError, match=said) as caught:
        list(pool.run(build, None, range(6), 2))
    assert '\n' not in str(caught.value)
    assert children() == []


@pytest.mark.parametrize('heard', ['up', 'at work'])  # with children that still import, at work
def test_ctrl_c_ends_everything_soon_and_silently(heard):
    program = (
        'import sys\n'
        'from vla_eval.core import pool\n'
        f'sys.path.insert(0, {str(HERE.parent)!r})\n'
        'import test_pool\n'
        "if __name__ == '__main__':\n"
        '    try:\n'
        '        print("up", flush=True)\n'
        '        list(pool.run(test_pool.sleeper, None, range(4), 2))\n'
        '    except KeyboardInterrupt:\n'
        '        sys.exit(130)\n'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    assert heard in iter(lambda: process.stdout.readline().strip(), '')
    os.killpg(process.pid, signal.SIGINT)
    begun = time.monotonic()
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors == ''
    while alive(process.pid):
        assert time.monotonic() - begun < 5
        time.sleep(0.05)
