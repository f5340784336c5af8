"""From chunks to joint commands: one tick is strategy, interpolation, kinematics, gate."""

import threading

import numpy as np

from vla_control.core.commanded import Commanded, Measured
from vla_control.core.errors import (
    ChunkRefused,
    RowRefused,
    SettingsError,
    StateRefused,
    StillUnsafe,
)
from vla_control.core.gate import Gate, Verdict
from vla_control.core.latch import StopLatch
from vla_control.core.ledger import Ledger
from vla_control.core.modes import STOP
from vla_control.core.pursuit import Pursuit
from vla_control.core.reasons import Reason
from vla_control.core.rows import RowLayout
from vla_control.core.settings import ExecutorSettings
from vla_control.core.spread import spread
from vla_control.core.store import ChunkStore
from vla_control.core.waypoints import Waypoints
from vla_core.chunk import ActionChunk
from vla_core.command import Authority, Command, ExecutorStatus, Mode
from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_core.takeover import Takeover


class ChunkExecutor:
    """Executes chunks under limits, one command per tick.

    Owns the epoch, the instruction, the stop latch and the counters. Thread-safe: chunks, words
    and measurements may come from another thread than the one that ticks.
    """

    def __init__(self, contract: RobotContract, settings: ExecutorSettings | None = None):
        """Check that the contract can be executed, and load its model.

        Raises:
            SettingsError: the contract's action groups are not of a kind that is executed, or
                its control rate is too low for the watchdog.
            ContractError: the model is unreadable or does not fit the contract.
        """
        settings = settings or ExecutorSettings()
        self._lock = threading.Lock()
        self._contract, self._settings = contract, settings
        self._tick_ns = contract.rates.control_ns
        if settings.watchdog_ns < 2 * self._tick_ns:
            raise SettingsError(
                f'watchdog_s: two control ticks ({2e-9 * self._tick_ns:g} s) or more expected,'
                f' got {settings.watchdog_s}'
            )
        self._order = [contract.state.names.index(name) for name in contract.output.joints]
        self._layout = RowLayout(contract)
        self._store = ChunkStore(contract, self._layout, settings.max_lead_ns)
        self._pursuit = Pursuit(contract, settings, self._layout)
        self._gate = Gate(
            contract,
            settings.modes,
            settings.watchdog_ns,
            self._pursuit.kinematics.tool_point,
            self._pursuit.kinematics.lever_m,
        )
        self._commanded = Commanded(self._gate, self._layout.gripper_outputs)
        self._latch, self._ledger = StopLatch(), Ledger()

        self._epoch, self._instruction = 1, ''
        self._measured: Measured | None = None
        self._not_before_ns = 0  # joint states older than this say nothing about where we are
        self._now_ns = 0
        self._sequence = 0
        self._moving = False  # whether the last command followed a chunk
        self._followed_any = False  # in this epoch: holds before its first row do not count
        self._hold_reason = ''
        self._last_refusal = ''

    # -- what comes in ---------------------------------------------------------------------------

    def measure(
        self, stamp_ns: int, positions: np.ndarray, velocities: np.ndarray | None = None
    ) -> None:
        """Take measured joints.

        Args:
            stamp_ns: ROS time of the measurement.
            positions: (S,) rad or m, in the order of the contract's `state.names`.
            velocities: (S,) rad/s or m/s; None where the robot tells none (counts as rest when
                motion is taken over from it).

        Raises:
            StateRefused: not S finite numbers; what was measured before stays, and gets old.
        """
        width = len(self._contract.state.names)
        q = _joints('positions', positions, width)
        v = np.zeros(width) if velocities is None else _joints('velocities', velocities, width)
        measured = Measured(stamp_ns, q[self._order], v[self._order])
        with self._lock:
            self._measured = measured

    def set_strategy(self, settings: ExecutorSettings) -> None:
        """Change the strategy and its settings, from the next epoch on; all else stays."""
        with self._lock:
            self._pursuit.next_settings = settings

    def accept(self, chunk: ActionChunk, now_ns: int) -> None:
        """Take a chunk in.

        Raises:
            ChunkRefused: with its reason; counted, except while there is no instruction.
        """
        with self._lock:
            if not self._instruction:
                raise ChunkRefused(Reason.IDLE, 'there is no instruction to follow')
            try:
                self._store.accept(chunk, self._epoch, now_ns, self._pursuit.shortest)
            except ChunkRefused as refusal:
                self._note(refusal)
                raise

    def refuse(self, refusal: ChunkRefused) -> None:
        """Count a chunk that was refused before it could be one (a malformed message)."""
        with self._lock:
            if self._instruction:
                self._store.count_refusal(refusal.reason)
                self._note(refusal)

    def instruct(self, text: str, now_ns: int) -> int:
        """Change the instruction and return the epoch in force; '' makes the executor idle.

        Other words begin a new epoch: all that was planned under the old ones is dropped, the
        robot brakes from where it is commanded and waits for a chunk. The same words change
        nothing.
        """
        with self._lock:
            if text != self._instruction:
                self._instruction = text
                self._begin_epoch()
                self._let_go_if_far()
            return self._epoch

    def reset(self, now_ns: int) -> int:
        """Begin a new epoch from where the robot is measured from now on; return the epoch.

        For a robot that was put elsewhere by someone else, a simulated scene that was reset.
        """
        with self._lock:
            self._begin_epoch()
            self._commanded.let_go(keep_fingers=False)
            self._measured, self._not_before_ns = None, now_ns
            return self._epoch

    def takeover(self, takeover: Takeover, now_ns: int) -> None:
        """Take a person's command in; it goes through the gate like any other.

        Authority `human` or `shared` lasts until a message says `policy`; then what was planned
        meanwhile is dropped, and the next chunk is taken up from where the robot is.

        Raises:
            TakeoverRefused: it does not fit the robot; nothing changes.
        """
        with self._lock:
            before = self._pursuit.hand.authority
            self._pursuit.hand.take(takeover)
            if before is Authority.HUMAN and takeover.authority is not Authority.HUMAN:
                self._forget_plans()

    def stop(self, reason: str, now_ns: int) -> None:
        """Latch a stop: brake, then hold until it is cleared. The first reason wins."""
        with self._lock:
            self._latch.request(reason)

    def clear(self, now_ns: int) -> None:
        """Clear a latched stop; the next chunk resumes. Without one, nothing happens.

        Raises:
            StillUnsafe: the robot is still braking, or what caused the stop is still there.
        """
        with self._lock:
            reason = self._latch.reason
            if not reason:
                return
            if not self._commanded.at_rest:
                raise StillUnsafe(f'{reason}: the robot still brakes; clear it once it rests')
            if reason in (Reason.STALE_STATE, Reason.FIRST_STEP) and self._stale(now_ns):
                raise StillUnsafe(f'{reason}: there are no fresh joint states')
            self._latch.release()
            self._forget_plans()
            self._let_go_if_far()

    # -- what goes out ---------------------------------------------------------------------------

    def tick(self, now_ns: int) -> Command | None:
        """Return the command of this tick, None where nothing is to be sent.

        Nothing is sent while idle and at rest, before joints were measured, and sooner than one
        control tick after the command before. A late tick earns no larger step: the controller
        has one tick's time to follow it.
        """
        with self._lock:
            passed_ns = now_ns - self._now_ns
            if 0 <= passed_ns < self._tick_ns:
                return None
            if passed_ns < 0:  # the clock went back: plans are meant for another time
                self._forget_plans()
                self._not_before_ns = min(self._not_before_ns, now_ns)
            elif passed_ns > self._settings.watchdog_ns and self._now_ns:
                # a controller that was told nothing for so long stands where it was led last
                self._commanded.let_go(keep_fingers=True)
            elif passed_ns > self._tick_ns:
                self._pursuit.late()
            self._now_ns = now_ns
            self._store.drop_elapsed(now_ns)
            if not self._ready(now_ns):
                self._moving = False
                return None
            return self._command(now_ns)

    def plan(self, now_ns: int) -> ActionChunk | None:
        """Return what will be executed from now on, None before anything was commanded.

        Row 0 is what is commanded now; the rows after it, one chunk step apart, are what the
        chunks in force ask for. While nothing is followed, row 0 is all there is.
        """
        with self._lock:
            if not self._commanded.known:
                return None
            start = self._pursuit.pose(self._commanded)
            step_ns = self._contract.rates.step_ns
            by_policy = self._by_policy
            ahead = self._pursuit.ahead(now_ns, step_ns) if by_policy else None
            tracks = self._pursuit.origin[0] if by_policy else ()
            newest = tracks[-1].chunk if tracks else None
            epoch, instruction = self._epoch, self._instruction
        points = Waypoints.single(now_ns, start).followed_by(ahead)
        return ActionChunk(
            t0_ns=now_ns,
            step_ns=step_ns,
            observation_stamp_ns=newest.observation_stamp_ns if newest else now_ns,
            sequence=newest.sequence if newest else 0,
            epoch=epoch,
            contract_digest=self._contract.digest,
            columns=self._contract.action.columns,
            actions=self._layout.actions(points),
            instruction=instruction,
        )

    @property
    def _by_policy(self) -> bool:
        """Whether chunks are followed."""
        return self._moving and self._pursuit.hand.authority is not Authority.HUMAN

    def state(self) -> tuple[Mode, int, str, str]:
        """Return mode, epoch, hold reason, stop reason: what is told at once when it changes."""
        with self._lock:
            return self._mode, self._epoch, self._hold_reason, self._latch.reason

    def status(self, now_ns: int) -> ExecutorStatus:
        """Return the state; `executed` holds what was first followed since the last call."""
        with self._lock:
            return ExecutorStatus(
                stamp_ns=now_ns,
                mode=self._mode,
                epoch=self._epoch,
                instruction=self._instruction,
                strategy=self._pursuit.strategy,
                hold_reason=self._hold_reason if self._mode is Mode.HOLDING else '',
                stop_reason=self._latch.reason,
                last_refusal=self._last_refusal,
                gate=self._ledger.gate(self._latch.count),
                chunks=self._store.counts,
                authority=self._pursuit.hand.authority,
                executed=self._ledger.drain(),
            )

    def tool_path(self, chunk: ActionChunk) -> np.ndarray:
        """Return the tool positions (H, 3) of a plan's rows in the base frame, m, for drawing."""
        with self._lock:
            return self._pursuit.tool_positions(self._layout.waypoints(chunk), self._commanded)

    def spread(self, now_ns: int) -> tuple[np.ndarray, np.ndarray]:
        """Return times and tool positions that chunks in force predict together, for drawing.

        As `spread` in spread.py: (M,) int64 ns and (M, 3) m in the base frame; empty while no
        chunk is followed.
        """
        with self._lock:
            tracks = self._store.tracks if self._by_policy else ()

        def positions(points: Waypoints) -> np.ndarray:
            with self._lock:  # chunk by chunk: a tick never waits for all of them
                return self._pursuit.tool_positions(points, self._commanded)

        return spread(tracks, now_ns, positions)

    def tool_commanded(self) -> SE3 | None:
        """Return the tool pose T_base_tool that was commanded last, None before any."""
        with self._lock:
            if not self._commanded.known:
                return None
            return self._pursuit.kinematics.forward(self._commanded.positions)

    def tool_now(self) -> SE3 | None:
        """Return the tool pose T_base_tool of the newest measured joints, None before any."""
        with self._lock:
            if self._measured is None:
                return None
            return self._pursuit.kinematics.forward(self._measured.positions)

    # -- one tick --------------------------------------------------------------------------------

    def _ready(self, now_ns: int) -> bool:
        """Whether there is something to command, taking over from measured joints if needed."""
        if not self._wanted:
            self._hold_reason = ''
            if self._commanded.at_rest:
                self._commanded.let_go(keep_fingers=True)
            return self._commanded.known
        if self._commanded.known:
            return True
        measured = self._measured
        self._hold_reason = Reason.SILENCE
        if measured is None or self._stale(now_ns) or measured.stamp_ns < self._not_before_ns:
            return False
        if not self._commanded.keeps_fingers:
            self._pursuit.grippers.seen_at(measured.positions[self._layout.gripper_outputs])
        before_ns = now_ns - self._tick_ns
        if not self._commanded.take_over(measured, before_ns):
            self._hold_reason = Reason.POSITION
            self._last_refusal = f'{Reason.POSITION}: the robot stands outside its joint limits'
            return False
        return True

    def _command(self, now_ns: int) -> Command:
        clipped = self._move(now_ns)
        self._moving = clipped is not None
        if not self._moving:
            self._commanded.brake(now_ns)
        if self._wanted:
            silent = self._hold_reason == Reason.SILENCE
            self._ledger.tick(
                clipped=bool(clipped),
                refused=bool(self._hold_reason) and not silent,
                held=silent and self._followed_any,
            )
        self._sequence += 1
        tracks, weights = self._pursuit.origin if self._by_policy else ((), ())
        return Command(
            stamp_ns=now_ns,
            sequence=self._sequence,
            epoch=self._epoch,
            names=self._contract.output.joints,
            positions=self._commanded.positions,
            velocities=self._commanded.velocities,
            strategy=self._pursuit.strategy,
            sources=tuple(track.chunk.sequence for track in tracks),
            weights=weights,
            clipped_by=clipped or (),
            hold_reason=self._hold_reason,
            stop_reason=self._latch.reason,
            authority=self._pursuit.hand.authority,
        )

    def _move(self, now_ns: int) -> tuple[Reason, ...] | None:
        """Move along what is followed; return what clipped, or None where the robot must brake."""
        self._hold_reason = '' if self._wanted else Reason.IDLE
        if self._hold_reason or self._latch.reason:
            return None
        try:
            return self._follow(now_ns)
        except RowRefused as refusal:
            silent = refusal.reason in (Reason.SILENCE, Reason.STALE_STATE)
            self._hold_reason = Reason.SILENCE if silent else refusal.reason
            if refusal.reason is not Reason.SILENCE:
                self._last_refusal = str(refusal)
            if not silent:
                self._pursuit.block(refusal, now_ns)
            return None

    def _follow(self, now_ns: int) -> tuple[Reason, ...]:
        """Move along what is followed; return what clipped.

        Raises:
            RowRefused: nothing was moved.
        """
        assert self._measured is not None
        age_ns, commanded = now_ns - self._measured.stamp_ns, self._commanded
        stale = self._gate.check_age(age_ns)  # before kinematics is asked for nothing
        if stale is not None:
            raise self._refusal(stale)
        hand = self._pursuit.hand
        if hand.authority is not Authority.POLICY:
            hand.check_silence(now_ns)
        if hand.authority is Authority.HUMAN:
            request = self._pursuit.by_hand(commanded)
        else:
            request = self._pursuit.request(self._store.tracks, commanded, now_ns, self._moving)
        verdict = self._gate.check(
            request,
            commanded.motion,
            self._measured.positions,
            age_ns,
            begins=not self._moving,
        )
        if verdict.motion is None:
            raise self._refusal(verdict)
        commanded.move_to(verdict.motion, now_ns)
        self._pursuit.sent(request, commanded.positions)
        self._followed_any = True
        if hand.authority is not Authority.HUMAN:
            self._ledger.followed(self._pursuit.origin[0], now_ns)
        return verdict.clipped_by

    def _refusal(self, verdict: Verdict) -> RowRefused:
        assert verdict.refused_by is not None
        if verdict.stop:
            self._latch.request(verdict.refused_by)
        return RowRefused(verdict.refused_by, verdict.detail)

    def _note(self, refusal: ChunkRefused) -> None:
        self._last_refusal = str(refusal)
        if self._settings.modes.get(refusal.reason) == STOP:
            self._latch.request(refusal.reason)

    # -- state -----------------------------------------------------------------------------------

    @property
    def _wanted(self) -> bool:
        """Whether anybody wants the robot to move."""
        return bool(self._instruction) or self._pursuit.hand.authority is Authority.HUMAN

    @property
    def _mode(self) -> Mode:
        if self._latch.reason:
            return Mode.STOPPED
        if not self._wanted:
            return Mode.IDLE
        return Mode.RUNNING if self._moving else Mode.HOLDING

    def _stale(self, now_ns: int) -> bool:
        return self._measured is None or self._gate.stale(now_ns - self._measured.stamp_ns)

    def _begin_epoch(self) -> None:
        self._epoch += 1
        self._last_refusal = ''
        self._followed_any = False
        self._pursuit.adopt_settings()
        self._forget_plans()

    def _forget_plans(self) -> None:
        self._store.clear()
        self._pursuit.clear()
        self._moving = False

    def _let_go_if_far(self) -> None:
        """Take over from measured joints again where a robot at rest is not where it should be."""
        measured, commanded = self._measured, self._commanded
        if measured is None or not commanded.known or not commanded.at_rest:
            return  # in motion a robot lags behind its command; it is braked, never halted
        if commanded.far_from(measured):
            commanded.let_go(keep_fingers=True)


def _joints(name: str, values: np.ndarray, width: int) -> np.ndarray:
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        raise StateRefused(f'{name}: {width} numbers expected') from None
    if found.shape != (width,) or not np.isfinite(found).all():
        raise StateRefused(f'{name}: {width} finite numbers expected, got {found.tolist()}')
    return found
