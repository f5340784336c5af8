"""What of a live episode is kept for people to look at; see `vla_eval.core.evidence`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.errors import VlaError
from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_eval.core.evidence import SHOWN_CHUNK
from vla_eval.core.results import Path3
from vla_ros import convert


@dataclass(frozen=True)
class Moment:
    """What the scene was like, as the simulator told it.

    Attributes:
        time_s: Since the episode began.
        joints: Positions by name, rad or m.
        things: T_base_thing of objects and plate, by name.
    """

    time_s: float
    joints: dict[str, float]
    things: dict[str, SE3]


class Recording:
    """Takes an episode's messages and makes film and path of them.

    Attributes:
        moments: What the scene was like, for photographs; only of a detailed one.

    Args:
        client: A `GraphClient`.
        start_ns: ROS time of the episode's beginning; what is older is of another scene.
        detailed: Whether path and moments are kept too.
    """

    def __init__(self, client: Any, start_ns: int, detailed: bool):
        self._contract = client.contract
        self._start_ns = start_ns
        self._detailed = detailed
        self._camera = f'image/{next(iter(client.contract.cameras))}'
        self._film: list[np.ndarray] = []
        self.moments: list[Moment] = []
        self._plans: list[tuple[float, np.ndarray]] = []
        self._measured: list[tuple[float, np.ndarray]] = []
        self._chunks: list[ActionChunk] = []

    def take(self, stream: str, msg: Any) -> None:
        """Take a message in; malformed ones are left out."""
        try:
            if stream == self._camera:
                self._keep_picture(msg)
            elif self._detailed and stream == 'sim/state':
                self._keep_state(msg)
            elif self._detailed and stream == 'vla/plan':
                plan = convert.chunk_from_msg(msg)
                self._plans.append((self._time_s(plan.t0_ns), plan.actions[0, _xyz(plan)]))
            elif self._detailed and stream == 'vla/action_chunk':
                self._keep_chunk(convert.chunk_from_msg(msg))
        except (VlaError, ValueError):
            return

    def film(self) -> np.ndarray | None:
        """Return (T, H, W, 3) uint8; None where nothing was seen."""
        return np.stack(self._film) if self._film else None

    def path(self) -> Path3 | None:
        """Return the tool's way; None where it was not kept or nothing moved."""
        if not self._chunks or len(self._plans) < 2 or len(self._measured) < 2:
            return None
        chunk = self._chunks[-1]
        rows = [self._time_s(chunk.row_ns(k)) for k in range(chunk.horizon)]
        times = np.array([t for t, _ in self._measured])
        plan_times = np.array([t for t, _ in self._plans])
        plans = np.array([p for _, p in self._plans])
        commanded = [np.interp(times, plan_times, plans[:, axis]) for axis in range(3)]
        return Path3(
            time_s=times,
            commanded=np.stack(commanded, axis=1),
            measured=np.array([p for _, p in self._measured]),
            chunk=chunk.actions[:, _xyz(chunk)],
            chunk_time_s=np.array(rows),
            things={name: (T.t[0], T.t[1]) for name, T in self.moments[0].things.items()},
        )

    def _keep_chunk(self, chunk: ActionChunk) -> None:
        if len(self._chunks) <= SHOWN_CHUNK and chunk.observation_stamp_ns > self._start_ns:
            self._chunks.append(chunk)

    def _keep_picture(self, msg: Any) -> None:
        stamp_ns = convert.ns(msg.header.stamp)
        if stamp_ns > self._start_ns:
            self._film.append(convert.image_from_msg(msg).copy())

    def _keep_state(self, msg: Any) -> None:
        stamp_ns = convert.ns(msg.header.stamp)
        if stamp_ns < self._start_ns:
            return
        poses = zip(msg.object_names, msg.object_poses, strict=True)
        things = {name: convert.pose_from_msg(pose) for name, pose in poses}
        joints = dict(zip(msg.joint_names, msg.joint_positions, strict=True))
        time_s = self._time_s(stamp_ns)
        self.moments.append(Moment(time_s, joints, things))
        self._measured.append((time_s, convert.pose_from_msg(msg.tool_pose).t))

    def _time_s(self, stamp_ns: int) -> float:
        return (stamp_ns - self._start_ns) / SECOND


def _xyz(chunk: ActionChunk) -> list[int]:
    return [chunk.columns.index(f'tool.{axis}') for axis in 'xyz']
