"""The joint driver: takes position targets and ramps the servos to them within limits."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from vla_core.contract import RobotContract
from vla_sim.core.errors import JointError


class JointDriver:
    """Servo set-points that follow the last target no faster than the contract allows."""

    def __init__(self, contract: RobotContract, step_s: float):
        """Set up.

        Args:
            contract: Joints of the output and their limits.
            step_s: Time between two calls of `step`.
        """
        self.joints = contract.output.joints
        limits = [contract.limits.joints[name] for name in self.joints]
        self._largest = np.array([limit.velocity for limit in limits]) * step_s
        self._low = np.array([-np.inf if j.continuous else j.lower for j in limits])
        self._high = np.array([np.inf if j.continuous else j.upper for j in limits])
        self._waiting: deque[tuple[int, dict[int, float]]] = deque()
        self.setpoint = np.zeros(len(limits))
        self._target = np.zeros(len(limits))

    def reset(self, positions: np.ndarray) -> None:
        """Stand still at joint positions (J,); waiting commands are forgotten."""
        self.setpoint = np.clip(positions, self._low, self._high)
        self._target = self.setpoint.copy()
        self._waiting.clear()

    def command(self, names: Sequence[str], positions: Sequence[float], due_ns: int) -> None:
        """Take targets for some or all joints: all of them or none.

        Args:
            names: Joint names, in any order.
            positions: rad or m, one a name; beyond the contract's limits they end at the limit.
            due_ns: When they come into force.

        Raises:
            JointError: unknown or repeated name, wrong length, not finite.
        """
        if len(names) != len(positions) or len(names) == 0:
            raise JointError(
                f'command: one position a joint expected, got {len(names)} names and '
                f'{len(positions)} positions'
            )
        targets: dict[int, float] = {}
        for name, position in zip(names, positions, strict=True):
            if name not in self.joints:
                raise JointError(
                    f'command: unknown joint {name!r}; one of {", ".join(self.joints)} expected'
                )
            index = self.joints.index(name)
            if index in targets:
                raise JointError(f'command: joint {name!r} is named twice; once expected')
            if not np.isfinite(position):
                raise JointError(f'command: joint {name!r}: a finite position expected')
            targets[index] = float(np.clip(position, self._low[index], self._high[index]))
        self._waiting.append((due_ns, targets))

    def take(self, now_ns: int) -> bool:
        """Put every command that is due into force; return whether there was one."""
        taken = False
        while self._waiting and self._waiting[0][0] <= now_ns:
            for index, position in self._waiting.popleft()[1].items():
                self._target[index] = position
            taken = True
        return taken

    @property
    def next_due_ns(self) -> int | None:
        """When the next waiting command comes into force."""
        return self._waiting[0][0] if self._waiting else None

    @property
    def settled(self) -> bool:
        """Whether the set-points have reached their targets."""
        return bool((self.setpoint == self._target).all())

    def step(self) -> np.ndarray:
        """Move the set-points by one step and return them, (J,)."""
        move = np.clip(self._target - self.setpoint, -self._largest, self._largest)
        near = np.abs(self._target - self.setpoint) <= self._largest
        self.setpoint = np.where(near, self._target, self.setpoint + move)
        return self.setpoint
