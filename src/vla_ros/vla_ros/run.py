"""Runs one node as one process: how it starts, how it ends, what it says last.

The entry point of an executable is `return run('vla_control.ros.node:ExecutorNode')`.

The node's module is named, not imported: the signals must be blocked before the first thread
starts, and importing numpy starts some.
"""

import ctypes
import importlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from vla_ros.errors import one_line
from vla_ros.heap import keep_freed_memory

if TYPE_CHECKING:
    from vla_ros.lifecycle import SuiteNode

SIGNALS = {signal.SIGINT, signal.SIGTERM}
PR_SET_PDEATHSIG = 1
PATIENCE_STARTING_S = 1.5  # nothing was sent yet, so no last word is owed
PATIENCE_ENDING_S = 4.0  # as long as a supervisor would wait before SIGKILL
# Fast DDS 2.14 may crash where a writer is deleted while a peer's reader is being matched to it,
# and both are busy with that when they have just met.
LEAST_AGE_S = 1.0


def run(where: str, args: list[str] | None = None) -> int:
    """Run a node until it is told to end; return the exit status of the process.

    Ends with 0 on SIGINT, SIGTERM or the death of the parent process, after `on_stop`; with 1,
    after one line on standard error, where configuring is refused (under `autostart`) or a
    callback raises.

    Args:
        where: `package.module:Class`.
        args: Command line with the program's name; that of the process where none is given.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    _die_with_parent()
    keep_freed_memory()
    end = _End()
    threading.Thread(target=end.wait_for_signal, name='signals', daemon=True).start()
    try:
        return _run(_load(where), args, end)
    except Exception as error:
        name = where.rpartition(':')[2]
        sys.stderr.write(f'{name}: {type(error).__name__}: {one_line(error)}\n')
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class _End:
    """Whether and why the process is to end; wakes whoever spins."""

    def __init__(self) -> None:
        self.node: Any = None
        self.future: Any = None
        self.speaking = False  # the node has begun: its last word is worth waiting for
        self.signalled = False  # told by a signal, not by a failure of the node
        self._told = threading.Event()

    def wait_for_signal(self) -> None:
        """Thread: pass the first signal on, then see to it that the process does end."""
        signal.sigwait(SIGNALS)
        begun = time.monotonic()
        self.signalled = True
        self.tell()
        while True:
            time.sleep(0.05)
            patience = PATIENCE_ENDING_S if self.speaking else PATIENCE_STARTING_S
            if time.monotonic() - begun > patience:
                os._exit(1 if self.speaking else 0)

    def tell(self) -> None:
        """Ask for the end; from any thread."""
        self._told.set()
        if self.node is not None:
            self.node.stopping.set()
        if self.future is not None and not self.future.done():
            self.future.set_result(None)

    @property
    def told(self) -> bool:
        return self._told.is_set()


def _run(cls: type, args: list[str] | None, end: _End) -> int:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.signals import SignalHandlerOptions
    from rclpy.task import Future

    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node, begun = None, time.monotonic()
    try:
        end.future = Future()
        node = cls()
        end.node = node
        node.on_failure = end.tell
        if end.told:
            return 0
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        return _spin(node, executor, end)
    finally:
        if not end.signalled:  # whoever sent a signal waits for the end
            time.sleep(max(0.0, begun + LEAST_AGE_S - time.monotonic()))
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(node: 'SuiteNode', executor: Any, end: _End) -> int:
    begun = True
    try:
        begun = node.begin()
        if begun and not end.told:
            end.speaking = True
            executor.spin_until_future_complete(end.future)
    except Exception as error:
        node.fail(error)
    finally:
        try:
            node.end('fault' if node.failure else 'terminated')
        except Exception as error:
            node.fail(error)
        executor.shutdown(timeout_sec=1.0)
    return 1 if node.failure or not begun else 0


def _load(where: str) -> type:
    module, _, name = where.partition(':')
    return getattr(importlib.import_module(module), name)


def _die_with_parent() -> None:
    """Get SIGTERM when the process that started this one dies."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)
