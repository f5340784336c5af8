"""What the executor sent, why, and how it fares."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from vla_core.errors import CommandError
from vla_core.timing import Timing


class Mode(StrEnum):
    """What the executor is doing."""

    IDLE = 'idle'  # no instruction: sends nothing
    RUNNING = 'running'
    HOLDING = 'holding'  # silence: at rest or braking, the next valid chunk resumes
    STOPPED = 'stopped'  # latched until it is cleared


class Authority(StrEnum):
    """Who decides where the robot goes."""

    POLICY = 'policy'
    SHARED = 'shared'  # the policy, and a person's twist on top of it
    HUMAN = 'human'  # the person alone


@dataclass(frozen=True, eq=False)
class Command:
    """Joint targets of one control tick.

    Attributes:
        stamp_ns: ROS time of the tick.
        sequence: Counts commands.
        epoch: Epoch in force.
        names: Joint names, in the contract's output order.
        positions: (J,) rad or m.
        velocities: (J,) rad/s or m/s, of the commanded motion.
        strategy: Name of the strategy.
        sources: Sequence numbers of the chunks that it follows.
        weights: Their weights, sum 1; empty while holding.
        clipped_by: Checks of the gate that changed the request.
        hold_reason: Why the robot is held, '' while it follows chunks.
        stop_reason: Why it is stopped (latched), '' where it is not.
        authority: Who decided; what a person decides is a correction.
    """

    stamp_ns: int
    sequence: int
    epoch: int
    names: tuple[str, ...]
    positions: np.ndarray
    velocities: np.ndarray
    strategy: str
    sources: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()
    clipped_by: tuple[str, ...] = ()
    hold_reason: str = ''
    stop_reason: str = ''
    authority: Authority = Authority.POLICY

    def __post_init__(self) -> None:
        for name in ('positions', 'velocities'):
            values = np.array(getattr(self, name), np.float64)
            if values.shape != (len(self.names),) or not np.isfinite(values).all():
                raise CommandError(name, f'{len(self.names)} finite numbers expected')
            values.setflags(write=False)
            object.__setattr__(self, name, values)


@dataclass(frozen=True)
class GateCounts:
    """Ticks in which the gate did something (`stops`: latched stops)."""

    ticks: int = 0
    clipped: int = 0
    refused: int = 0
    holds: int = 0
    stops: int = 0


@dataclass(frozen=True)
class ChunkCounts:
    """Chunks that came in; `refused` excludes `expired`."""

    received: int = 0
    refused: int = 0
    expired: int = 0


@dataclass(frozen=True)
class ExecutorStatus:
    """State of the executor, published at a steady rate and at each change.

    Attributes:
        stamp_ns: ROS time.
        mode: What it is doing.
        epoch: Run in force; a changed instruction or a reset begins a new one.
        instruction: Words in force, '' for none.
        strategy: Name of the strategy in force.
        hold_reason: Why it holds, '' where it does not.
        stop_reason: Why it is stopped, '' where it is not.
        last_refusal: Why the last refused chunk or row was refused, '' for none in this epoch.
        gate: Counters since start.
        chunks: Counters since start.
        authority: Who decides.
        executed: (sequence, Timing) of the chunks whose first row was sent since the last status.
    """

    stamp_ns: int
    mode: Mode
    epoch: int
    instruction: str
    strategy: str
    hold_reason: str = ''
    stop_reason: str = ''
    last_refusal: str = ''
    gate: GateCounts = field(default_factory=GateCounts)
    chunks: ChunkCounts = field(default_factory=ChunkCounts)
    authority: Authority = Authority.POLICY
    executed: tuple[tuple[int, Timing], ...] = ()
