"""Jobs on worker processes that end with this one, at Ctrl-C too, and without a trace."""

import ctypes
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from vla_core.errors import VlaError
from vla_eval.core.errors import WorkerError

PR_SET_PDEATHSIG = 1

Setting = TypeVar('Setting')
Job = TypeVar('Job')
Result = TypeVar('Result')


def run(
    build: Callable[[Setting], Callable[[Job], Result]],
    setting: Setting,
    jobs: Sequence[Job],
    workers: int,
) -> Iterator[tuple[int, Result]]:
    """Do every job once; yield (index of the job, result) as they come.

    Args:
        build: Makes, in each worker, what does the jobs; a function of a module.
        setting: What it makes it from.
        jobs: Handed out in order, one at a time, to whichever worker is free.
        workers: Number of processes; the results must not depend on it.

    Raises:
        WorkerError: a worker failed or died; the others are ended.
    """
    # before the workers' interpreters start: OpenMP reads them once, and spins for a second else
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    ahead = iter(enumerate(jobs))
    busy: dict[Connection, int] = {}
    processes = []
    try:
        for _ in range(min(workers, len(jobs))):
            process, connection = _start(build, setting)
            processes.append(process)
            index, job = next(ahead)
            connection.send(job)
            busy[connection] = index
        while busy:
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                yield busy.pop(ready), _receive(ready)
                following = next(ahead, None)
                if following is not None:
                    busy[ready] = following[0]
                    ready.send(following[1])
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


def _start(build: Callable[..., Any], setting: Any) -> tuple[Any, Connection]:
    context = multiprocessing.get_context('spawn')
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, os.getpid(), build, setting))
    # The mask is inherited: Ctrl-C reaches the whole group, and an importing child would print it.
    # Python's tracker comes first, because starting it unblocks the signal.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return process, ours


def _receive(connection: Connection) -> Any:
    try:
        kind, value = connection.recv()
    except (EOFError, ConnectionError):  # the latter where it left a job unread
        raise WorkerError('a worker process died; was it killed, or is memory short?') from None
    if kind == 'failed':
        raise WorkerError(value)
    return value


def _serve(
    connection: Connection, parent: int, build: Callable[[Any], Callable[[Any], Any]], setting: Any
) -> None:
    """Body of a worker process."""
    if sys.platform == 'linux':
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        return
    try:
        work = build(setting)
        while True:
            try:
                job = connection.recv()
            except EOFError:
                return
            connection.send(('done', work(job)))
    except VlaError as error:
        connection.send(('failed', str(error)))
    except Exception:
        connection.send(('failed', traceback.format_exc()))
