"""Jobs on a Ray cluster of two processes: done once, one line where they fail, nobody outside."""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from vla_eval.core.errors import EvalError, WorkerError
from vla_eval.core.ray_pool import JOINS, Cluster

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        importlib.util.find_spec('ray') is None,  # importing it is left to the cluster
        reason='ray is not installed: requirements/ray.txt',
    ),
]
LOOPBACK = ('0100007F', '0000000000000000FFFF00000100007F', '00000000000000000000000001000000')


def same():
    return {'commit': 'abc'}


def double(offset):
    return lambda job: (2 * job + offset, os.getpid())


def fails_at_three(_):
    def work(job):
        if job == 3:
            raise EvalError('three is not allowed')
        return job

    return work


def dies_once(marker):
    def work(job):
        if job == 2 and not os.path.exists(marker):
            Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    return work


@pytest.fixture(scope='module')
def cluster():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
        with Cluster('local', 2, same) as found:
            import ray  # what the workers cannot import travels along

            ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
            yield found


def test_every_job_is_done_once_on_two_processes(cluster):
    assert cluster.processes == 2
    found = dict(cluster.run(double, 1, range(40)))
    assert {index: value for index, (value, _) in found.items()} == {
        k: 2 * k + 1 for k in range(40)
    }
    pids = {pid for _, pid in found.values()}
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_no_jobs_need_no_workers(cluster):
    assert list(cluster.run(fails_at_three, None, [])) == []


def test_a_failure_is_its_own_words_in_one_line(cluster):
    with pytest.raises(WorkerError, match='three is not allowed') as caught:
        list(cluster.run(fails_at_three, None, range(6)))
    assert '\n' not in str(caught.value)


def test_a_job_whose_process_died_is_done_again(cluster, tmp_path):
    found = dict(cluster.run(dies_once, str(tmp_path / 'died'), range(6)))
    assert (tmp_path / 'died').exists()
    assert found == {k: k for k in range(6)}


def test_nothing_listens_beyond_this_machine(cluster):
    inodes = set()
    for pid in [os.getpid(), *session_processes()]:
        with contextlib.suppress(OSError):
            for fd in os.listdir(f'/proc/{pid}/fd'):
                with contextlib.suppress(OSError):
                    inodes.add(os.readlink(f'/proc/{pid}/fd/{fd}'))
    addresses = [
        cells[1].split(':')[0]
        for table in ('tcp', 'tcp6')
        for cells in map(str.split, Path(f'/proc/net/{table}').read_text().splitlines()[1:])
        if cells[3] == '0A' and f'socket:[{cells[9]}]' in inodes
    ]
    assert len(addresses) >= 4  # its servers and workers
    assert set(addresses) <= set(LOOPBACK)


def session_processes() -> list[int]:
    """Return the pids of processes that name this Ray session or are its workers."""
    found = []
    for entry in Path('/proc').iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / 'environ').read_bytes()
                if os.environ['RAY_AUTH_TOKEN'].encode() in words:
                    found.append(int(entry.name))
    return found


def test_a_machine_with_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(cluster, 'identity', lambda: {'commit': str(os.getpid())})
    with pytest.raises(WorkerError, match='another commit') as caught:
        list(cluster.run(double, 1, range(3)))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('address', ['127.0.0.1:9', 'ray://127.0.0.1:9'])
def test_a_cluster_that_is_not_there_is_one_line(address, tmp_path):
    refused_in_one_line(address, tmp_path, seconds=60)


def test_a_cluster_that_never_answers_is_given_up_in_one_line(tmp_path):
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen()
        address = f'127.0.0.1:{silent.getsockname()[1]}'
        said = refused_in_one_line(address, tmp_path, seconds=3)
    assert 'did not let this run in within 3 s' in said


def test_what_tries_to_join_ends_by_itself_where_nobody_is_left_to_end_it():
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen()
        address = f'127.0.0.1:{silent.getsockname()[1]}'
        done = subprocess.run([sys.executable, '-c', JOINS, address, '2'], check=False, timeout=60)
    assert done.returncode == -signal.SIGALRM


def refused_in_one_line(address, tmp_path, seconds):
    program = (
        'import sys\n'
        'from vla_eval.core import ray_pool\n'
        'from vla_eval.core.errors import RequestError\n'
        f'ray_pool.JOIN_S = {seconds}\n'
        'try:\n'
        '    ray_pool.Cluster(sys.argv[1], 2, dict)\n'
        'except RequestError as error:\n'
        '    print(error)\n'
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith('RAY_')}
    done = subprocess.run(
        [sys.executable, '-c', program, address],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**env, 'PYTHONPATH': os.pathsep.join(sys.path), 'RAY_TMPDIR': str(tmp_path)},
    )
    assert done.stdout.count('\n') == 1, done.stderr
    assert done.stdout.startswith(f'--ray {address}: ')
    return done.stdout
