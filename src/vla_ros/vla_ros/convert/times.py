"""Times and durations: messages in seconds and nanoseconds, values in integer ns."""

from dataclasses import fields

from builtin_interfaces.msg import Duration, Time
from vla_msgs.msg import Timing as TimingMsg

from vla_core.timing import SECOND, Timing
from vla_ros.errors import MessageError

LARGEST_NS = (2**31 - 1) * SECOND + SECOND - 1

STAGES = tuple(field.name.removesuffix('_ns') for field in fields(Timing))


def ns(msg: Time | Duration, field: str = 'stamp', zero: bool = False) -> int:
    """Return a time or duration in ns.

    Args:
        msg: What to read.
        field: Its path in the message it stands in, for the refusal.
        zero: Whether 0 is allowed.

    Raises:
        MessageError: negative, zero where that is not allowed, or 1 s and more of nanoseconds.
    """
    if msg.nanosec >= SECOND:
        raise MessageError(f'{field}.nanosec', f'less than {SECOND} expected, got {msg.nanosec}')
    value = msg.sec * SECOND + msg.nanosec
    if value < 0 or (value == 0 and not zero):
        right = '>= 0' if zero else '> 0'
        raise MessageError(field, f'{right} s expected, got {value / SECOND:g}')
    return value


def stamp(value_ns: int) -> Time:
    """Return a time message.

    Raises:
        MessageError: it does not fit into one (negative, or after 2038).
    """
    return Time(sec=_seconds(value_ns), nanosec=value_ns % SECOND)


def duration(value_ns: int) -> Duration:
    """Return a duration message; see `stamp`."""
    return Duration(sec=_seconds(value_ns), nanosec=value_ns % SECOND)


def timing_to_msg(timing: Timing) -> TimingMsg:
    """Return the stages as a message."""
    return TimingMsg(**{name: stamp(getattr(timing, f'{name}_ns')) for name in STAGES})


def timing_from_msg(msg: TimingMsg, field: str = 'timing') -> Timing:
    """Return the stages; 0 where a stage has not been passed."""
    return Timing(
        **{f'{name}_ns': ns(getattr(msg, name), f'{field}.{name}', zero=True) for name in STAGES}
    )


def _seconds(value_ns: int) -> int:
    if not 0 <= value_ns <= LARGEST_NS:
        raise MessageError('time', f'0 .. {LARGEST_NS} ns expected, got {value_ns}')
    return value_ns // SECOND
