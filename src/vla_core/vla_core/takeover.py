"""A person's hand on the robot: what it asks for, and how much it decides."""

from dataclasses import dataclass

import numpy as np

from vla_core.command import Authority
from vla_core.errors import CommandError


@dataclass(frozen=True, eq=False)
class Takeover:
    """One message of a person's input device.

    Attributes:
        stamp_ns: ROS time.
        authority: Who decides from now on.
        names: (N) joints that are told positions; only with authority `human`.
        positions: (N,) joint targets, rad or m.
        twist: (6,) velocity of the tool point in the base frame: v in m/s, then omega in rad/s.
        gripper: (K,) grippers, 0 closed .. 1 open; empty leaves them as they are.
    """

    stamp_ns: int
    authority: Authority
    names: tuple[str, ...]
    positions: np.ndarray
    twist: np.ndarray
    gripper: np.ndarray

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, 'authority', Authority(self.authority))
        except ValueError:
            problem = f'one of {", ".join(Authority)} expected, got {self.authority!r}'
            raise CommandError('authority', problem) from None
        if self.stamp_ns <= 0:
            raise CommandError('stamp', f'a ROS time > 0 expected, got {self.stamp_ns}')
        for name, size in (('positions', len(self.names)), ('twist', 6), ('gripper', None)):
            values = np.array(getattr(self, name), np.float64).reshape(-1)
            if size is not None and len(values) != size:
                raise CommandError(name, f'{size} numbers expected, got {len(values)}')
            if not np.isfinite(values).all():
                raise CommandError(name, f'finite numbers expected, got {values.tolist()}')
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        if self.names and self.authority is not Authority.HUMAN:
            got = f'got {self.names[0]!r}'
            raise CommandError('names', f'none under authority {self.authority} expected, {got}')
