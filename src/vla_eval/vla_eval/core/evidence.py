"""What of an episode is kept to be looked at: the way, moments to draw, a film of a failure."""

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.observation import Observation
from vla_core.timing import SECOND
from vla_eval.core.results import Path3
from vla_eval.core.robot import START_NS, VirtualRobot
from vla_sim.core.rendering import Configuration

SHOWN_CHUNK = 4  # the first chunks leave from rest; this one lies on the way


class Evidence:
    """Watches one episode.

    Attributes:
        moments: (time in s, what the scene was like) at each step, for photographs.

    Args:
        robot: Where it happens.
        detailed: Whether the way and what the scene was like are kept too.
    """

    def __init__(self, robot: VirtualRobot, detailed: bool):
        self._robot = robot
        self._detailed = detailed
        self._film: list[np.ndarray] = []
        self._times_s: list[float] = []
        self._commanded: list[np.ndarray] = []
        self._measured: list[np.ndarray] = []
        self._chunks: list[ActionChunk] = []
        self.moments: list[tuple[float, Configuration]] = []
        world = robot.simulator.snapshot()
        self._things = {name: thing.position[:2] for name, thing in world.objects.items()}
        self._things['plate'] = world.plate[:2]

    def seen(self, observation: Observation) -> None:
        """Keep what the first camera saw, where there is one."""
        self._film += [view.image for view in list(observation.views.values())[:1]]
        self.note()

    def planned(self, chunk: ActionChunk) -> None:
        """Keep one of the first chunks."""
        if self._detailed and len(self._chunks) <= SHOWN_CHUNK:
            self._chunks.append(chunk)

    def moved(self) -> None:
        """Keep where the tool is and where it was asked to be, after a tick."""
        if not self._detailed:
            return
        T_base_command = self._robot.executor.tool_commanded()
        if T_base_command is not None:
            self._times_s.append(self._robot.elapsed_ns / SECOND)
            self._commanded.append(T_base_command.t)
            self._measured.append(self._robot.simulator.T_base_tool().t)

    def note(self) -> None:
        """Keep what the scene is like now."""
        if self._detailed:
            moment = self._robot.elapsed_ns / SECOND, self._robot.simulator.configuration()
            self.moments.append(moment)

    def film(self) -> np.ndarray | None:
        """Return (T, H, W, 3) uint8, one picture an observation; None where nothing was seen."""
        return np.stack(self._film) if self._film else None

    def path(self) -> Path3 | None:
        """Return the tool's way, None where it was not kept or no chunk moves the tool."""
        chunk = self._chunks[-1] if self._chunks else None
        if chunk is None or 'tool.x' not in chunk.columns or not self._times_s:
            return None
        rows = chunk.t0_ns - START_NS + chunk.step_ns * np.arange(chunk.horizon)
        return Path3(
            time_s=np.array(self._times_s),
            commanded=np.array(self._commanded),
            measured=np.array(self._measured),
            chunk=chunk.actions[:, [chunk.columns.index(f'tool.{axis}') for axis in 'xyz']],
            chunk_time_s=rows / SECOND,
            things=self._things,
        )
