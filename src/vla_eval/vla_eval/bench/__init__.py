"""Benchmarks: one file each, `run(options, screen) -> list[Row]`; the file's name is the word."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOT_RUN = 'not run'


@dataclass(frozen=True)
class BenchOptions:
    """How a benchmark is run.

    Attributes:
        root: The checkout.
        out: Folder for the results; what a benchmark keeps to resume from lies there too.
        quick: Within 3 minutes: the long parts are not run.
        peers: Measure other people's code too; its environment is there.
        seed: Everything random follows from it.
        workers: Processes, where episodes are played.
        force: Measure anew instead of resuming from what lies in `out`.
    """

    root: Path
    out: Path
    quick: bool = False
    peers: bool = False
    seed: int = 0
    workers: int = 1
    force: bool = False


@dataclass(frozen=True)
class Curve:
    """Cost over size.

    Attributes:
        over: What grows, e.g. `horizon, rows`.
        sizes: Where it was measured.
        costs: What it cost there, in the unit of the row's `cost_unit`.
        cost_unit: Unit of the costs.
    """

    over: str
    sizes: tuple[float, ...]
    costs: tuple[float, ...]
    cost_unit: str

    @property
    def exponent(self) -> float:
        """The p of the power law cost ~ size^p that fits best (least squares of logarithms)."""
        x, y = [math.log(s) for s in self.sizes], [math.log(c) for c in self.costs]
        mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
        spread = sum((a - mean_x) ** 2 for a in x)
        return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / spread


@dataclass(frozen=True)
class Row:
    """One measured figure.

    Attributes:
        id: What was measured; unique within a benchmark.
        value: The figure; None where it was not run.
        unit: Its unit, empty for a plain number.
        peer: What the peer makes of it, in the same unit; None without one.
        peer_name: Whose it is.
        target: What it is held against, in words; empty where it is not.
        ok: Whether it holds.
        better: `lower` or `higher` values are better.
        curve: The measurements that `value` was fitted to.
        more: Further numbers about it, e.g. its 99th percentile.
        quiet: Whether it is left out of the table on the screen and of the figure.
    """

    id: str
    value: float | None
    unit: str
    peer: float | None = None
    peer_name: str = ''
    target: str = ''
    ok: bool = True
    better: str = 'lower'
    curve: Curve | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False

    def __post_init__(self) -> None:
        for name in ('value', 'peer'):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise ValueError(f'{self.id}: {name}: a finite number expected, got {number}')
        if self.better not in ('lower', 'higher'):
            raise ValueError(f'{self.id}: better: lower or higher expected, got {self.better!r}')

    @property
    def ratio(self) -> float | None:
        """How many times better than the peer: larger is better, whatever the unit."""
        if self.value is None or self.peer is None:
            return None
        good, bad = (self.peer, self.value) if self.better == 'lower' else (self.value, self.peer)
        if good == bad:
            return 1.0
        return good / bad if bad else None

    @classmethod
    def judged(
        cls,
        id: str,
        value: float,
        unit: str,
        *,
        below: float | None = None,
        most: float | None = None,
        least: float | None = None,
        times: float | None = None,
        what: str = '',
        **fields: Any,
    ) -> 'Row':
        """Return a row whose `target` and `ok` follow from limits.

        Args:
            id: See `Row`, as for `value`, `unit` and the other `fields`.
            below: The value must be less.
            most: The value must not be more.
            least: The value must not be less.
            times: The ratio must not be less; not judged where the peer was not run.
            what: What the value is, for the words, e.g. `p50`.
        """
        row = cls(id, value, unit, **fields)
        limits = (
            (below, '<', below is None or value < below),
            (most, '<=', most is None or value <= most),
            (least, '>=', least is None or value >= least),
        )
        words = [
            ' '.join(w for w in (what, sign, f'{limit:g}', unit) if w)
            for limit, sign, _ in limits
            if limit is not None
        ]
        holds = all(met for _, _, met in limits)
        if times is not None:
            words.append(f'>= {times:g}x the peer')
            if row.peer is None:
                words[-1] += f' ({NOT_RUN})'
            else:
                holds = holds and row.ratio is not None and row.ratio >= times
        return cls(id, value, unit, target=', '.join(words), ok=holds, **fields)

    @classmethod
    def not_run(cls, id: str, unit: str, **fields: Any) -> 'Row':
        """Return the row of a part that was left out: nothing to judge."""
        return cls(id, None, unit, target=NOT_RUN, **fields)

    @classmethod
    def scaling(cls, id: str, curve: Curve, most: float = 1.1, **fields: Any) -> 'Row':
        """Return the row of a cost over a size: the exponent of the fitted power law."""
        return cls.judged(
            id, curve.exponent, '', most=most, what='exponent', curve=curve, **fields
        )


def percentile(samples: Sequence[float], q: float) -> float:
    """Return the q-th percentile (0..100), by linear interpolation between samples."""
    ordered = sorted(samples)
    place = (len(ordered) - 1) * q / 100.0
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))
