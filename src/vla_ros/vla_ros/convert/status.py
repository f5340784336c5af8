"""The executor's status."""

from dataclasses import asdict, fields

from vla_msgs.msg import ChunkTiming
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg

from vla_core.command import ChunkCounts, ExecutorStatus, GateCounts, Mode
from vla_ros.convert.command import authority
from vla_ros.convert.times import ns, stamp, timing_from_msg, timing_to_msg
from vla_ros.errors import MessageError

WORDS = ('instruction', 'strategy', 'hold_reason', 'stop_reason', 'last_refusal')


def status_to_msg(status: ExecutorStatus) -> ExecutorStatusMsg:
    """Return the status as a message."""
    msg = ExecutorStatusMsg(
        mode=status.mode.value,
        authority=status.authority.value,
        epoch=status.epoch,
        executed=[
            ChunkTiming(sequence=sequence, timing=timing_to_msg(timing))
            for sequence, timing in status.executed
        ],
        **{name: getattr(status, name) for name in WORDS},
        **{f'gate_{name}': count for name, count in asdict(status.gate).items()},
        **{f'chunks_{name}': count for name, count in asdict(status.chunks).items()},
    )
    msg.header.stamp = stamp(status.stamp_ns)
    return msg


def status_from_msg(msg: ExecutorStatusMsg) -> ExecutorStatus:
    """Return the status.

    Raises:
        MessageError: a field is malformed.
    """
    try:
        mode = Mode(msg.mode)
    except ValueError:
        known = ', '.join(m.value for m in Mode)
        raise MessageError('mode', f'one of {known} expected, got {msg.mode!r}') from None
    return ExecutorStatus(
        stamp_ns=ns(msg.header.stamp, 'header.stamp'),
        mode=mode,
        authority=authority(msg.authority),
        epoch=msg.epoch,
        gate=GateCounts(**{f.name: getattr(msg, f'gate_{f.name}') for f in fields(GateCounts)}),
        chunks=ChunkCounts(
            **{f.name: getattr(msg, f'chunks_{f.name}') for f in fields(ChunkCounts)}
        ),
        executed=tuple(
            (one.sequence, timing_from_msg(one.timing, f'executed[{i}].timing'))
            for i, one in enumerate(msg.executed)
        ),
        **{name: getattr(msg, name) for name in WORDS},
    )
