"""An executor that is fed: measured joints at every tick, a chunk at every observation."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vla_control.core.executor import ChunkExecutor
from vla_control.core.settings import ExecutorSettings
from vla_core.chunk import ActionChunk
from vla_core.command import Command
from vla_core.contract import RobotContract, load
from vla_core.se3 import SE3
from vla_eval.bench._control import robot

Rows = Callable[[np.ndarray], np.ndarray]  # of times (N), s since the beginning, rows (N, A)
_RADIUS_M, _PERIOD_S = 0.03, 8.0


class Fed:
    """An executor whose joints are where they are commanded, on a clock of its own.

    Attributes:
        executor: Told words, and moving once it has a chunk.
        now_ns: Its time.
        epoch: In force.
        ticks: So far.
        moving: Ticks in which a chunk was followed.
    """

    def __init__(
        self,
        contract: RobotContract,
        settings: ExecutorSettings,
        joints: np.ndarray,
        horizon: int = 16,
    ):
        """Begin at joints (J,), in output order; chunks have `horizon` rows."""
        self.executor = ChunkExecutor(contract, settings)
        self._contract, self._horizon, self._joints = contract, horizon, joints
        outputs = list(contract.output.joints)
        self._order = [outputs.index(name) for name in contract.state.names]
        self._still = np.zeros(len(self._order))
        self.now_ns, self.ticks, self.moving = robot.BEGIN_NS, 0, 0
        self._measure()
        self.epoch = self.executor.instruct(robot.INSTRUCTION, self.now_ns)
        tool = self.executor.tool_now() if contract.robot != 'chain' else None
        self._rows: Rows = _along_circle(tool) if tool else _of_chain(len(outputs))

    @classmethod
    def chain(cls, joints: int, horizon: int, settings: ExecutorSettings, **rates: float) -> 'Fed':
        """Return one for a chain of joints."""
        return cls(robot.chain(joints, **rates), settings, np.zeros(joints), horizon)

    @classmethod
    def tabletop(cls, root: Path, settings: ExecutorSettings) -> 'Fed':
        """Return one for the tabletop arm of the checkout."""
        contract = load(root / 'config' / 'robots' / 'tabletop.yaml')
        rest = contract.model.posture
        limits = contract.limits.joints
        joints = [rest.get(name, limits[name].upper) for name in contract.output.joints]
        return cls(contract, settings, np.array(joints))

    @property
    def due(self) -> bool:
        """Whether an observation is due now, and with it a chunk."""
        return (self.now_ns - robot.BEGIN_NS) % self._contract.rates.observation_ns == 0

    def chunk(self) -> ActionChunk:
        """Return a chunk of clean motion from now on."""
        contract = self._contract
        steps = np.arange(1, self._horizon + 1) * contract.rates.step_ns
        rows = self._rows((self.now_ns - robot.BEGIN_NS + steps) / 1e9)
        return robot.chunk(contract, rows, self.now_ns, self.epoch)

    def tick(self) -> Command | None:
        """Execute one tick, let time pass to the next, measure."""
        command = self.executor.tick(self.now_ns)
        if command is not None:
            self._joints = command.positions
            self.moving += bool(command.sources)
        self.ticks += 1
        self.now_ns += self._contract.rates.control_ns
        self._measure()
        return command

    def _measure(self) -> None:
        self.executor.measure(self.now_ns, self._joints[self._order], self._still)


def _of_chain(joints: int) -> Rows:
    return lambda times: robot.positions(joints, times)


def _along_circle(start: SE3) -> Rows:
    """Return rows of a tool that goes round and round from where it is, its gripper open."""

    def rows(times: np.ndarray) -> np.ndarray:
        angle = 2.0 * math.pi / _PERIOD_S * times
        ease = np.minimum(times / 2.0, 1.0) ** 2  # from rest
        found = np.empty((len(times), 10))
        found[:, :3] = start.t
        found[:, 0] += _RADIUS_M * ease * np.sin(angle)
        found[:, 1] += _RADIUS_M * ease * (1.0 - np.cos(angle))
        found[:, 3:9] = np.concatenate([start.R[:, 0], start.R[:, 1]])
        found[:, 9] = 1.0
        return found

    return rows
