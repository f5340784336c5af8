"""The chunk store: what may be followed, in order of observation; everything else is refused."""

from bisect import insort

from vla_control.core.errors import ChunkRefused
from vla_control.core.reasons import Reason
from vla_control.core.rows import RowLayout
from vla_control.core.track import Track
from vla_core.chunk import ActionChunk
from vla_core.command import ChunkCounts
from vla_core.contract import RobotContract

_NEVER = 2**63 - 1  # ns; later than any ROS time
_CAPACITY = 256  # chunks in force at once; more than any sane overlap, and memory stays bounded


class ChunkStore:
    """Keeps the chunks in force, oldest observation first.

    Attributes:
        tracks: Chunks that are not over, by observation stamp; a new tuple whenever one comes or
            goes, so that identity tells whether anything changed.
    """

    def __init__(self, contract: RobotContract, layout: RowLayout, max_lead_ns: int):
        self._digest = contract.digest
        self._columns = contract.action.columns
        self._step_ns = contract.rates.step_ns
        self._layout = layout
        self._max_lead_ns = max_lead_ns
        self._received = self._refused = self._expired = 0
        self.tracks: tuple[Track, ...] = ()
        self._first_end_ns = _NEVER  # when the first of them is over

    @property
    def counts(self) -> ChunkCounts:
        """Chunks that came in since the start."""
        return ChunkCounts(self._received, self._refused, self._expired)

    def accept(self, chunk: ActionChunk, epoch: int, now_ns: int, shortest: int = 1) -> Track:
        """Let a chunk in.

        Args:
            chunk: What came.
            epoch: Epoch in force.
            now_ns: ROS time.
            shortest: Fewest rows that it must have, for the strategy in force.

        Raises:
            ChunkRefused: with the reason; counted.
        """
        try:
            if chunk.horizon < shortest:
                raise ChunkRefused(
                    Reason.SHORT_HORIZON,
                    f'{shortest} rows or more expected (execute_rows), got {chunk.horizon}',
                )
            track = self._checked(chunk, epoch, now_ns)
        except ChunkRefused as refusal:
            self.count_refusal(refusal.reason)
            raise
        self._received += 1
        tracks = list(self.tracks)
        insort(tracks, track, key=lambda t: t.key)
        self._keep(tuple(tracks[-_CAPACITY:]))
        return track

    def count_refusal(self, reason: Reason) -> None:
        """Count a chunk that came in and was refused."""
        self._received += 1
        if reason is Reason.EXPIRED:
            self._expired += 1
        else:
            self._refused += 1

    def _checked(self, chunk: ActionChunk, epoch: int, now_ns: int) -> Track:
        if chunk.contract_digest != self._digest:
            raise ChunkRefused(
                Reason.WRONG_CONTRACT,
                f'digest {self._digest[:12]} expected, got {chunk.contract_digest[:12]!r}',
            )
        if chunk.columns != self._columns:
            raise ChunkRefused(Reason.WRONG_COLUMNS, self._wrong_columns(chunk.columns))
        if chunk.step_ns != self._step_ns:
            raise ChunkRefused(
                Reason.WRONG_STEP, f'{self._step_ns} ns expected, got {chunk.step_ns} ns'
            )
        if chunk.epoch != epoch:
            raise ChunkRefused(Reason.OTHER_EPOCH, f'{epoch} expected, got {chunk.epoch}')
        if chunk.end_ns <= now_ns:
            late_ms = (now_ns - chunk.end_ns) / 1e6
            raise ChunkRefused(Reason.EXPIRED, f'it was over {late_ms:.0f} ms ago')
        if chunk.t0_ns > now_ns + self._max_lead_ns:
            lead_ms = (chunk.t0_ns - now_ns) / 1e6
            raise ChunkRefused(
                Reason.TOO_EARLY,
                f'a begin within {self._max_lead_ns / 1e6:.0f} ms expected, got {lead_ms:.0f} ms',
            )
        if any((chunk.observation_stamp_ns, chunk.t0_ns) == t.key for t in self.tracks):
            raise ChunkRefused(
                Reason.DUPLICATE, f'observation {chunk.sequence} has its chunk already'
            )
        return Track(chunk, self._layout.waypoints(chunk))

    def _wrong_columns(self, columns: tuple[str, ...]) -> str:
        if len(columns) != len(self._columns):
            return f'{len(self._columns)} columns expected, got {len(columns)}'
        pairs = zip(self._columns, columns, strict=True)
        k, (right, wrong) = next((k, p) for k, p in enumerate(pairs) if p[0] != p[1])
        return f'{right!r} expected as column {k}, got {wrong!r}'

    def drop_elapsed(self, now_ns: int) -> None:
        """Forget the chunks that are over."""
        if now_ns >= self._first_end_ns:
            self._keep(tuple(t for t in self.tracks if t.chunk.end_ns > now_ns))

    def clear(self) -> None:
        """Forget all chunks, not the counts."""
        self._keep(())

    def _keep(self, tracks: tuple[Track, ...]) -> None:
        self.tracks = tracks
        self._first_end_ns = min((t.chunk.end_ns for t in tracks), default=_NEVER)
