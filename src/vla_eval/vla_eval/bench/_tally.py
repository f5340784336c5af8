"""What was seen over many failures of one kind, as rows of a benchmark."""

from dataclasses import dataclass, field
from typing import Any

from vla_eval.bench import Row
from vla_eval.bench._live import (
    WATCHDOG_NS,
    Heard,
    Live,
    braking,
    longest_gap_ns,
    ns,
    overrun_ns,
    until_rest,
)
from vla_eval.core.shares import ROUNDING

MEASURED = 'measured_velocity'


@dataclass
class Tally:
    """Counts failures and what the robot did meanwhile.

    Attributes:
        times: Failures so far.
        back_s: Seconds from the end of each failure, or from a death, to the first command that
            follows a chunk of after it; none where the robot did not move on.
        rests: Watchdog periods from the begin of a silence to rest, of each silence, counted in
            control ticks: how late a busy machine makes a tick is told by `gaps_s`.
        gaps_s: Longest time between two commands on the way to rest, of each failure, s.
        silences: Failures in which the robot was held, and for silence alone.
        limits: Largest share of each limit.
        reasons: For which the robot was held or stopped.
        problems: Why it did not move on.
    """

    times: int = 0
    back_s: list[float] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    silences: int = 0
    limits: dict[str, float] = field(default_factory=dict)
    reasons: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)

    def note(self, live: Live, heard: Heard, since_ns: int, silent_at_once: bool = False) -> None:
        """Take in what was sent and measured around one failure.

        Args:
            live: The graph.
            heard: What came in.
            since_ns: When it happened, ROS time.
            silent_at_once: Whether silence began there and then: the robot itself has died.
        """
        for name, share in live.shares(heard).items():
            self.limits[name] = max(self.limits.get(name, 0.0), share)
        after = [c for c in heard.commands if ns(c) > since_ns]
        reasons = {c.hold_reason or c.stop_reason for c in after} - {'', 'idle'}
        self.reasons |= reasons
        self.silences += reasons == {'silence'}
        tick_ns = live.contract.rates.control_ns
        rests_ns = [ticks * tick_ns for ticks in braking(after)]
        rests_ns.append(overrun_ns(after, heard.chunks))
        ticks = until_rest(after)
        if silent_at_once:
            rests_ns.append((ticks or 0) * tick_ns)
        self.rests += [rest_ns / WATCHDOG_NS for rest_ns in rests_ns]
        self.gaps_s.append(longest_gap_ns(after[: (ticks or 0) + 1]) / 1e9)

    def rows(self, name: str, **more: Any) -> list[Row]:
        """Return how often the robot moved on, how soon it was at rest, what it used of limits."""
        asked = max((v for k, v in self.limits.items() if k != MEASURED), default=0.0)
        return [
            Row.judged(
                f'{name}_rejoined',
                float(len(self.back_s)),
                f'of {self.times}',
                least=float(self.times),
                better='higher',
                more={
                    'back_s': [round(s, 2) for s in self.back_s],
                    'silences': self.silences,
                    'reasons': sorted(self.reasons),
                    'problems': self.problems,
                    **more,
                },
            ),
            Row.judged(
                f'{name}_rest_s',
                max(self.rests, default=0.0),
                'periods',
                most=2.0,
                what='worst',
                more={'longest_tick_s': round(max(self.gaps_s, default=0.0), 3)},
            ),
            Row.judged(
                f'{name}_limits',
                asked if asked > 1 + ROUNDING else min(asked, 1.0),
                'of a limit',
                most=1.0,
                what='worst',
                more={k: round(v, 4) for k, v in self.limits.items()},
            ),
        ]
