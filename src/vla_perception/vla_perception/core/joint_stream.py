"""The joint states of the contract's joints, at any moment they were measured around."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vla_core.contract import State
from vla_core.timing import MS, SECOND
from vla_perception.core.errors import NotReady
from vla_perception.core.streams import History, Sample

STREAM = 'joint_states'
SAMPLE_LIMIT = 2000


class Joints(NamedTuple):
    """A measurement, in the contract's order.

    Attributes:
        positions: (S,) rad or m by joint.
        velocities: (S,) rad/s or m/s; None where the robot does not measure them.
    """

    positions: np.ndarray
    velocities: np.ndarray | None


class JointStream:
    """A bounded history of joint states.

    Attributes:
        counts: Messages by what became of them.
        angular: Which joints are measured in rad.
        fastest: (S,) highest speed of each joint, rad/s or m/s; inf where none is known.
    """

    def __init__(
        self, state: State, keep_ns: int = 2 * SECOND, fastest: Mapping[str, float] | None = None
    ):
        self.counts: Counter[str] = Counter()
        self.fastest = np.array([(fastest or {}).get(name, np.inf) for name in state.names])
        self.angular = np.array([unit == 'rad' for unit in state.units])
        self._state = state
        self._tolerance_ns = round(state.sync_tolerance_s * SECOND)
        self._history: History[Joints] = History(keep_ns, SAMPLE_LIMIT)
        self._order: dict[tuple[str, ...], np.ndarray] = {}
        self._fault: NotReady | None = None
        self._foreign = ''

    def clear(self) -> None:
        """Forget every sample."""
        self._history.clear()
        self._fault = None

    def refuse(self, reason: str, detail: str) -> None:
        """Remember why the newest message could not be used, until a good one comes."""
        self.counts[reason] += 1
        self._fault = NotReady(reason, STREAM, detail)

    def add(
        self,
        stamp_ns: int,
        names: Sequence[str],
        positions: np.ndarray,
        velocities: np.ndarray | None,
    ) -> None:
        """Take a message in; other joints in it are passed over, all of ours must be there."""
        order = self._order_of(tuple(names))
        if order is None:
            return
        q = np.asarray(positions, float)
        qd = None if velocities is None or len(velocities) == 0 else np.asarray(velocities, float)
        if q.shape != (len(names),) or (qd is not None and qd.shape != q.shape):
            given = f'{q.size} positions' + ('' if qd is None else f' and {qd.size} velocities')
            self.refuse('incomplete', f'{len(names)} numbers expected for each, got {given}')
            return
        q, qd = q[order], None if qd is None else qd[order]
        if not np.isfinite(q).all() or (qd is not None and not np.isfinite(qd).all()):
            self.refuse('unreadable', 'finite numbers expected, got NaN or Inf')
            return
        if stamp_ns <= 0:
            self.refuse('no_stamp', f'a capture time > 0 expected, got {stamp_ns}')
            return
        self._fault = None
        self.counts[self._history.add(stamp_ns, Joints(q, qd))] += 1

    def _order_of(self, names: tuple[str, ...]) -> np.ndarray | None:
        """Return where the contract's joints stand in a message, None if it cannot serve."""
        order = self._order.get(names)
        if order is None:
            missing = [name for name in self._state.names if name not in names]
            if len(missing) == len(self._state.names):
                self.counts['foreign'] += 1  # another device on the topic
                self._foreign = ', '.join(names) or 'no joint'
                return None
            if missing:
                self.refuse('incomplete', f'{", ".join(missing)} not among {", ".join(names)}')
                return None
            self._order.clear()  # one layout at a time, whatever a sender makes up
            order = self._order[names] = np.array([names.index(n) for n in self._state.names])
        return order

    def problem(self, now_ns: int) -> NotReady | None:
        """Return why no joint state can be acted on now, None if one can."""
        if self._fault is not None:
            return self._fault
        newest = self._history.newest
        if newest is None:
            only = f' but messages that name {self._foreign}' if self._foreign else ''
            return NotReady('missing', STREAM, f'nothing has come on {self._state.topic}{only}')
        age_ns = now_ns - newest.stamp_ns
        if age_ns > self._state.max_age_s * SECOND:
            limit_ms = self._state.max_age_s * 1000
            detail = f'the newest is {age_ns / MS:.0f} ms old, at most {limit_ms:.0f} ms expected'
            return NotReady('stale', STREAM, detail)
        if -age_ns > self._tolerance_ns:
            detail = f'stamped {-age_ns / MS:.0f} ms ahead; the clocks must agree'
            return NotReady('future', STREAM, detail)
        return None

    @property
    def known_until_ns(self) -> int:
        """Stamp of the newest sample, 0 where there is none."""
        newest = self._history.newest
        return newest.stamp_ns if newest else 0

    def between(self, after_ns: int, to_ns: int) -> list[Sample[Joints]]:
        """Return the samples with `after_ns` < stamp <= `to_ns`."""
        return self._history.between(after_ns, to_ns)

    def at(self, moment_ns: int) -> Sample[Joints]:
        """Return the joints at a moment.

        Between two samples they are interpolated and bear the moment's stamp. Beside the newest
        or the oldest, that sample is given as it is, with its own stamp. Velocities that the
        robot does not measure are the slope between two samples.

        Raises:
            NotReady: no sample within the tolerance, or a single one without velocities.
        """
        before, after = self._history.around(moment_ns)
        near = self._history.nearest(moment_ns)
        gap_ns = abs(near.stamp_ns - moment_ns) if near else 0
        if near is None or gap_ns > self._tolerance_ns:
            detail = (
                f'nearest to the picture is {gap_ns / MS:.0f} ms away, '
                f'at most {self._tolerance_ns / MS:.0f} ms expected'
            )
            raise NotReady('out_of_sync', STREAM, detail)
        if before is None or after is None or before is after:
            positions, velocities = near.value
            if velocities is None:
                velocities = self._slope_beside(near)
            return Sample(near.stamp_ns, Joints(positions, velocities))
        a, b = before.value, after.value
        fraction = (moment_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
        step = b.positions - a.positions
        # An angle that wraps between two samples has no way in between that is known.
        wrapped = self.angular & (np.abs(step) > np.pi)
        positions = np.where(wrapped, near.value.positions, a.positions + fraction * step)
        if a.velocities is None or b.velocities is None:
            velocities = self._slope(before, after)
        else:
            velocities = a.velocities + fraction * (b.velocities - a.velocities)
        return Sample(moment_ns, Joints(positions, velocities))

    def _slope_beside(self, sample: Sample[Joints]) -> np.ndarray:
        before, _ = self._history.around(sample.stamp_ns - 1)
        if before is not None:
            return self._slope(before, sample)
        _, after = self._history.around(sample.stamp_ns + 1)
        if after is None:
            raise NotReady('waiting', STREAM, 'two samples needed, as velocities are not measured')
        return self._slope(sample, after)

    def _slope(self, before: Sample[Joints], after: Sample[Joints]) -> np.ndarray:
        step = after.value.positions - before.value.positions
        step = np.where(self.angular, wrap(step), step)
        slope: np.ndarray = step / ((after.stamp_ns - before.stamp_ns) / SECOND)
        return slope


def wrap(angle: np.ndarray) -> np.ndarray:
    """Return angles in rad as -pi <= angle < pi."""
    wrapped: np.ndarray = (angle + np.pi) % (2.0 * np.pi) - np.pi
    return wrapped
