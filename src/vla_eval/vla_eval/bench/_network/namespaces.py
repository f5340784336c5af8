"""Network namespaces: two machines in one, as far as the network can tell."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vla_core.errors import VlaError

CLONE_NEWNET = 0x40000000
RELAY = Path(__file__).with_name('relay.py')
ADDRESSES = ('10.77.0.1', '10.77.0.2')
DEVICE = 'vla0'
# a shared memory of its own too, or two processes of one machine would not need the network
APART = 'mount -t tmpfs tmpfs /dev/shm && exec "$0" "$@"'

_libc = ctypes.CDLL(None, use_errno=True)


class NetworkError(VlaError):
    """This machine does not let a network be made."""


def why_not() -> str:
    """Return what keeps this machine from it, '' where nothing does."""
    if os.geteuid() != 0:
        return 'network namespaces need root'
    if shutil.which('ip') is None:
        return 'network namespaces need `ip` (package iproute2)'
    if not Path('/dev/net/tun').exists():
        return 'the link between network namespaces needs /dev/net/tun'
    name = f'vla-{os.getpid()}-try'
    made = _ip('netns', 'add', name)
    if made.returncode:
        return f'`ip netns add` is refused: {made.stderr.strip()}'
    _ip('netns', 'del', name)
    return ''


class Link:
    """What is between the two namespaces: frames go both ways, later or never, as told.

    Nothing is torn down while it is cut: both ends think that they are connected.
    """

    def __init__(self, names: Sequence[str], seed: int):
        self._process = subprocess.Popen(
            [sys.executable, str(RELAY), *names, DEVICE, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != 'ready\n':
            self.close()
            raise NetworkError('the link between the network namespaces could not be made')

    def cut(self) -> None:
        """Let nothing through."""
        self._tell('cut')

    def heal(self, delay_ms: float = 0.0, loss: float = 0.0) -> None:
        """Let frames through: this much later, but for a share of them."""
        self._tell(f'heal {delay_ms} {loss}')

    def _tell(self, words: str) -> None:
        """Tell the link, and wait until it is so."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f'{words}\n')
        if self._process.stdout.readline() != 'done\n':
            raise NetworkError('the link between the network namespaces has ended')

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def apart(seed: int = 0) -> Iterator[tuple[Link, list[str]]]:
    """Move this thread, and those it starts, into one namespace; make another one beside it.

    Yields the link between them, and the words that start a program in the other one.

    Raises:
        NetworkError: the machine refuses it.
    """
    if problem := why_not():
        raise NetworkError(problem)
    names = [f'vla-{os.getpid()}-{side}' for side in ('near', 'far')]
    with ExitStack() as stack:
        for name in names:
            _must('netns', 'add', name)
            stack.callback(_ip, 'netns', 'del', name)
        link = Link(names, seed)
        stack.callback(link.close)
        for name, address in zip(names, ADDRESSES, strict=True):
            _must('-n', name, 'link', 'set', 'lo', 'up')
            _must('-n', name, 'addr', 'add', f'{address}/24', 'dev', DEVICE)
            _must('-n', name, 'link', 'set', DEVICE, 'up')
        stack.enter_context(_inside(names[0]))
        yield link, ['ip', 'netns', 'exec', names[1], 'sh', '-c', APART]


@contextmanager
def _inside(name: str) -> Iterator[None]:
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(name)
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)


def enter(name: str) -> None:
    """Move this thread into a namespace."""
    there = os.open(f'/run/netns/{name}', os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(there)
    finally:
        os.close(there)


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        raise NetworkError(f'setns: {os.strerror(ctypes.get_errno())}')


def _ip(*words: str) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(['ip', *words], capture_output=True, text=True, check=False)


def _must(*words: str) -> None:
    done = _ip(*words)
    if done.returncode:
        raise NetworkError(f'`ip {" ".join(words)}` is refused: {done.stderr.strip()}')
