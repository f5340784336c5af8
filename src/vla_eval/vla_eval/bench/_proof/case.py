"""One case: an executor, a plant, and everything that may happen to them, from one seed."""

import traceback
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vla_control.core.errors import ChunkRefused, StateRefused, StillUnsafe, TakeoverRefused
from vla_control.core.executor import ChunkExecutor
from vla_control.core.kinematics import Kinematics
from vla_control.core.modes import MODES
from vla_control.core.reasons import Reason
from vla_control.core.rows import RowLayout
from vla_core.chunk import ActionChunk
from vla_core.command import Authority, Command
from vla_core.contract import RobotContract, load
from vla_core.errors import VlaError
from vla_core.takeover import Takeover
from vla_core.timing import SECOND
from vla_eval.bench._proof import attack
from vla_eval.bench._proof.plant import KINDS, Plant
from vla_eval.bench._proof.watch import Watch, Worst

TICKS = 600  # of a case
_CAPACITY = 256  # chunks that the store keeps
_GATE = {str(check) for check in MODES}
_CALM = 0.5  # share of cases in which chunks come at the policy's pace and little else happens
_CURE = 0.03  # chance per tick that what keeps the robot from moving is taken away
_EVENTS = (
    ('words', 3), ('same_words', 2), ('no_words', 2), ('reset', 2), ('stop', 3), ('clear', 8),
    ('strategy', 2), ('blind', 3), ('future', 1), ('garbage', 2), ('back', 1), ('forward', 1),
    ('late', 6), ('early', 3), ('twist', 2), ('hand', 3), ('release', 4), ('plan', 3),
)  # fmt: skip


@dataclass
class CaseResult:
    """What one case found.

    Attributes:
        rows: Rows of chunks that were offered.
        let_in: Rows of chunks that were let in, and so went through a strategy.
        commands: Commands that were held against the limits.
        followed: Those of them that followed a chunk or a person.
        worst: What was seen at worst.
        exceptions: Exceptions that are no typed refusal.
        unexplained: Holds without a reason, or with one that was not true.
        findings: All of it in words.
    """

    rows: int = 0
    let_in: int = 0
    commands: int = 0
    followed: int = 0
    worst: Worst = field(default_factory=Worst)
    exceptions: int = 0
    unexplained: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """Which case: the robot's contract file, and the seed that everything follows from."""

    robot: Path
    seed: tuple[int, ...]


def build(_: None) -> '_Runner':
    """Return what runs cases, keeping the contracts it has read."""
    return _Runner()


class _Runner:
    def __init__(self) -> None:
        self._contracts: dict[Path, RobotContract] = {}

    def __call__(self, case: Case) -> CaseResult:
        if case.robot not in self._contracts:
            self._contracts[case.robot] = load(case.robot)
        trial = _Trial(self._contracts[case.robot], np.random.default_rng(case.seed))
        try:
            trial.run()
        except Exception:
            trial.result.exceptions += 1
            trial.result.findings.append(traceback.format_exc(limit=-4))
        trial.result.worst = trial.watch.worst
        trial.result.findings += trial.watch.findings
        return trial.result


class _Trial:
    """One executor under attack, with books of its own about what it was told."""

    def __init__(self, contract: RobotContract, rng: np.random.Generator):
        self._contract, self._rng = contract, rng
        self._settings = attack.settings(rng)
        self._core = ChunkExecutor(contract, self._settings)
        self._modes = self._settings.modes  # they stay, whatever the strategy
        layout = RowLayout(contract)
        self._tool, self._grippers = layout.tool is not None, len(layout.grippers)
        kinematics = Kinematics(contract, layout.arm_outputs)
        self._calm = rng.random() < _CALM
        self._attacker = attack.Attacker(contract, kinematics.forward, rng, self._calm)
        self._tick_ns = contract.rates.control_ns
        joints = [contract.limits.joints[n] for n in contract.output.joints]
        self._first_step = np.array([j.first_step for j in joints])
        self._endless = np.array([j.continuous for j in joints])
        rest = [contract.model.posture.get(n, 0.0) for n in contract.output.joints]
        lower, upper = np.array([[j.lower, j.upper] for j in joints]).T
        self._home = np.clip(np.array(rest) + 0.1 * rng.normal(size=len(rest)), lower, upper)
        self._plant = Plant(str(rng.choice(KINDS)), self._home, self._tick_ns / SECOND, rng)
        self._to_state = [contract.output.joints.index(n) for n in contract.state.names]
        tool = contract.limits
        self.watch = Watch(
            contract, np.isfinite(tool.tool_speed), bool(np.isfinite(tool.workspace).any())
        )
        self.result = CaseResult()
        self._now_ns = 1000 * SECOND
        self._last_tick_ns = 0
        self._epoch, self._words = 1, ''
        self._chunks: list[ActionChunk] = []  # let in and not yet over, by observation
        self._measured_ns, self._measured = 0, self._home
        self._blind = 0  # ticks without joint states
        self._command: Command | None = None
        self._asked_stops: set[str] = set()
        self._authority, self._hand_ns = Authority.POLICY, 0
        self._strategies = {self._settings.strategy}

    # -- what happens ----------------------------------------------------------------------------

    def run(self) -> None:
        rng = self._rng
        calm, per_tick = self._calm, 0.02 if self._calm else 0.15
        names = [name for name, _ in _EVENTS]
        chances = np.array([weight for _, weight in _EVENTS], float)
        chances /= chances.sum()
        self._measure()
        self._instruct('go')
        pace = max(1, self._contract.rates.step_ns // self._tick_ns // (1 if calm else 4))
        for k in range(TICKS):
            if k % pace == 0 or (not calm and rng.random() < 0.2):
                self._offer()
            if rng.random() < per_tick:
                getattr(self, f'_on_{rng.choice(names, p=chances)}')()
            if rng.random() < _CURE:
                self._cure()
            self._now_ns += self._tick_ns
            if self._blind:
                self._blind -= 1
            else:
                self._measure()
            self._tick()

    def _offer(self) -> None:
        around = self._command.positions if self._command is not None else self._home
        try:
            chunk = self._attacker.chunk(around, self._now_ns, self._epoch)
        except VlaError as error:
            raise AssertionError(f'the attack itself is malformed: {error}') from error
        self.result.rows += chunk.horizon
        try:
            self._core.accept(chunk, self._now_ns)
        except ChunkRefused:
            return
        self.result.let_in += chunk.horizon
        self._chunks.append(chunk)
        self._chunks.sort(key=lambda c: (c.observation_stamp_ns, c.t0_ns))
        self._chunks = self._chunks[-_CAPACITY:]

    def _measure(self) -> None:
        self._measured_ns = self._now_ns
        self._measured = self._plant.positions
        self._core.measure(
            self._now_ns, self._measured[self._to_state], self._plant.velocities[self._to_state]
        )

    def _instruct(self, words: str) -> None:
        if words != self._words:
            self._begin_epoch()
        self._words = words
        self._epoch = self._core.instruct(words, self._now_ns)

    def _begin_epoch(self) -> None:
        self._chunks = []
        self._strategies = {self._settings.strategy}
        self._start_anew_if_far()

    def _start_anew_if_far(self) -> None:
        """A robot at rest that is not where it was sent is taken over where it is."""
        if self._command is None or not self.watch.still:
            return
        apart = self._command.positions - self._measured
        apart = np.where(self._endless, (apart + np.pi) % (2 * np.pi) - np.pi, apart)
        if (np.abs(apart) > self._first_step).any():
            self.watch.restart()

    def _cure(self) -> None:
        if self._core.state()[3]:
            self._on_clear()
        if not self._words:
            self._on_words()
        if self._authority is not Authority.POLICY and self._rng.random() < 0.3:
            self._on_release()

    # -- events ----------------------------------------------------------------------------------

    def _on_words(self) -> None:
        self._instruct(f'words {self._rng.integers(1000)}')

    def _on_same_words(self) -> None:
        self._instruct(self._words)

    def _on_no_words(self) -> None:
        self._instruct('')

    def _on_reset(self) -> None:
        self._epoch = self._core.reset(self._now_ns)
        self._chunks = []
        self._strategies = {self._settings.strategy}
        self.watch.restart()
        if self._rng.random() < 0.5:
            self._plant.put(self._home)

    def _on_stop(self) -> None:
        reason = str(self._rng.choice(['a person said so', 'another']))
        self._asked_stops.add(reason)
        self._core.stop(reason, self._now_ns)

    def _on_clear(self) -> None:
        stopped = bool(self._core.state()[3])
        try:
            self._core.clear(self._now_ns)
        except StillUnsafe:
            return
        if stopped:
            self._chunks = []
            self._start_anew_if_far()

    def _on_strategy(self) -> None:
        self._settings = attack.settings(self._rng)
        self._core.set_strategy(self._settings)  # from the next epoch on

    def _on_blind(self) -> None:
        self._blind = int(self._rng.integers(1, 60))

    def _on_future(self) -> None:
        self._now_ns += 30 * SECOND
        self._measure()
        self._now_ns -= 30 * SECOND
        self._blind = 5

    def _on_garbage(self) -> None:
        width = len(self._to_state)
        for values in (np.full(width, np.nan), np.zeros(width + 1), np.full(width, np.inf)):
            try:
                self._core.measure(self._now_ns, values)
            except StateRefused:
                continue
            raise AssertionError('garbage was taken for joint states')

    def _on_back(self) -> None:
        self._now_ns -= int(self._rng.integers(1, 5 * SECOND))

    def _on_forward(self) -> None:
        self._now_ns += int(self._rng.integers(1, 5 * SECOND))

    def _on_late(self) -> None:
        self._now_ns += int(self._rng.integers(1, 25 * self._tick_ns))

    def _on_early(self) -> None:
        self._now_ns -= int(self._rng.integers(1, self._tick_ns))

    def _on_plan(self) -> None:
        plan = self._core.plan(self._now_ns)
        assert plan is None or plan.finite, 'the plan is no plan'

    def _on_twist(self) -> None:
        if self._tool:
            authority = str(self._rng.choice([Authority.SHARED, Authority.HUMAN]))
            twist = self._rng.normal(size=6) * 10.0 ** self._rng.uniform(-3, 1)
            self._take_over(Authority(authority), twist=twist)

    def _on_hand(self) -> None:
        joints = self._contract.output.joints
        names = tuple(self._rng.permutation(joints)[: int(self._rng.integers(1, len(joints)))])
        places = self._rng.normal(size=len(names)) * 10.0 ** self._rng.uniform(-2, 1)
        self._take_over(Authority.HUMAN, tuple(str(n) for n in names), places)

    def _on_release(self) -> None:
        self._take_over(Authority.POLICY)

    def _take_over(
        self,
        authority: Authority,
        names: tuple[str, ...] = (),
        places: np.ndarray | None = None,
        twist: np.ndarray | None = None,
    ) -> None:
        stamp_ns = self._now_ns - int(self._rng.choice([0, 0, 0, SECOND]))
        message = Takeover(
            stamp_ns=stamp_ns,
            authority=authority,
            names=names,
            positions=np.zeros(0) if places is None else places,
            twist=np.zeros(6) if twist is None else twist,
            gripper=self._rng.uniform(size=int(self._rng.choice([0, self._grippers]))),
        )
        try:
            self._core.takeover(message, self._now_ns)
        except TakeoverRefused:
            return
        if self._authority is Authority.HUMAN and authority is not Authority.HUMAN:
            self._chunks = []
        self._authority, self._hand_ns = authority, stamp_ns

    # -- a tick, and what must hold of it --------------------------------------------------------

    def _tick(self) -> None:
        passed_ns = self._now_ns - self._last_tick_ns
        command = self._core.tick(self._now_ns)
        if 0 <= passed_ns < self._tick_ns:
            if command is not None:
                self._unexplained('two commands within one control tick')
            return
        if passed_ns < 0:
            self._chunks = []
        elif passed_ns > self._settings.watchdog_ns:
            self.watch.restart()  # nobody told the controller anything for so long
        self._last_tick_ns = self._now_ns
        self._chunks = [c for c in self._chunks if c.end_ns > self._now_ns]
        self._plant.step(None if command is None else command.positions)
        if command is None:
            self.watch.restart()  # what was commanded is let go, or never was
            return
        self._command = command
        self.result.commands += 1
        held = bool(command.hold_reason or command.stop_reason)
        self.result.followed += not held
        self.watch.see(command.positions, follows=not held)
        self._explain(command, held)

    def _explain(self, command: Command, held: bool) -> None:
        hold, stop = str(command.hold_reason), str(command.stop_reason)
        if stop and stop not in self._asked_stops | _GATE:
            self._unexplained(f'stopped by {stop!r}')
        if not held:
            followed = command.sources or command.authority is Authority.HUMAN
            if not followed or (command.sources and abs(sum(command.weights) - 1.0) > 1e-9):
                self._unexplained('it follows nothing, and says not why')
            return
        if command.sources:
            self._unexplained('it follows a chunk and is held')
        if stop and not hold:
            return
        if hold == Reason.IDLE:
            true = not self._words and self._authority is not Authority.HUMAN
        elif hold == Reason.SILENCE:
            true = self._silent()
        elif hold in (Reason.UNREACHABLE, Reason.OPPOSED_ROTATIONS):
            true = self._tool or bool(self._endless.any())
        else:
            true = hold in _GATE and self._core_mode(hold) in ('refuse', 'stop')
        if not true:
            self._unexplained(f'held by {hold!r}')

    def _silent(self) -> bool:
        watchdog_ns = self._settings.watchdog_ns
        if abs(self._now_ns - self._measured_ns) > watchdog_ns:
            return True
        if self._authority is not Authority.POLICY:
            if abs(self._now_ns - self._hand_ns) > watchdog_ns:
                return True
            if self._authority is Authority.HUMAN:
                return False
        waits = 'sync' in self._strategies  # for a picture that was taken at rest
        return waits or not self._chunks

    def _core_mode(self, check: str) -> str:
        return str(self._modes[Reason(check)])

    def _unexplained(self, words: str) -> None:
        self.result.unexplained += 1
        self.result.findings.append(f'{words} at {(self._now_ns - 1000 * SECOND) / SECOND:.3f} s')
