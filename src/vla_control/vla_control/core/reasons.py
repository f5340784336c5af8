"""Why something was refused, clipped, held or stopped: one vocabulary for messages and modes."""

from enum import StrEnum


class Reason(StrEnum):
    """Typed reasons, as they are published."""

    # A chunk, at the door.
    MALFORMED = 'malformed'
    WRONG_CONTRACT = 'wrong_contract'
    WRONG_COLUMNS = 'wrong_columns'
    WRONG_STEP = 'wrong_step'
    SHORT_HORIZON = 'short_horizon'
    OTHER_EPOCH = 'other_epoch'
    NOT_A_ROTATION = 'not_a_rotation'
    EXPIRED = 'expired'
    TOO_EARLY = 'too_early'
    DUPLICATE = 'duplicate'
    IDLE = 'idle'

    # A row, on its way to joints.
    OPPOSED_ROTATIONS = 'opposed_rotations'
    UNREACHABLE = 'unreachable'

    # The gate's checks, in their order.
    NOT_FINITE = 'not_finite'
    WRONG_WIDTH = 'wrong_width'
    POSITION = 'position'
    FIRST_STEP = 'first_step'
    VELOCITY = 'velocity'
    ACCELERATION = 'acceleration'
    JERK = 'jerk'
    TOOL_SPEED = 'tool_speed'
    WORKSPACE = 'workspace'
    STALE_STATE = 'stale_state'
    DISAGREEMENT = 'disagreement'

    # A hold.
    SILENCE = 'silence'
