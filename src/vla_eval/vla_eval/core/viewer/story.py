"""What has happened so far, as far as a page shows it: bounded, whatever the run's length."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus, Mode
from vla_core.se3 import SE3
from vla_core.timing import SECOND

KEPT_POINTS = 100  # of the executed path, one a look
KEPT_LATENCIES = 120
KEPT_EVENTS = 40
SAME_NS = 3 * SECOND  # clips closer together are one event
BEHIND_NS = 2 * SECOND  # what is older than this beside the rest is told to be old


@dataclass(frozen=True)
class Event:
    """Something that a person wants to be told of.

    Attributes:
        stamp_ns: ROS time.
        grade: `good`, `note`, `warn` or `bad`.
        text: One line.
        ticks: In how many ticks it happened, 0 where that is not counted.
    """

    stamp_ns: int
    grade: str
    text: str
    ticks: int = 0


class Story:
    """Takes messages in as values and keeps what is worth showing.

    Attributes:
        status: Newest, None before the first.
        chunk: Newest of the epoch in force, None without one.
        joints: Newest measured positions by name, rad or m.
        joints_ns: Their stamp, 0 before the first.
        pictures: Camera key -> (stamp, (H, W, 3) uint8 RGB), newest.
        things: Name -> T_base_thing of the simulator's objects.
        executed: (stamp, (3,) tool point in the base frame, m) of the epoch, measured.
        latencies: (stamp, milliseconds by stage) of each chunk that was followed.
        events: Newest last.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a bag was set back."""
        self.status: ExecutorStatus | None = None
        self.chunk: ActionChunk | None = None
        self.joints: dict[str, float] = {}
        self.joints_ns = 0
        self.pictures: dict[str, tuple[int, np.ndarray]] = {}
        self.things: dict[str, SE3] = {}
        self.executed: deque[tuple[int, np.ndarray]] = deque(maxlen=KEPT_POINTS)
        self.latencies: deque[tuple[int, dict[str, float]]] = deque(maxlen=KEPT_LATENCIES)
        self.events: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._clipped_by: tuple[str, ...] = ()

    @property
    def now_ns(self) -> int:
        """ROS time of the newest that the executor or the robot told, 0 before."""
        return max(self.status.stamp_ns if self.status else 0, self.joints_ns)

    @property
    def plan(self) -> ActionChunk | None:
        """The chunk that will be followed: None while stopped, and once its last row is over."""
        stopped = self.status is not None and self.status.mode == Mode.STOPPED
        over = self.chunk is not None and self.chunk.end_ns < self.now_ns
        return None if stopped or over else self.chunk

    def behind(self) -> list[tuple[str, float]]:
        """Return (what, seconds) of every stream that stands still while others go on."""
        stamps = {f'picture of {key}': stamp for key, (stamp, _) in self.pictures.items()}
        stamps['measured joints'] = self.joints_ns
        ages = {what: self.now_ns - stamp for what, stamp in stamps.items() if stamp}
        return [(what, age / SECOND) for what, age in ages.items() if age > BEHIND_NS]

    def see_joints(self, stamp_ns: int, joints: Mapping[str, float]) -> None:
        """Take measured joints in."""
        self.joints.update(joints)
        self.joints_ns = stamp_ns

    def see_tool(self, point: np.ndarray) -> None:
        """Add the tool point (3,) of the newest joints to the executed path."""
        if not self.executed or self.executed[-1][0] < self.joints_ns:
            self.executed.append((self.joints_ns, point))

    def see_chunk(self, chunk: ActionChunk) -> None:
        """Take a chunk in; one of an older epoch is not what will be done."""
        if self.status is None or chunk.epoch >= self.status.epoch:
            self.chunk = chunk

    def see_picture(self, key: str, stamp_ns: int, picture: np.ndarray) -> None:
        """Take a camera's picture in."""
        self.pictures[key] = stamp_ns, picture

    def see_things(self, things: Mapping[str, SE3]) -> None:
        """Take the simulator's objects in."""
        self.things = dict(things)

    def see_clips(self, checks: tuple[str, ...]) -> None:
        """Remember which checks of the gate clipped, for the event that the status brings."""
        if checks:
            self._clipped_by = checks

    def see_status(self, status: ExecutorStatus) -> None:
        """Take a status in: latencies, and what is different from the one before."""
        before, self.status = self.status, status
        for _, timing in status.executed:
            self.latencies.append((timing.first_row_ns or status.stamp_ns, timing.stages_ms()))
        if before is None:
            if self.chunk is not None and self.chunk.epoch < status.epoch:
                self.chunk = None
            return
        restarted = status.gate.ticks < before.gate.ticks
        if restarted or status.epoch != before.epoch:
            self.chunk = None
            self.executed.clear()
        if restarted:  # its counters and epochs begin anew, so there is nothing to compare
            self.note(Event(status.stamp_ns, 'warn', 'executor restarted'))
            return
        for grade, text, ticks in _differences(before, status, self._clipped_by):
            self.note(Event(status.stamp_ns, grade, text, ticks))

    def note(self, event: Event) -> None:
        """Remember an event; one that goes on is counted into the one before."""
        last = self.events[-1] if self.events else None
        same = last is not None and (last.grade, last.text) == (event.grade, event.text)
        if last is not None and same and event.ticks and event.stamp_ns - last.stamp_ns < SAME_NS:
            self.events.pop()
            ticks = last.ticks + event.ticks
            event = Event(event.stamp_ns, event.grade, event.text, ticks)
        self.events.append(event)


def _differences(
    before: ExecutorStatus, now: ExecutorStatus, clipped_by: tuple[str, ...]
) -> list[tuple[str, str, int]]:
    """Return (grade, text, ticks) of everything that happened between two statuses."""
    found: list[tuple[str, str, int]] = []
    if now.instruction != before.instruction:
        found.append(('note', f'words: {now.instruction}' if now.instruction else 'no words', 0))
    elif now.epoch != before.epoch:
        found.append(('note', 'begun anew', 0))
    if now.strategy != before.strategy:
        found.append(('note', f'strategy: {now.strategy}', 0))
    if now.authority != before.authority:
        found.append(('note', f'decided by: {now.authority.value}', 0))
    if now.stop_reason and not before.stop_reason:
        found.append(('bad', f'stopped: {now.stop_reason}', 0))
    elif before.stop_reason and not now.stop_reason:
        found.append(('good', 'stop cleared', 0))
    if now.mode == Mode.HOLDING and before.mode != Mode.HOLDING:
        found.append(('warn', f'holds: {now.hold_reason}'.rstrip(': '), 0))
    elif before.mode == Mode.HOLDING and now.mode == Mode.RUNNING:
        found.append(('good', 'runs again', 0))
    if (ticks := now.gate.clipped - before.gate.clipped) > 0:
        checks = ', '.join(clipped_by)
        found.append(('note', f'clipped: {checks}' if checks else 'clipped', ticks))
    if (ticks := now.gate.refused - before.gate.refused) > 0:
        found.append(('warn', f'row refused: {now.last_refusal}'.rstrip(': '), ticks))
    if (count := now.chunks.refused - before.chunks.refused) > 0:
        found.append(('warn', f'chunk refused: {now.last_refusal}'.rstrip(': '), count))
    if (count := now.chunks.expired - before.chunks.expired) > 0:
        found.append(('warn', 'chunk expired', count))
    return found
