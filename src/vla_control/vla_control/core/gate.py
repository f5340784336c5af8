"""The gate: the last check before the hardware. All joints or none; needs numpy only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vla_control.core.joint_limits import JointLimitArrays
from vla_control.core.modes import CLIP, OFF, REFUSE, STOP, complete
from vla_control.core.motion import Motion
from vla_control.core.reach import Reach
from vla_control.core.reasons import Reason
from vla_control.core.stop import SHORTEST, Stops
from vla_control.core.tool import ToolLimits
from vla_core.contract import RobotContract

_RATES = (Reason.POSITION, Reason.VELOCITY, Reason.ACCELERATION, Reason.JERK)
_SHORTER = 1.2  # ratio of the lengths of the stops tried: shorter ones reach nearer to the ends
_HALVINGS = 7  # of the way between the stop in hand and what was asked for
_ROUNDING = 1e-9
_CUT = 1e-12  # rad or m; what is cut off at position limits as a rounding
_FAR = 1e9  # rad or m; what is asked for beyond it counts as it, so that no product overflows


@dataclass(frozen=True, eq=False, slots=True)
class Verdict:
    """What the gate says about one request.

    Attributes:
        motion: State of the joints if they follow it, inside all limits; None where they may not:
            then brake (`Gate.brake`).
        clipped_by: Checks that changed the request.
        refused_by: First check, in the gate's order, that refused it.
        stop: Whether the refusal asks for a latched stop.
        detail: What was found, where something was refused.
    """

    motion: Motion | None
    clipped_by: tuple[Reason, ...] = ()
    refused_by: Reason | None = None
    stop: bool = False
    detail: str = ''


class Gate:
    """Checks one tick's joint targets, in the order in which reasons are reported.

    Finite, width, position, first step, velocity, acceleration, jerk, tool speed, workspace, fresh
    joint states, disagreement between command and measurement. A mode per check says what
    happens: `clip`, `refuse`, `stop`, `off`.

    What passes lies in the intersection of all limits, and so does a bounded stop from there: the
    gate passes nothing from which it could not brake within the limits of position, velocity,
    acceleration and jerk. That stop is kept in hand (`Motion.stop`), so what is passed instead of
    a request that is too much always exists.

    Nothing is remembered between calls; `Motion` is the whole state.
    """

    def __init__(
        self,
        contract: RobotContract,
        modes: Mapping[str, str] | None = None,
        watchdog_ns: int = 200_000_000,
        forward: Callable[[np.ndarray], np.ndarray] | None = None,
        lever_m: float = 2.0,
    ) -> None:
        """Prepare.

        Args:
            contract: Whose limits hold.
            modes: Check -> mode; others keep their default (`modes.MODES`).
            watchdog_ns: Age above which joint states are stale.
            forward: Returns the tool point (3,) in the base frame, m, of joints (J,). None: tool
                speed and workspace are not checked.
            lever_m: A bound on the distance between a joint and the tool, m, by which the tool's
                way on a stop is predicted; of this robot.

        Raises:
            SettingsError: an unknown check, or a mode that it does not have.
        """
        self.limits = JointLimitArrays(contract)
        self._modes = complete(modes or {})
        self._watchdog_ns = watchdog_ns
        self._stops = Stops(self.limits)
        self._off = frozenset(check for check in _RATES if self._modes[check] == OFF)
        self._reach = Reach(self.limits, self._lengths(), self._off)
        low, high = contract.limits.workspace
        everywhere = self._modes[Reason.WORKSPACE] == OFF
        box = np.array(low), np.array(high)
        box = (np.full(3, -np.inf), np.full(3, np.inf)) if everywhere else box
        any_speed = self._modes[Reason.TOOL_SPEED] == OFF
        step = np.inf if any_speed else contract.limits.tool_speed * self.limits.dt_s
        limited = np.isfinite(step) or np.isfinite(box).any()
        self._tool = (
            ToolLimits(forward, step, box, self.limits.dt_s, lever_m)
            if forward and limited
            else None
        )

    def _lengths(self) -> list[int]:
        """Return the lengths of the stops that are tried, in ticks, longest first."""
        lengths = [self._stops.longest]
        while lengths[-1] > SHORTEST:
            lengths.append(max(SHORTEST, min(lengths[-1] - 1, round(lengths[-1] / _SHORTER))))
        return lengths

    # -- taking over, braking ---------------------------------------------------------------------

    def take_over(self, positions: np.ndarray, velocities: np.ndarray) -> Motion | None:
        """Return the state of joints that are measured somewhere; None where it is no good start.

        Velocities are taken over too, so that a robot that moves is braked, not halted; they are
        reduced to what a stop within the limits allows.

        Args:
            positions: (J,) rad or m; further outside the limits than a first step: None.
            velocities: (J,) rad/s or m/s.
        """
        limits = self.limits
        at = np.clip(positions, limits.lower, limits.upper)
        if (np.abs(at - positions) > limits.first_step).any():
            return None
        velocity = self._stops.from_speed(at, velocities * limits.dt_s)
        if not velocity.any():
            return Motion.at_rest(at)
        zero = np.zeros(len(at))
        return Motion(
            at, velocity, zero, self._stops.path(at, velocity, zero, self._stops.longest)
        )

    def brake(self, motion: Motion) -> Motion:
        """Return the state one tick further on the shortest bounded stop; at rest, the same."""
        if not motion.stopping and not motion.resting:
            shorter = self._stops.quickest(
                motion.positions, motion.velocity, motion.acceleration, len(motion.stop)
            )
            if shorter is not None and self._tool_allows(shorter, motion):
                return motion.onto(self._inside(shorter[0]), shorter[1:], stopping=True)
        return motion.brake(self._inside)

    def _inside(self, positions: np.ndarray) -> np.ndarray:
        """Cut rounding off at the position limits."""
        if Reason.POSITION in self._off:
            return positions
        return np.minimum(np.maximum(positions, self.limits.lower), self.limits.upper)

    # -- one request ------------------------------------------------------------------------------

    def check(
        self,
        request: np.ndarray,
        motion: Motion,
        measured: np.ndarray,
        age_ns: int,
        begins: bool = False,
    ) -> Verdict:
        """Judge one request.

        Args:
            request: (J,) joint targets of the coming tick, rad or m, in the contract's output
                order.
            motion: State after the tick before; of this gate, or `Motion.at_rest`.
            measured: (J,) newest measured joints.
            age_ns: Age of the measurement.
            begins: Whether motion begins with it: then its first step is checked.
        """
        request, measured = np.asarray(request, float), np.asarray(measured, float)
        if not begins:
            clean = self._clean(request, motion, measured, age_ns)
            if clean is not None:
                return clean
        limits, modes = self.limits, self._modes
        malformed = self._malformed(request, '') or self._malformed(measured, 'measured ')
        if malformed is not None:
            return malformed
        measured = limits.nearest_turn(measured, motion.positions)
        asked, clipped = np.minimum(np.maximum(request, -_FAR), _FAR), list[Reason]()
        led_back = shortened = False
        if modes[Reason.DISAGREEMENT] == CLIP:
            led_back, asked = _near(asked, measured, limits.disagreement)
        if begins and modes[Reason.FIRST_STEP] == CLIP:
            shortened, asked = _near(asked, measured, limits.first_step)
        sent, ticks, findings = self._within(asked, motion)
        for check, joints in findings.items():
            if check is not Reason.POSITION:
                continue
            if modes[check] != CLIP:
                return self._refused(check, self._at(joints, request))
            clipped.append(check)
        if begins and modes[Reason.FIRST_STEP] in (REFUSE, STOP):
            step = np.abs(sent - measured)
            if (step > limits.first_step + _ROUNDING).any():
                return self._refused(
                    Reason.FIRST_STEP, self._at(step > limits.first_step, step, 'from measured')
                )
        if shortened:
            clipped.append(Reason.FIRST_STEP)
        for check, joints in findings.items():
            if check is Reason.POSITION:
                continue
            if modes[check] != CLIP:
                return self._refused(check, self._at(joints, request))
            clipped.append(check)
        stop = self._stop_from(sent, motion, ticks)
        if self._tool is not None:
            found = self._tool.find(motion.positions, sent, stop)
            if found is not None and len(stop):
                stop = self._shortest(sent, motion, stop)  # that one ends nearest
                found = self._tool.find(motion.positions, sent, stop)
            if found is not None:
                check, detail = found
                if modes[check] != CLIP:
                    return self._refused(check, detail)
                sent, stop = self._withdrawn(sent, motion)
                clipped.append(check)
        stale = self.check_age(age_ns)
        if stale is not None:
            return stale
        if modes[Reason.DISAGREEMENT] in (REFUSE, STOP):
            apart = np.abs(motion.positions - measured)
            if (apart > limits.disagreement).any():
                return self._refused(
                    Reason.DISAGREEMENT,
                    self._at(apart > limits.disagreement, apart, 'from measured'),
                )
        if led_back:
            clipped.append(Reason.DISAGREEMENT)
        return Verdict(motion.onto(sent, stop), tuple(clipped))

    def _clean(
        self, request: np.ndarray, motion: Motion, measured: np.ndarray, age_ns: int
    ) -> Verdict | None:
        """Return the verdict on what surely passes every check; None where all must be looked at.

        Nearly every request of clean motion is one; NaN is none, for it is below no limit.
        """
        limits = self.limits
        if request.shape != limits.lower.shape or measured.shape != limits.lower.shape:
            return None
        sent = self._inside(request)
        velocity = sent - motion.positions
        if not (np.abs(velocity) <= limits.velocity).all() or self.stale(age_ns):
            return None
        if np.abs(sent - request).max() > _CUT:
            return None
        if not (np.abs(measured - motion.positions) <= limits.disagreement).all():
            return None
        if not self._reach.allows_all(velocity, motion):
            return None
        acceleration = velocity - motion.velocity
        ticks = self._stops.longest
        if self._tool is not None:
            if not self._tool.surely_fine(sent, motion, velocity, acceleration, ticks):
                return None
        elif not (velocity.any() or acceleration.any()):
            return None
        return Verdict(Motion(sent, velocity, acceleration, ticks))

    def stale(self, age_ns: int) -> bool:
        """Whether joint states are too old, or from a time that has not come, to act on."""
        return abs(age_ns) > self._watchdog_ns

    def check_age(self, age_ns: int) -> Verdict | None:
        """Return the refusal of joint states that are stale, None where they are fresh."""
        if self._modes[Reason.STALE_STATE] == OFF or not self.stale(age_ns):
            return None
        return self._refused(
            Reason.STALE_STATE,
            f'joint states of at most {self._watchdog_ns / 1e6:.0f} ms expected,'
            f' they are {age_ns / 1e6:.0f} ms old',
        )

    # -- joints -----------------------------------------------------------------------------------

    def _within(
        self, request: np.ndarray, motion: Motion
    ) -> tuple[np.ndarray, np.ndarray | int, dict[Reason, np.ndarray]]:
        """Return the allowed positions nearest to a request, and what the request did not pass.

        Each joint's stop has a length of its own: the longest that lets it go where it is asked
        to. In the middle of the result: these lengths in ticks, one number where all are the same,
        0 for the stop in hand.
        """
        reach = self._reach
        allowed = reach.allows(request, motion)
        if allowed is True:
            return self._inside(request), int(reach.ticks[0]), {}
        each = reach.allows_each(
            np.broadcast_to(request, (len(reach.ticks), len(request))), motion
        )
        ticks = np.where(each.any(0), reach.ticks[each.argmax(0)], 0)
        if ticks.all():
            return self._inside(request), ticks, {}
        clipped = ticks == 0
        findings = reach.findings(request, motion, clipped)
        braked = motion.brake().positions  # that one always is allowed
        sent = np.where(clipped, braked, request)
        low, high = reach.intervals(motion)
        near = np.minimum(np.maximum(request, low), high)
        apart = np.abs(near - request)
        apart[(low > high) | ~reach.allows_each(near, motion)] = np.inf  # but for rounding it is
        best = apart.argmin(0)
        better = clipped & (apart.min(0) < np.abs(braked - request))
        sent = np.where(better, near[best, np.arange(len(request))], sent)
        ticks = np.where(better, reach.ticks[best], ticks)
        return self._inside(sent), ticks, findings

    def _stop_from(self, sent: np.ndarray, motion: Motion, ticks: np.ndarray | int) -> np.ndarray:
        """Return the bounded stop (M, J) from positions that were allowed, by joints' ticks."""
        velocity = sent - motion.positions
        acceleration = velocity - motion.velocity
        if not (velocity.any() or acceleration.any()):
            return motion.stop[:0]
        if isinstance(ticks, int):
            return self._stops.path(sent, velocity, acceleration, ticks)
        inherited = motion.stop[1:]
        stop = np.empty((max(int(ticks.max()), len(inherited)), len(sent)))
        stop[:] = inherited[-1] if len(inherited) else sent
        stop[: len(inherited)] = inherited
        for length in set(ticks.tolist()) - {0}:
            joints = ticks == length
            path = self._stops.path(sent, velocity, acceleration, length)
            stop[:length, joints], stop[length:, joints] = path[:, joints], path[-1, joints]
        return stop

    def _shortest(self, sent: np.ndarray, motion: Motion, stop: np.ndarray) -> np.ndarray:
        velocity = sent - motion.positions
        shorter = self._stops.quickest(sent, velocity, velocity - motion.velocity, len(stop))
        return stop if shorter is None else shorter

    # -- tool -------------------------------------------------------------------------------------

    def _withdrawn(self, sent: np.ndarray, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
        """Return the way point between the stop in hand and `sent` that the tool may go to."""
        braked = motion.brake().positions
        best, stop = braked, motion.stop[1:]
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            share = 0.5 * (low + high)
            point, ticks, findings = self._within(braked + share * (sent - braked), motion)
            path = self._stop_from(point, motion, ticks)
            if not findings and self._tool_finds_nothing(point, path, motion):
                best, stop, low = point, path, share
            else:
                high = share
        return best, stop

    def _tool_finds_nothing(self, sent: np.ndarray, stop: np.ndarray, motion: Motion) -> bool:
        return self._tool is None or self._tool.find(motion.positions, sent, stop) is None

    def _tool_allows(self, stop: np.ndarray, motion: Motion) -> bool:
        before = motion.positions - motion.velocity
        return self._tool is None or self._tool.allows_stop(before, motion.positions, stop)

    # -- words ------------------------------------------------------------------------------------

    def _refused(self, check: Reason, detail: str) -> Verdict:
        return Verdict(None, (), check, self._modes[check] == STOP, detail)

    def _malformed(self, values: np.ndarray, which: str) -> Verdict | None:
        """Return the refusal of what are no numbers of joints, None where they are."""
        finite = np.isfinite(values)
        if not finite.all():
            return self._refused(
                Reason.NOT_FINITE,
                f'finite {which}joints expected, got {np.asarray(values)[~finite][0]}',
            )
        if values.shape != self.limits.lower.shape:
            return self._refused(
                Reason.WRONG_WIDTH,
                f'{len(self.limits.names)} {which}joints expected, got {values.shape}',
            )
        return None

    def _at(self, where: np.ndarray, values: np.ndarray, suffix: str = '') -> str:
        joint = int(np.argmax(where))
        return f'{self.limits.names[joint]} at {values[joint]:.4g} {suffix}'.rstrip()


def _near(asked: np.ndarray, measured: np.ndarray, apart: np.ndarray) -> tuple[bool, np.ndarray]:
    """Return what of `asked` is within `apart` of `measured`, and whether that is less."""
    near = np.minimum(np.maximum(asked, measured - apart), measured + apart)
    return bool((near != asked).any()), near
