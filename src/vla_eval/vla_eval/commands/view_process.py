"""The page of `./vla demo --view`: a process of its own, so that it takes nothing from the run."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console

from vla_cli import children

READY_S = 20.0  # the first episode waits for the page so long at most


class ViewProcess:
    """Serves the page while the block runs.

    Args:
        wanted: Whether there is to be a page at all.
        robot: Name of the contract.
        variables: What puts a process on the graph's domain and transport.
        console: Where its address is told, or why there is none.
    """

    def __init__(self, wanted: bool, robot: str, variables: Mapping[str, str], console: Console):
        self._console = console
        self._ready = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        if wanted:
            words = ['-m', 'vla_cli.handover', 'vla_eval.commands.view', '--robot', robot]
            env = {**os.environ, **variables}
            self._process = children.start([sys.executable, *words], env, output=subprocess.PIPE)

    def __enter__(self) -> 'ViewProcess':
        if self._process is not None:
            threading.Thread(target=self._tell, args=(self._process,), daemon=True).start()
            self._ready.wait(READY_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            children.end(self._process)

    def _tell(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            text = line.decode(errors='replace').rstrip()
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)
            self._ready.set()
        self._ready.set()
