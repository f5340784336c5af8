"""Real-time chunking as seen by the policy: what is settled of the chunk it is about to plan."""

import math
from dataclasses import dataclass, field

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.errors import FieldError
from vla_core.latency import Latency
from vla_core.observation import Observation
from vla_core.timing import MS
from vla_policy.core.committed import rows_at
from vla_policy.core.delay import DelayWindow

MASKS = ('soft', 'hard')
LARGEST_BETA = 100.0
REMEMBERED = 64  # chunks under way whose observation's stamp is kept


@dataclass(frozen=True)
class RtcSettings:
    """How a policy takes what will be executed anyway into account.

    Attributes:
        mask: `soft` or `hard`: whether rows after the delay are pulled too.
        beta: Largest gain of the guidance.
        roll_forward: Whether the chunk is planned from where the robot will be when it arrives.
        strategies: Strategies of the executor under which a chunk is guided.
    """

    mask: str = 'soft'
    beta: float = 5.0
    roll_forward: bool = False
    strategies: tuple[str, ...] = ('rtc',)

    def __post_init__(self) -> None:
        if self.mask not in MASKS:
            raise FieldError('rtc_mask', f'one of {", ".join(MASKS)} expected, got {self.mask!r}')
        if not (math.isfinite(self.beta) and 0.0 < self.beta <= LARGEST_BETA):
            raise FieldError(
                'rtc_beta', f'a number in (0, {LARGEST_BETA:g}] expected, got {self.beta}'
            )


@dataclass(frozen=True, eq=False)
class Settled:
    """What the plan says about the rows of a chunk that is not there yet.

    Attributes:
        positions: (H, 3) tool positions, base frame, m; of no meaning where not covered.
        gripper: (H,) 1.0 open, 0.0 closed; of no meaning where not covered.
        covered: (H,) whether the plan says anything about a row.
        frozen: Rows that will have been executed when the chunk arrives, d.
        end: First row after the last one that the plan covers, H - s; > 0.
    """

    positions: np.ndarray
    gripper: np.ndarray
    covered: np.ndarray
    frozen: int
    end: int


@dataclass(frozen=True, eq=False)
class Ahead:
    """Where a chunk begins.

    Attributes:
        shift: (3,) way of the tool from the observation to that moment, base frame, m.
        gripper: Bit commanded then, None where it is as at the observation.
        later_ns: Time from the observation to that moment.
        settled: What is settled of its rows, None where nothing is or guidance is off.
    """

    shift: np.ndarray = field(default_factory=lambda: np.zeros(3))
    gripper: float | None = None
    later_ns: int = 0
    settled: Settled | None = None


class Rtc:
    """Knows how long chunks take, and reads from the plan what is settled.

    Attributes:
        settings: As given.
        delay: Of the chunks executed in this epoch.
        enabled: Whether the executor's strategy is one of those that chunks are guided for.
        guided: Chunks planned with something settled.
        too_late: Chunks that were not guided because the delay was as long as the chunk.
        cut: Chunks that were given fewer settled rows than there were.

    Args:
        settings: How the plan is taken into account.
        longest: Settled rows that the head can be given; None where it is guided instead.
    """

    def __init__(self, settings: RtcSettings | None = None, longest: int | None = None):
        self.settings = settings or RtcSettings()
        self._longest = longest
        self.delay = DelayWindow()
        self.enabled = False
        self.guided = self.too_late = self.cut = 0
        self._stamps_ns: dict[int, int] = {}  # sequence -> stamp of the observation

    def heed(self, status: ExecutorStatus) -> None:
        """Take note of the strategy in force and of when chunks were first followed."""
        self.enabled = status.strategy in self.settings.strategies
        for sequence, timing in status.executed:
            stamp_ns = self._stamps_ns.get(sequence)
            if stamp_ns is not None:
                self.delay.add(timing.first_row_ns - stamp_ns)

    def figures(self) -> dict[str, float]:
        """Return what is told about it: counts, and the delay reckoned with where one is known."""
        delay_ns = self.delay.estimate_ns()
        known = {} if delay_ns is None else {'delay_ms': delay_ns / MS}
        return {'guided': self.guided, 'too_late': self.too_late, 'cut': self.cut, **known}

    def clear(self) -> None:
        """Forget delays: a new epoch begins."""
        self.delay.clear()
        self._stamps_ns = {}

    def ahead(
        self,
        observation: Observation,
        plan: ActionChunk | None,
        contract: RobotContract,
        horizon: int,
        step_ns: int,
    ) -> Ahead:
        """Return where the chunk planned from an observation begins, and what is settled of it.

        Args:
            observation: What it is planned from.
            plan: What will be executed anyway.
            contract: The robot.
            horizon: Rows H of the chunk.
            step_ns: Spacing of its rows.
        """
        self._stamps_ns[observation.sequence] = observation.stamp_ns
        while len(self._stamps_ns) > REMEMBERED:
            del self._stamps_ns[next(iter(self._stamps_ns))]
        delay_ns = self.delay.estimate_ns()
        if plan is None or plan.horizon < 2 or delay_ns is None:
            return Ahead()  # at rest, or nothing is known about the delay yet
        if delay_ns >= horizon * step_ns:
            self.too_late += self.enabled
            return Ahead()
        now_ns = observation.stamp_ns
        found = Ahead()
        if self.settings.roll_forward:
            found = roll_forward(now_ns, plan, contract, delay_ns // step_ns * step_ns)
        if not self.enabled:
            return found
        first_ns = now_ns + found.later_ns + step_ns
        frozen = (delay_ns - found.later_ns) // step_ns
        settled = settled_rows(plan, first_ns, step_ns, horizon, frozen, contract)
        if settled is not None:
            self.guided += 1
            self.cut += self._longest is not None and settled.frozen > self._longest
        return Ahead(found.shift, found.gripper, found.later_ns, settled)


def settled_rows(
    plan: ActionChunk,
    first_ns: int,
    step_ns: int,
    horizon: int,
    frozen: int,
    contract: RobotContract,
) -> Settled | None:
    """Read the rows of a coming chunk from the plan, by the times they are meant for.

    Args:
        plan: What will be executed anyway.
        first_ns: ROS time that the coming chunk's row 0 is meant for.
        step_ns: Spacing of its rows.
        horizon: Its rows.
        frozen: How many of them will have been executed when it arrives.
        contract: The robot.

    Returns:
        None where the plan covers none of them.
    """
    rows = rows_at(plan, first_ns + step_ns * np.arange(horizon), contract)
    if not rows.covered.any():
        return None
    end = int(np.flatnonzero(rows.covered)[-1]) + 1
    return Settled(rows.positions, rows.gripper, rows.covered, min(frozen, end), end)


def roll_forward(now_ns: int, plan: ActionChunk, contract: RobotContract, later_ns: int) -> Ahead:
    """Return where the plan leads in a while (VLASH, Tang et al. 2025, section 3).

    The tool goes the way that the command goes, so how far it lags behind stays the same. Where
    the plan does not reach that far, nothing is rolled.
    """
    rows = rows_at(plan, np.array([now_ns, now_ns + later_ns]), contract)
    if later_ns == 0 or not rows.covered[1]:
        return Ahead()
    return Ahead(rows.positions[1] - rows.positions[0], float(rows.gripper[1]), later_ns)


def refuse_delay(latency: Latency, horizon: int, step_ns: int, longest: int | None = None) -> None:
    """Refuse an injected delay that no row of a chunk survives, or whose prefix is too long.

    For a distribution, its mean or its low end counts.

    Args:
        latency: What is injected.
        horizon: Rows of a chunk.
        step_ns: Spacing of the rows.
        longest: Settled rows that the head can be given; None where it takes any number.

    Raises:
        FieldError: what is wrong, and what would be right.
    """
    chunk_ms = horizon * step_ns / MS
    if latency.a >= chunk_ms:
        raise FieldError(
            'latency_ms', f'less than the {chunk_ms:g} ms of a chunk expected, got {latency}'
        )
    if longest is not None and latency.a * MS >= (longest + 1) * step_ns:
        raise FieldError(
            'latency_ms',
            f'less than {(longest + 1) * step_ns / MS:g} ms expected, got {latency}: the '
            f'checkpoint goes on from at most {longest} rows',
        )
