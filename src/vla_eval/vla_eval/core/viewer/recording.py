"""A story that is written down, message by message, instead of shown."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_core.timing import MS
from vla_eval.core.viewer.drawing import EXECUTED, along
from vla_eval.core.viewer.robot import RobotModel, things
from vla_eval.core.viewer.sights import Sights
from vla_eval.core.viewer.story import Event, Story

if TYPE_CHECKING:
    from vla_eval.core.viewer.rerun_file import RerunFile

BODIES_NS = 33 * MS  # the robot's pose is written so often at most; its joints, always
PATH_NS = 100 * MS  # between two points of the executed path
NOTHING = np.empty((0, 3))
GATE = ('clipped', 'refused', 'holds', 'stops')
AXES = ('x', 'y', 'z')


class Recording(Story):
    """Writes what it is told into a file.

    Args:
        contract: Of the robot.
        sights: Where pictures show places; told of before the pictures are.
        file: Is written into; whoever opened it ends it.
    """

    def __init__(self, contract: RobotContract, sights: Sights, file: 'RerunFile'):
        super().__init__()
        self._file, self._sights = file, sights
        self._robot = RobotModel(contract)
        self._names = contract.state.names
        self._optics: dict[str, tuple[list[float], tuple[int, int]]] = {}  # as written, by camera
        self._shown: set[str] = set()  # objects whose shapes were written
        self._planned = False
        self._words: str | None = None
        self._bodies_ns = self._path_ns = 0
        file.name_series('joints', self._names)
        file.name_series('tool', AXES)
        file.name_series('gate_ticks', GATE)
        file.shapes('robot', self._robot.shapes)

    @property
    def empty(self) -> bool:
        """Whether nothing was told of."""
        return not self.now_ns and not self.pictures and self.chunk is None

    def see_joints(self, stamp_ns: int, joints: Mapping[str, float]) -> None:
        """Take measured joints in."""
        super().see_joints(stamp_ns, joints)
        self._file.at(stamp_ns)
        if all(name in self.joints for name in self._names):
            self._file.numbers('joints', [self.joints[name] for name in self._names])
        if 0 <= stamp_ns - self._bodies_ns < BODIES_NS:
            return
        self._bodies_ns = stamp_ns
        self._robot.move(self.joints)
        self._file.place('robot', self._robot.bodies())
        self._file.numbers('tool', self._robot.tool())
        if not 0 <= stamp_ns - self._path_ns < PATH_NS:
            self._path_ns = stamp_ns
            self.see_tool(self._robot.tool())
            done = np.array([point for _, point in self.executed]).reshape(-1, 3)
            self._file.line('executed', done, np.tile(EXECUTED, (len(done), 1)))

    def see_chunk(self, chunk: ActionChunk) -> None:
        """Take a chunk in; one of an older epoch is not what will be done."""
        super().see_chunk(chunk)
        if self.chunk is not chunk:
            return
        self._file.at(chunk.timing.published_ns or chunk.observation_stamp_ns)
        self._file.chunk(chunk)
        path = self._robot.tool_path(chunk)
        self._file.line('plan', path, along(len(path)))
        self._planned = True

    def see_picture(self, key: str, stamp_ns: int, picture: np.ndarray) -> None:
        """Take a camera's picture in; one without a capture time has no place in a recording."""
        super().see_picture(key, stamp_ns, picture)
        if not stamp_ns:
            return
        self._file.at(stamp_ns)
        sighting = self._sights.sighting(key, stamp_ns, picture)
        if sighting is None or sighting.lens.distortion.any():  # Rerun's pinhole knows none
            if self._optics.pop(key, None):
                self._file.no_optics(key)
        else:
            height, width = picture.shape[:2]
            optics = sighting.lens.K.ravel().tolist(), (width, height)
            if self._optics.get(key) != optics:
                self._optics[key] = optics
                self._file.optics(key, sighting.lens.K, (width, height))
            self._file.place_camera(key, sighting.T_base_camera)
        self._file.picture(key, picture)

    def see_things(self, things_: Mapping[str, SE3]) -> None:
        """Take the simulator's objects in."""
        super().see_things(things_)
        new = tuple(sorted(set(things_) - self._shown))
        if new:
            self._shown.update(new)
            self._file.shapes('things', things(new))
        if self.now_ns:  # they bear no stamp
            self._file.at(self.now_ns)
            self._file.place('things', things_)

    def see_status(self, status: ExecutorStatus) -> None:
        """Take a status in: words, latencies, counts; and what is different."""
        super().see_status(status)
        for _, timing in status.executed:
            self._file.at(timing.first_row_ns or status.stamp_ns)
            for stage, ms in timing.stages_ms().items():
                self._file.numbers(f'latency_ms/{stage}', [ms])
        self._file.at(status.stamp_ns)
        self._file.numbers('gate_ticks', [getattr(status.gate, name) for name in GATE])
        if status.instruction != self._words:
            self._words = status.instruction
            self._file.words('instruction', status.instruction)
        if self._planned and self.plan is None:
            self._planned = False
            self._file.line('plan', NOTHING, NOTHING)

    def note(self, event: Event) -> None:
        """Remember an event."""
        super().note(event)
        self._file.at(event.stamp_ns)
        times = f' ({event.ticks})' if event.ticks else ''
        self._file.event(event.grade, event.text + times)
