"""The gate: the last check before the hardware. All joints or none; needs numpy only."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vla_control.core.motion import braking_speed
from vla_control.core.reasons import Reason
from vla_core.contract import RobotContract

_TOLERANCE = 1e-9  # rad or m; smaller differences are rounding, not clips


@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """What the gate says about one request.

    Attributes:
        positions: (J,) what may be sent, inside all limits; None where nothing may.
        clipped_by: Checks that changed the request.
        refused_by: First check, in the gate's order, that refused it.
        stop: Whether the refusal asks for a latched stop.
        detail: What was found, where something was refused.
    """

    positions: np.ndarray | None
    clipped_by: tuple[Reason, ...] = ()
    refused_by: Reason | None = None
    stop: bool = False
    detail: str = ''


class Gate:
    """Checks one tick's joint targets, in the order in which reasons are reported.

    Not finite, wrong width, position limits (braking distance included), first step, velocity,
    freshness of the joint states. What passes lies in the intersection of all limits. A mode per
    check says what happens: `clip`, `refuse`, `stop`, `off`.
    """

    def __init__(
        self, contract: RobotContract, modes: Mapping[str, str], watchdog_ns: int
    ) -> None:
        limits = [contract.limits.joints[name] for name in contract.output.joints]
        self._names = contract.output.joints
        self.lower = np.array([joint.lower for joint in limits])
        self.upper = np.array([joint.upper for joint in limits])
        self.velocity = np.array([joint.velocity for joint in limits])
        self.acceleration = np.array([joint.acceleration for joint in limits])
        self.first_step = np.array([joint.first_step for joint in limits])
        self._modes = modes
        self._watchdog_ns = watchdog_ns

    def check(
        self,
        request: np.ndarray,
        previous: np.ndarray,
        measured: np.ndarray,
        age_ns: int,
        dt_s: float,
        begins: bool,
    ) -> Verdict:
        """Judge one request.

        Args:
            request: (J,) joint targets, rad or m, in the contract's output order.
            previous: (J,) joint targets of the tick before.
            measured: (J,) newest measured joints.
            age_ns: Age of the measurement.
            dt_s: Time since the tick before, s, as far as it counts for limits.
            begins: Whether motion begins with it: then its first step is checked.
        """
        if request.shape != previous.shape:
            return self._refused(
                Reason.WRONG_WIDTH, f'{len(previous)} joints expected, got {request.shape}'
            )
        if not np.isfinite(request).all():
            return self._refused(Reason.NOT_FINITE, self._at(~np.isfinite(request), request))
        return self._within(request, previous, measured, age_ns, dt_s, begins)

    def _within(
        self,
        request: np.ndarray,
        previous: np.ndarray,
        measured: np.ndarray,
        age_ns: int,
        dt_s: float,
        begins: bool,
    ) -> Verdict:
        modes, clipped = self._modes, []
        low = np.full(len(request), -np.inf)
        high = np.full(len(request), np.inf)
        if modes[Reason.POSITION] != 'off':
            down, up = self._position_bounds(previous, dt_s)
            outside = (request < down - _TOLERANCE) | (request > up + _TOLERANCE)
            if outside.any():
                if modes[Reason.POSITION] != 'clip':
                    return self._refused(Reason.POSITION, self._at(outside, request))
                clipped.append(Reason.POSITION)
            low, high = down, up
        reach = self.velocity * dt_s
        too_fast = np.abs(request - previous) > reach + _TOLERANCE
        if modes[Reason.VELOCITY] != 'off':
            low, high = np.maximum(low, previous - reach), np.minimum(high, previous + reach)
        sent = np.minimum(np.maximum(request, low), high)
        if begins and modes[Reason.FIRST_STEP] != 'off':
            step = np.abs(sent - measured)
            if (step > self.first_step).any():
                return self._refused(
                    Reason.FIRST_STEP, self._at(step > self.first_step, step, 'from measured')
                )
        if modes[Reason.VELOCITY] != 'off' and too_fast.any():
            if modes[Reason.VELOCITY] != 'clip':
                return self._refused(Reason.VELOCITY, self._at(too_fast, request))
            clipped.append(Reason.VELOCITY)
        return self.check_age(age_ns) or Verdict(sent, tuple(clipped))

    def _position_bounds(self, previous: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return bounds (J,), (J,) from which a rest inside the limits is still possible."""
        up = previous + braking_speed(self.upper - previous, self.acceleration, dt_s) * dt_s
        down = previous - braking_speed(previous - self.lower, self.acceleration, dt_s) * dt_s
        return np.maximum(down, self.lower), np.minimum(up, self.upper)

    def stale(self, age_ns: int) -> bool:
        """Whether joint states are too old, or from a time that has not come, to act on."""
        return abs(age_ns) > self._watchdog_ns

    def check_age(self, age_ns: int) -> Verdict | None:
        """Return the refusal of joint states that are stale, None where they are fresh."""
        if self._modes[Reason.STALE_STATE] == 'off' or not self.stale(age_ns):
            return None
        return self._refused(
            Reason.STALE_STATE,
            f'joint states of at most {self._watchdog_ns / 1e6:.0f} ms expected,'
            f' they are {age_ns / 1e6:.0f} ms old',
        )

    def _refused(self, check: Reason, detail: str) -> Verdict:
        return Verdict(None, (), check, self._modes[check] == 'stop', detail)

    def _at(self, where: np.ndarray, values: np.ndarray, suffix: str = '') -> str:
        joint = int(np.argmax(where))
        return f'{self._names[joint]} at {values[joint]:.4g} {suffix}'.rstrip()
