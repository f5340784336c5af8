"""The same jobs as `pool`, on the processes of a Ray cluster; Ray is an optional extra."""

import logging
import math
import os
import secrets
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from vla_core.errors import VlaError
from vla_eval.core.errors import RequestError, WorkerError

LOCAL, JOIN = 'local', 'auto'
TOKEN = Path.home() / '.ray' / 'auth_token'  # where Ray keeps it
CONNECT_S = 5.0
JOIN_S = 60.0  # longer than a busy cluster takes to let a run in
JOINS = (  # the alarm ends it where its parent was killed
    'import logging, signal, sys, ray; signal.alarm(int(sys.argv[2])); '
    'ray.init(address=sys.argv[1], log_to_driver=False, logging_level=logging.CRITICAL)'
)
RESTARTS = 3  # of a process whose machine went away; its job is done again

Setting = TypeVar('Setting')
Job = TypeVar('Job')
Result = TypeVar('Result')


class Cluster:
    """A Ray cluster, joined or started; a context.

    Attributes:
        processes: Number of its CPUs, one worker process each.
        identity: Asked on each machine; the answers must be equal.

    Args:
        address: `local` starts one on this machine that ends with the run; `auto` joins the one
            that runs here; else `HOST:PORT` or `ray://HOST:PORT`.
        workers: Processes of a local one.
        identity: Returns what must be equal on all machines, e.g. commit and versions.

    Raises:
        RequestError: there is no cluster at the address, or Ray is not installed.
    """

    def __init__(self, address: str, workers: int, identity: Callable[[], Mapping[str, Any]]):
        self.identity = identity
        _prepare(address)
        try:
            import ray
        except ImportError:
            raise RequestError('--ray: Ray is not installed; ./vla eval --ray does that') from None
        self._ray = ray
        _reach(address)
        if address != LOCAL:
            _try(address, JOIN_S)
        where: dict[str, Any] = {'address': address}
        if address == LOCAL:
            where |= {'num_cpus': workers, 'include_dashboard': False}
        try:
            ray.init(**where, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise RequestError(f'--ray {address}: {_line(error)}') from None
        self.processes = max(1, int(ray.cluster_resources().get('CPU', 1)))

    def run(
        self,
        build: Callable[[Setting], Callable[[Job], Result]],
        setting: Setting,
        jobs: Sequence[Job],
    ) -> Iterator[tuple[int, Result]]:
        """Do every job once; yield (index of the job, result) as they come. See `pool.run`.

        Raises:
            WorkerError: a worker failed, died too often, or is another version of the suite.
        """
        ray = self._ray
        remote = ray.remote(num_cpus=1, max_restarts=RESTARTS, max_task_retries=RESTARTS)(_Worker)
        count = min(self.processes, len(jobs))
        actors = [remote.remote(build, setting, self.identity) for _ in range(count)]
        ahead = iter(enumerate(jobs))
        busy = {actor.do.remote(job): (index, actor) for actor, (index, job) in
                zip(actors, ahead, strict=False)}  # fmt: skip
        mine = dict(self.identity())
        while busy:
            ready, _ = ray.wait(list(busy))
            index, actor = busy.pop(ready[0])
            yield index, _result(ray, ready[0], mine)
            following = next(ahead, None)
            if following is not None:
                busy[actor.do.remote(following[1])] = following[0], actor
        for actor in actors:
            ray.kill(actor)

    def __enter__(self) -> 'Cluster':
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Exception):  # what it would complain about is over
            self._ray.shutdown()


def _reach(address: str) -> None:
    """Refuse at once an address where nobody listens: Ray itself tries for minutes."""
    host, colon, port = address.removeprefix('ray://').rpartition(':')
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except OSError as error:
        raise RequestError(f'--ray {address}: nobody listens there ({error})') from None


def _try(address: str, limit_s: float) -> None:
    """Join once in a process that can be ended: Ray tries for minutes, and hears no signal."""
    command = [sys.executable, '-c', JOINS, address, str(math.ceil(limit_s) + 1)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise RequestError(
            f'--ray {address}: the cluster did not let this run in within {limit_s:.0f} s; does '
            f'it want a token (RAY_AUTH_TOKEN or {TOKEN}), or another version of Ray?'
        ) from None
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f'exit status {done.returncode}']
        raise RequestError(f'--ray {address}: {_short(said[-1])}')


def _prepare(address: str) -> None:
    """Set what Ray reads from the environment when it is imported or starts a process."""
    given = {
        'RAY_USAGE_STATS_ENABLED': '0',
        'RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO': '0',  # processes without a GPU keep their variables
        'RAY_BACKEND_LOG_LEVEL': 'fatal',
        'OMP_WAIT_POLICY': 'PASSIVE',  # as in `pool`
        'OMP_NUM_THREADS': '1',
    }
    if address == LOCAL:
        # No clusters of several machines: every port is one of the loopback address only. A random
        # token, too, because whoever reaches a Ray without one can run anything on it.
        given |= {
            'RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER': '0',
            'RAY_AUTH_MODE': 'token',
            'RAY_AUTH_TOKEN': secrets.token_hex(32),
        }
    elif 'RAY_AUTH_TOKEN' in os.environ or TOKEN.exists():
        given |= {'RAY_AUTH_MODE': 'token'}  # Ray looks for the token only when told so
    for name, value in given.items():
        os.environ.setdefault(name, value)


class _Worker:
    """A process of the cluster."""

    def __init__(
        self,
        build: Callable[[Any], Callable[[Any], Any]],
        setting: Any,
        identity: Callable[[], Mapping[str, Any]],
    ):
        self._build = build
        self._setting = setting
        self._identity = identity
        self._work: Callable[[Any], Any] | None = None
        self._is: Mapping[str, Any] = {}

    def do(self, job: Any) -> tuple[str, Any, Mapping[str, Any]]:
        """Return (`done` or `failed`, the result or why, what this machine runs)."""
        try:
            if self._work is None:
                self._is = self._identity()
                self._work = self._build(self._setting)
            return 'done', self._work(job), self._is
        except VlaError as error:
            return 'failed', str(error), self._is
        except Exception:
            return 'failed', traceback.format_exc(), self._is


def _result(ray: Any, reference: Any, mine: Mapping[str, Any]) -> Any:
    try:
        kind, value, theirs = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise WorkerError(f'a worker process of the cluster died: {_line(error)}') from None
    differ = [name for name in mine if theirs.get(name, mine[name]) != mine[name]]
    if differ:
        name = differ[0]
        raise WorkerError(
            f'--ray: a machine of the cluster has another {name} ({theirs[name]}, here '
            f'{mine[name]}): its figures would not be comparable'
        )
    if kind == 'failed':
        raise WorkerError(value)
    return value


def _line(error: Exception) -> str:
    return _short(str(error))


def _short(text: str) -> str:
    return ' '.join(text.split())[:200]
