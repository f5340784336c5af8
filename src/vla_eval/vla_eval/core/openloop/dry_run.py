"""Strategy and gate on the clock of a bag: what they make of chunks while nothing moves."""

from collections import Counter
from contextlib import suppress

import numpy as np

from vla_control.core.errors import ChunkRefused
from vla_control.core.executor import ChunkExecutor
from vla_control.core.reasons import Reason
from vla_control.core.settings import ExecutorSettings
from vla_core.chunk import ActionChunk
from vla_core.command import Command, ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.timing import Timing
from vla_eval.core.openloop.paths import JointPath


def settings(strategy: str) -> ExecutorSettings:
    """Return the settings of a dry run.

    The robot in the bag does not follow these commands, so that it disagrees with them is no
    finding.
    """
    return ExecutorSettings(strategy=strategy, modes={Reason.DISAGREEMENT: 'off'})


class Tally:
    """What commands say of themselves.

    Attributes:
        clipped: Check -> ticks.
        refused: Reason -> ticks.
    """

    def __init__(self, contract: RobotContract):
        self.clipped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._joints = len(contract.output.joints)
        self._rows: list[tuple[int, np.ndarray]] = []

    def note(self, command: Command) -> None:
        """Count a command."""
        self._rows.append((command.stamp_ns, command.positions))
        self.clipped.update(command.clipped_by)
        if command.hold_reason not in ('', Reason.IDLE, Reason.SILENCE):
            self.refused[command.hold_reason] += 1

    def path(self) -> JointPath:
        """Return what was commanded."""
        return JointPath.of(self._rows, self._joints)


class DryRun:
    """An executor whose commands go nowhere.

    Attributes:
        executor: Its core.
        tally: Of its commands.
        executed: Timings of the chunks that were followed.
    """

    def __init__(self, contract: RobotContract, strategy: str):
        self.executor = ChunkExecutor(contract, settings(strategy))
        self.tally = Tally(contract)
        self.executed: list[Timing] = []
        self._tick_ns = contract.rates.control_ns
        self._due_ns = 0

    def advance(self, now_ns: int) -> bool:
        """Tick until a time; return whether a tick was due."""
        due = self._due_ns <= now_ns
        if not self._due_ns:
            self._due_ns = now_ns
        while self._due_ns <= now_ns:
            command = self.executor.tick(self._due_ns)
            if command is not None:
                self.tally.note(command)
            self._due_ns += self._tick_ns
        return due

    def accept(self, chunk: ActionChunk, now_ns: int) -> None:
        """Hand a chunk over."""
        with suppress(ChunkRefused):  # counted by the executor
            self.executor.accept(chunk, now_ns)

    def status(self, now_ns: int) -> ExecutorStatus:
        """Return the executor's status; timings of executed chunks are kept."""
        status = self.executor.status(now_ns)
        self.executed.extend(timing for _, timing in status.executed)
        return status
