"""Asynchronous: the newest chunk wins, over a hand-over of a few rows."""

import math
from typing import TYPE_CHECKING

import numpy as np

from vla_control.core.route import Route
from vla_control.core.strategies._moment import Moment
from vla_control.core.track import Track
from vla_control.core.waypoints import Waypoints
from vla_core import rotations

if TYPE_CHECKING:
    from vla_control.core.settings import ExecutorSettings

_HALF_TURN = math.pi - 1e-3  # rad; beyond it two rotations have no way between them


class Asynchronous:
    """Hands over from what is followed to each newer chunk, as soon as it comes.

    Over the next R rows the share of the newer chunk grows to 1, linearly or as a cosine. Both
    are taken at the same times; where the older one is over, the newer one counts alone.
    """

    def __init__(self, settings: 'ExecutorSettings', angles: tuple[int, ...] = ()):
        self._blend = _SHARES[settings.blend]
        self._rows, self._geometry = settings.blend_rows, settings.geometry
        self._angles = list(angles) if settings.geometry else []
        self.shortest = 1
        self._route: Route | None = None

    def route(self, tracks: tuple[Track, ...], moment: Moment) -> Route | None:
        """See `Strategy.route`."""
        old = self._route
        if not tracks:
            self._route = None
        elif old is None or old.tracks[-1] is not tracks[-1]:
            over = old is None or old.points.times_ns[-1] <= moment.now_ns
            if old is None or over or not self._rows:
                self._route = Route.of(tracks[-1])
            else:
                self._route = self._handed_over(old, tracks[-1], moment.now_ns)
        return self._route

    def _handed_over(self, old: Route, newer: Track, now_ns: int) -> Route:
        points = newer.points
        times = points.times_ns
        ahead = np.clip(np.cumsum(times > now_ns), 0, self._rows + 1)
        share = self._blend(ahead / (self._rows + 1.0))
        share[times > old.points.times_ns[-1]] = 1.0
        share[times <= now_ns] = 1.0  # they are over: nobody follows them
        before, f = old.points.sample(times), share[:, None]
        ahead = points.linear - before.linear
        ahead[:, self._angles] -= math.tau * np.round(ahead[:, self._angles] / math.tau)
        linear = before.linear + f * ahead
        linear[:, self._angles] = np.unwrap(linear[:, self._angles], axis=0)
        if self._geometry:
            quaternion = rotations.slerp_quaternions(before.quaternion, points.quaternion, share)
            dot = np.abs((before.quaternion * points.quaternion).sum(1))
            apart = 2.0 * np.arccos(np.minimum(dot, 1.0))
            apart = np.maximum(apart, np.abs(ahead[:, self._angles]).max(1, initial=0.0))
            opposed = frozenset(np.nonzero((apart > _HALF_TURN) & (share < 1.0))[0].tolist())
        else:
            mixed = (1.0 - f) * before.quaternion + f * points.quaternion
            norm = np.sqrt((mixed**2).sum(1, keepdims=True))
            opposed = frozenset(np.nonzero(norm[:, 0] < 1e-3)[0].tolist())
            quaternion = mixed / np.maximum(norm, 1e-3)
        gripper = (1.0 - f) * before.gripper + f * points.gripper
        if self._geometry:  # a vote: the chunk with the larger share decides
            gripper = np.where(f >= 0.5, points.gripper, before.gripper)
        handed = Waypoints(times, linear, quaternion, gripper)
        # chunks that older ones handed over to each other count as the newest of them
        return Route(handed, (old.tracks[-1], newer), np.stack([1.0 - share, share]), opposed)

    def reset(self) -> None:
        """See `Strategy.reset`."""
        self._route = None


_SHARES = {
    'linear': lambda u: u,
    'cosine': lambda u: 0.5 - 0.5 * np.cos(math.pi * u),
}
