"""The tool point's speed and workspace, at the coming tick and all along the stop from there."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from vla_control.core.motion import Motion
from vla_control.core.reasons import Reason
from vla_control.core.stop import table

_ROUNDING = 1e-9  # m, and of the speed limit
_MOVED = 0.05  # rad or m in sum; joints further away need another Jacobian
_NUDGE = 1e-4  # rad or m; of the difference quotient


class ToolLimits:
    """Keeps the tool point below a speed and in a box.

    Forward kinematics of a whole stop costs much; so it is asked for only where the linear
    prediction of the tool's way, with a bound on its error, leaves it open whether limits hold.
    """

    def __init__(
        self,
        forward: Callable[[np.ndarray], np.ndarray],
        step: float,
        box: tuple[np.ndarray, np.ndarray],
        dt_s: float,
        lever_m: float,
    ):
        """Prepare.

        Args:
            forward: Returns the tool point (3,) in the base frame, m, of joints (J,).
            step: Longest way in a tick, m; inf for any.
            box: Lowest and highest (x, y, z), m; infinite for none.
            dt_s: Length of a tick, s.
            lever_m: Longest distance between a joint and the tool, m.
        """
        self._forward, self._step, self._dt_s = forward, step, dt_s
        self._lever = lever_m
        self._low, self._high = box
        self._walls = box[0].tolist(), box[1].tolist()
        self._known: tuple[np.ndarray, np.ndarray] | None = None  # joints and their tool point
        self._seen: tuple[np.ndarray, list[float], list[float]] | None = None
        self._pair = np.empty((2, 0))
        self._slopes: tuple[np.ndarray, np.ndarray] | None = None  # joints and their Jacobian

    def find(
        self, start: np.ndarray, sent: np.ndarray, stop: np.ndarray
    ) -> tuple[Reason, str] | None:
        """Return what is wrong with the tool's way, None where nothing is.

        Args:
            start: (J,) commanded last; where they have the tool outside the box, it may come
                nearer and not go further.
            sent: (J,) commanded next.
            stop: (M, J) the bounded stop from there.
        """
        if not len(stop) and (sent == start).all():
            return None
        before, tool = self._tool(start), self._tool(sent)
        allowed = self._outside(before[None])
        found = self._judge(np.stack([before, tool]), self._step, allowed, 'at')
        if found is None and len(stop) and not self._predicted_fine(sent, tool, stop):
            way = np.array([tool, *map(self._forward, stop)])
            found = self._judge(way, self._step, allowed, 'braking to')
        if found is None:
            self._known = sent, tool
        return found

    def surely_fine(
        self,
        sent: np.ndarray,
        motion: Motion,
        velocity: np.ndarray,
        acceleration: np.ndarray,
        ticks: int,
    ) -> bool:
        """Whether the tool surely keeps its limits up to `sent` and on a stop from there.

        The stop's way is predicted from how far the tool came in this tick and in the one before,
        without a Jacobian. With levers below A, what that misses is at most A/2 s^2 over a way of
        s rad in sum of the joints, and A times the products of the ways for the differences.

        Args:
            sent: (J,) commanded next.
            motion: Commanded last.
            velocity: (J,) of the step to `sent`, per tick.
            acceleration: (J,) of it, per tick^2.
            ticks: Length of the stop from there.
        """
        before, u0 = self._seen_at(motion)
        tool = self._forward(sent).tolist()
        u = [a - b for a, b in zip(tool, before, strict=True)]
        h0, h1, x0, x1 = _largest(ticks)
        if self._pair.shape[1] != len(sent):
            self._pair = np.empty((2, len(sent)))
        self._pair[0], self._pair[1] = velocity, acceleration
        w, a = np.abs(self._pair).sum(1).tolist()
        moved = math.sqrt(u[0] * u[0] + u[1] * u[1] + u[2] * u[2])
        b = [p - q for p, q in zip(u, u0, strict=True)]
        slip, s = self._lever * w * (w + a), x0 * w + x1 * a
        faster = h0 * moved + h1 * math.sqrt(b[0] * b[0] + b[1] * b[1] + b[2] * b[2])
        faster += self._lever * s * (h0 * w + h1 * a) + 0.5 * h0 * self._lever * w * w + h1 * slip
        if max(moved, faster) > self._step:
            return False
        missed = 0.5 * self._lever * (s * s + x0 * w * w) + x1 * slip
        for i in range(3):
            reach = x0 * abs(u[i]) + x1 * abs(b[i]) + missed
            if not self._walls[0][i] + reach <= tool[i] <= self._walls[1][i] - reach:
                return False
        self._seen = sent, tool, u
        return True

    def _seen_at(self, motion: Motion) -> tuple[list[float], list[float]]:
        """Return the tool point of a motion, and how far it came in its last tick."""
        if self._seen is not None and self._seen[0] is motion.positions:
            return self._seen[1], self._seen[2]
        tool = self._forward(motion.positions)
        return tool.tolist(), (tool - self._forward(motion.positions - motion.velocity)).tolist()

    def allows_stop(self, before: np.ndarray, start: np.ndarray, stop: np.ndarray) -> bool:
        """Whether a stop (M, J) leads the tool neither further outside nor faster than it is.

        Args:
            before: (J,) commanded in the tick before the last.
            start: (J,) commanded last.
            stop: The way from there.
        """
        way = np.array([self._forward(q) for q in (before, start, *stop)])
        step = max(self._step, float(np.linalg.norm(way[1] - way[0])))
        return self._judge(way[1:], step, self._outside(way[1:2]), '') is None

    def _judge(
        self, way: np.ndarray, step: float, allowed: float, word: str
    ) -> tuple[Reason, str] | None:
        steps = np.diff(way, axis=0)
        longest = float(np.sqrt((steps * steps).sum(1).max()))
        if longest > step * (1.0 + _ROUNDING):
            return Reason.TOOL_SPEED, f'the tool at {longest / self._dt_s:.3f} m/s'
        if self._outside(way[1:]) > allowed + _ROUNDING:
            outside = np.maximum(self._low - way, way - self._high).max(1)
            x, y, z = way[int(outside.argmax())]
            return Reason.WORKSPACE, f'the tool {word} ({x:.3f}, {y:.3f}, {z:.3f}) m'
        return None

    def _predicted_fine(self, sent: np.ndarray, tool: np.ndarray, stop: np.ndarray) -> bool:
        """Whether the predicted way keeps the limits, whatever the prediction misses.

        With levers below A the Jacobian changes by less than A per rad, so a way of s rad, from
        joints s0 away from where the Jacobian was taken, is missed by less than A (s0 + s) s.
        """
        joints, J = self._jacobian(sent)
        away = stop - sent
        way = away @ J.T
        s = float(np.abs(away).sum(1).max())
        unsure = self._lever * (float(np.abs(sent - joints).sum()) + s)
        room = min((tool + way.min(0) - self._low).min(), (self._high - tool - way.max(0)).min())
        if room < unsure * s:
            return False
        steps = np.diff(way, axis=0, prepend=0.0)
        longest = float(np.sqrt((steps * steps).sum(1).max()))
        turned = float(np.abs(np.diff(away, axis=0, prepend=0.0)).sum(1).max())
        return longest + unsure * turned <= self._step

    def _jacobian(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return joints (J,) near those given, and the Jacobian (3, J) of the tool point there."""
        if self._slopes is None or np.abs(positions - self._slopes[0]).sum() > _MOVED:
            tool, J = self._forward(positions), np.empty((3, len(positions)))
            for k in range(len(positions)):
                nudged = positions.copy()
                nudged[k] += _NUDGE
                J[:, k] = (self._forward(nudged) - tool) / _NUDGE
            self._slopes = positions.copy(), J
        return self._slopes

    def _tool(self, positions: np.ndarray) -> np.ndarray:
        if self._known is not None and self._known[0] is positions:
            return self._known[1]
        return self._forward(positions)

    def _outside(self, points: np.ndarray) -> float:
        """Return how far points (N, 3) are outside the box at most, m; 0 inside."""
        return float(max((self._low - points).max(), (points - self._high).max(), 0.0))


@cache
def _largest(ticks: int) -> tuple[float, float, float, float]:
    """Return the largest |velocity| and |travel| on a stop, per velocity and per acceleration."""
    stop = table(ticks)
    h, x = np.abs(stop.velocity).max(0), np.abs(stop.travel).max(0)
    return float(h[0]), float(h[1]), float(x[0]), float(x[1])
