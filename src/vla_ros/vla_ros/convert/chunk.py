"""Action chunks."""

import array

from vla_msgs.msg import ActionChunk as ActionChunkMsg

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_ros.convert import numbers
from vla_ros.convert.times import duration, ns, stamp, timing_from_msg, timing_to_msg
from vla_ros.errors import MessageError, message_field


def chunk_to_msg(chunk: ActionChunk) -> ActionChunkMsg:
    """Return the chunk as a message."""
    data = array.array('d')
    data.frombytes(chunk.actions.tobytes())  # row-major, however the array lies in memory
    return ActionChunkMsg(
        t0=stamp(chunk.t0_ns),
        step=duration(chunk.step_ns),
        observation_stamp=stamp(chunk.observation_stamp_ns),
        sequence=chunk.sequence,
        epoch=chunk.epoch,
        contract_digest=chunk.contract_digest,
        columns=list(chunk.columns),
        horizon=chunk.horizon,
        data=data,
        instruction=chunk.instruction,
        timing=timing_to_msg(chunk.timing),
    )


def chunk_from_msg(msg: ActionChunkMsg, contract: RobotContract | None = None) -> ActionChunk:
    """Return the chunk.

    Args:
        msg: What to read.
        contract: Where given, digest and column names must be its own.

    Raises:
        MessageError: a field is malformed; a chunk with NaN or Inf is.
    """
    numbers.check_digest(msg.contract_digest, contract.digest if contract else None)
    columns = numbers.names(msg.columns, 'columns', contract.action.columns if contract else None)
    if not columns:
        raise MessageError('columns', 'at least one name expected, got none')
    if msg.horizon == 0:
        raise MessageError('horizon', 'at least one row expected, got 0')
    data = numbers.vector(msg.data, 'data', msg.horizon * len(columns))
    with message_field(actions='data'):
        return ActionChunk(
            t0_ns=ns(msg.t0, 't0'),
            step_ns=ns(msg.step, 'step'),
            observation_stamp_ns=ns(msg.observation_stamp, 'observation_stamp'),
            sequence=msg.sequence,
            epoch=msg.epoch,
            contract_digest=msg.contract_digest,
            columns=columns,
            actions=data.reshape(msg.horizon, len(columns)),
            instruction=msg.instruction,
            timing=timing_from_msg(msg.timing),
        )
