"""What comes in as messages: joint states in the contract's order, chunks with typed refusals."""

import numpy as np
from sensor_msgs.msg import JointState
from vla_msgs.msg import ActionChunk as ActionChunkMsg

from vla_control.core.errors import ChunkRefused, StateRefused
from vla_control.core.reasons import Reason
from vla_core.chunk import ActionChunk
from vla_ros import convert
from vla_ros.errors import MessageError


class JointReader:
    """Picks the contract's joints out of joint states, whatever their order."""

    def __init__(self, names: tuple[str, ...]):
        self._names = names
        self._seen: tuple[str, ...] = ()
        self._order: list[int] = []

    def read(self, msg: JointState) -> tuple[int, np.ndarray, np.ndarray | None]:
        """Return stamp, positions (S,) and velocities (S,), None where the driver sends none.

        Raises:
            MessageError: the message is malformed.
            StateRefused: a joint of the contract is missing.
        """
        reading = convert.joint_state_from_msg(msg)
        if reading.names != self._seen:
            missing = [name for name in self._names if name not in reading.names]
            if missing:
                got = ', '.join(reading.names)
                raise StateRefused(f'name: joint {missing[0]!r} expected among {got}')
            self._seen = reading.names
            self._order = [reading.names.index(name) for name in self._names]
        velocities = None if reading.velocities is None else reading.velocities[self._order]
        return reading.stamp_ns, reading.positions[self._order], velocities


def read_chunk(msg: ActionChunkMsg) -> ActionChunk:
    """Return the chunk; whether it fits is for the core to say.

    Raises:
        ChunkRefused: it is malformed (`malformed`), or holds NaN or Inf (`not_finite`).
    """
    try:
        return convert.chunk_from_msg(msg)
    except MessageError as error:
        finite = np.isfinite(np.asarray(msg.data, np.float64)).all()
        reason = Reason.MALFORMED if finite or error.field != 'data' else Reason.NOT_FINITE
        raise ChunkRefused(reason, str(error)) from None
