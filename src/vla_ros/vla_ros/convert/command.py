"""Commands: what was sent in one tick, and why."""

import array

from vla_msgs.msg import Command as CommandMsg

from vla_core.command import Authority, Command
from vla_core.contract import RobotContract
from vla_ros.convert import numbers
from vla_ros.convert.times import ns, stamp
from vla_ros.errors import MessageError, message_field


def command_to_msg(command: Command) -> CommandMsg:
    """Return the command as a message."""
    msg = CommandMsg(
        sequence=command.sequence,
        epoch=command.epoch,
        names=list(command.names),
        positions=array.array('d', command.positions),
        velocities=array.array('d', command.velocities),
        strategy=command.strategy,
        sources=array.array('Q', command.sources),
        weights=array.array('d', command.weights),
        clipped_by=list(command.clipped_by),
        hold_reason=command.hold_reason,
        stop_reason=command.stop_reason,
        authority=command.authority.value,
    )
    msg.header.stamp = stamp(command.stamp_ns)
    return msg


def command_from_msg(msg: CommandMsg, contract: RobotContract | None = None) -> Command:
    """Return the command; joint names must be the contract's outputs where one is given.

    Raises:
        MessageError: a field is malformed.
    """
    joints = numbers.names(msg.names, 'names', contract.output.joints if contract else None)
    weights = numbers.vector(msg.weights, 'weights', len(msg.sources))
    if len(weights) and ((weights < 0).any() or abs(weights.sum() - 1.0) > 1e-6):
        raise MessageError('weights', f'>= 0 with sum 1 expected, got {weights.tolist()}')
    with message_field():
        return Command(
            stamp_ns=ns(msg.header.stamp, 'header.stamp'),
            sequence=msg.sequence,
            epoch=msg.epoch,
            names=joints,
            positions=numbers.vector(msg.positions, 'positions', len(joints)),
            velocities=numbers.vector(msg.velocities, 'velocities', len(joints)),
            strategy=msg.strategy,
            sources=tuple(msg.sources),
            weights=tuple(weights.tolist()),
            clipped_by=tuple(msg.clipped_by),
            authority=authority(msg.authority),
            hold_reason=msg.hold_reason,
            stop_reason=msg.stop_reason,
        )


def authority(word: str) -> Authority:
    """Return who decides.

    Raises:
        MessageError: the word is none of the constants of Takeover.msg.
    """
    try:
        return Authority(word)
    except ValueError:
        known = ', '.join(Authority)
        raise MessageError('authority', f'one of {known} expected, got {word!r}') from None
