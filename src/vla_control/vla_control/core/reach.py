"""Where joints may go in the coming tick so that a bounded stop remains possible.

Everything asked is linear in the next velocity once the length of the stop is fixed: jerk,
acceleration and velocity of the coming tick and of every tick of the stop, and the positions on
the way. So for each joint and each length the allowed next positions are one interval, and the
tail of the stop kept in hand lies in it.
"""

from collections.abc import Sequence

import numpy as np

from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.motion import Motion
from vla_control.core.reasons import Reason
from vla_control.core.stop import table

_ROUNDING = 1e-9  # of a limit; smaller excesses are rounding
_ROUNDING_M = 1e-12  # m or rad; the gate cuts it off before anything is sent
_CHECKS = (Reason.VELOCITY, Reason.ACCELERATION, Reason.JERK)
# The coming tick, per next velocity, velocity and acceleration now.
_NOW = np.array([[1.0, 0.0, 0.0], [1.0, -1.0, 0.0], [1.0, -1.0, -1.0]])


class Reach:
    """Next positions from which a stop of some length lies within all limits.

    Attributes:
        ticks: (L,) lengths of the stops, as given.
    """

    def __init__(self, limits: JointLimitArrays, ticks: Sequence[int], off: frozenset[Reason]):
        """Prepare.

        Args:
            limits: Of the robot.
            ticks: Lengths of the stops.
            off: Checks that are not made: of position, velocity, acceleration, jerk.
        """
        self.ticks = np.array(ticks)
        rows, checks, travel = [], [], []
        self._rate_starts, self._travel_starts = [0], [0]
        for length in ticks:
            stop = table(length)
            later = [stop.velocity[:-2], stop.acceleration[:-1], stop.jerk]
            rows += [_NOW, *map(_of_next_velocity, later)]
            checks += [*_CHECKS]
            checks += [c for c, part in zip(_CHECKS, later, strict=True) for _ in part]
            way = _of_next_velocity(stop.travel)
            way[:, 0] += 1.0
            travel += [np.array([[1.0, 0.0, 0.0]]), way]
            self._rate_starts.append(len(checks))
            self._travel_starts.append(self._travel_starts[-1] + 1 + length)
        self._rates, self._travel = np.vstack(rows), np.vstack(travel)
        self._checks = np.array([_CHECKS.index(c) for c in checks])
        of_check = {
            Reason.VELOCITY: limits.velocity,
            Reason.ACCELERATION: limits.acceleration,
            Reason.JERK: limits.jerk,
        }
        each = [np.full_like(of_check[c], np.inf) if c in off else of_check[c] for c in _CHECKS]
        self._bounds = np.stack(each)[self._checks]
        self._shares = 1.0 / self._bounds
        unbounded = np.inf if Reason.POSITION in off else 0.0
        self._lower, self._upper = limits.lower - unbounded, limits.upper + unbounded
        self._rate_length = np.repeat(np.arange(len(ticks)), np.diff(self._rate_starts))
        self._travel_length = np.repeat(np.arange(len(ticks)), np.diff(self._travel_starts))
        self._per_rate, self._per_travel = _inverse(self._rates), _inverse(self._travel)
        first = self._rate_starts[1], self._travel_starts[1]
        self._first = self._rates[: first[0]], self._shares[: first[0]], self._travel[: first[1]]
        self._state = np.empty((3, len(limits.lower)))
        self._lay_clean(first)

    def _lay_clean(self, first: tuple[int, int]) -> None:
        """Put all that is asked for the first length into shares of limits, one product for all.

        A position is a share of half its range from the middle, which is a fourth number beside
        next velocity, velocity and acceleration.
        """
        bounded = np.isfinite(self._upper) & np.isfinite(self._lower)
        lower, upper = np.where(bounded, self._lower, 0.0), np.where(bounded, self._upper, 0.0)
        self._middle = 0.5 * (lower + upper)
        half = np.where(bounded, 0.5 * (upper - lower), np.inf)
        rates, way = self._rates[: first[0]], self._travel[: first[1]]
        self._clean = np.vstack(
            [
                np.hstack([rates, np.zeros((len(rates), 1))]),
                np.hstack([way, np.ones((len(way), 1))]),
            ]
        )
        self._clean_shares = np.vstack(
            [self._shares[: first[0]], np.broadcast_to(1.0 / half, (len(way), len(half)))]
        )
        self._clean_state = np.empty((4, len(half)))
        self._clean_share = np.empty_like(self._clean_shares)

    def allows_all(self, velocity: np.ndarray, motion: Motion) -> bool:
        """Whether all joints may go on at `velocity` (J,) per tick and stop by the first length.

        It costs less than `allows`, which says the same but for roundings.
        """
        state, share = self._clean_state, self._clean_share
        state[0], state[1], state[2] = velocity, motion.velocity, motion.acceleration
        np.subtract(motion.positions, self._middle, out=state[3])
        np.matmul(self._clean, state, out=share)
        share *= self._clean_shares
        np.abs(share, out=share)
        return bool(share.max() <= 1.0 + _ROUNDING_M)

    def allows(self, request: np.ndarray, motion: Motion) -> np.ndarray | bool:
        """Return which joints may go to positions (J,) and stop by the first length; True: all."""
        state, at = self._state, motion.positions
        np.subtract(request, at, out=state[0])
        state[1], state[2] = motion.velocity, motion.acceleration
        rates, shares, way = self._first
        share = rates @ state
        share *= shares
        travel = way @ state
        allowed = (
            (share.max(0) <= 1.0 + _ROUNDING)
            & (share.min(0) >= -1.0 - _ROUNDING)
            & (travel.max(0) + at <= self._upper + _ROUNDING_M)
            & (travel.min(0) + at >= self._lower - _ROUNDING_M)
        )
        return True if allowed.all() else allowed

    def allows_each(self, requests: np.ndarray, motion: Motion) -> np.ndarray:
        """Return (L, J) which joints may go to positions (L, J) and stop by each length."""
        at, now = motion.positions, np.stack([motion.velocity, motion.acceleration])
        velocity = requests - at
        share = self._rates[:, :1] * velocity[self._rate_length] + self._rates[:, 1:] @ now
        share *= self._shares
        way = self._travel[:, :1] * velocity[self._travel_length] + self._travel[:, 1:] @ now
        rates, travel = self._rate_starts[:-1], self._travel_starts[:-1]
        return (
            (np.maximum.reduceat(share, rates) <= 1.0 + _ROUNDING)
            & (np.minimum.reduceat(share, rates) >= -1.0 - _ROUNDING)
            & (np.maximum.reduceat(way, travel) + at <= self._upper + _ROUNDING_M)
            & (np.minimum.reduceat(way, travel) + at >= self._lower - _ROUNDING_M)
        )

    def intervals(self, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and highest positions (L, J) to go to, by each length.

        Where low > high, no position allows a stop of that length.
        """
        at, now = motion.positions, np.stack([motion.velocity, motion.acceleration])
        constant = self._rates[:, 1:] @ now
        a, b = (
            (-self._bounds - constant) * self._per_rate,
            (self._bounds - constant) * self._per_rate,
        )
        constant = at + self._travel[:, 1:] @ now
        c, d = (
            (self._lower - constant) * self._per_travel,
            (self._upper - constant) * self._per_travel,
        )
        rates, travel = self._rate_starts[:-1], self._travel_starts[:-1]
        low = np.maximum(
            np.maximum.reduceat(np.minimum(a, b), rates),
            np.maximum.reduceat(np.minimum(c, d), travel),
        )
        high = np.minimum(
            np.minimum.reduceat(np.maximum(a, b), rates),
            np.minimum.reduceat(np.maximum(c, d), travel),
        )
        return at + low, at + high

    def findings(
        self, request: np.ndarray, motion: Motion, joints: np.ndarray
    ) -> dict[Reason, np.ndarray]:
        """Return the checks that positions (J,) do not pass, in the gate's order: joints (J,).

        What is wrong with the coming tick itself; for joints that only a stop of the first length
        would lead past a limit, what is wrong with that stop.

        Args:
            request: (J,) positions.
            motion: State before.
            joints: (J,) those that are asked about.
        """
        state = np.stack([request - motion.positions, motion.velocity, motion.acceleration])
        rates, shares, way = self._first
        at = motion.positions + way @ state
        outside = (at > self._upper + _ROUNDING_M) | (at < self._lower - _ROUNDING_M)
        excess = np.abs(rates @ state) * shares > 1.0 + _ROUNDING
        now = {Reason.POSITION: outside[:1]} | {c: excess[[k]] for k, c in enumerate(_CHECKS)}
        later = {Reason.POSITION: outside} | {
            c: excess[self._checks[: len(excess)] == k] for k, c in enumerate(_CHECKS)
        }
        told, found = np.zeros_like(joints), {}
        for wrong in now.values():
            told |= wrong.any(0)
        for check in now:
            wrong = (now[check].any(0) | (later[check].any(0) & ~told)) & joints
            if wrong.any():
                found[check] = wrong
        return found


def _of_next_velocity(per_state: np.ndarray) -> np.ndarray:
    """Turn rows (K, 2) per state after the tick into rows (K, 3) per state before it.

    After it, the velocity is the next one, the acceleration its difference to the one now.
    """
    velocity, acceleration = per_state[:, 0], per_state[:, 1]
    return np.stack([velocity + acceleration, -acceleration, np.zeros_like(velocity)], axis=1)


def _inverse(rows: np.ndarray) -> np.ndarray:
    """Return (K, 1) one over the slope per next velocity; never over zero."""
    slope = rows[:, :1]
    return 1.0 / np.where(np.abs(slope) < 1e-12, 1e-12, slope)
