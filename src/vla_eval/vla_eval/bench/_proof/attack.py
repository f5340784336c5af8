"""Chunks and events, random and hostile, drawn from one generator."""

from collections.abc import Callable
from typing import Any

import numpy as np

from vla_control.core.modes import MODES
from vla_control.core.reasons import Reason
from vla_control.core.settings import ExecutorSettings
from vla_control.core.strategies import STRATEGIES
from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.contract.action import Group
from vla_core.se3 import SE3
from vla_core.timing import SECOND

SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e-310, 1e6, 1e6 + 1, 1e9, 1e300, 1.7e308)
ROWS = ('smooth',) * 5 + ('fast',) * 2 + ('jump', 'wild', 'special', 'edge', 'still', 'turns')
STAMPS = ('now',) * 6 + ('late', 'early', 'backwards', 'again', 'overlap', 'reordered')
HEADS = ('right',) * 40 + ('digest', 'epoch', 'columns', 'width', 'one_ns', 'ten_s', 'order')
# What may be switched off without switching a promise off.
_MAY_BE_OFF = (Reason.FIRST_STEP, Reason.STALE_STATE, Reason.DISAGREEMENT)
_TO_COLUMNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    '6d': rotations.to_6d,
    'quaternion': rotations.to_quaternion,
    'axis_angle': rotations.log,
}


def settings(rng: np.random.Generator) -> ExecutorSettings:
    """Draw a strategy, its settings, and sometimes other modes of the gate."""
    modes = {}
    if rng.random() < 0.4:
        for check, allowed in MODES.items():
            usable = [m for m in allowed if m != 'off' or check in _MAY_BE_OFF]
            if rng.random() < 0.4:
                modes[str(check)] = str(rng.choice(usable))
    return ExecutorSettings(
        strategy=str(rng.choice(list(STRATEGIES))),
        execute_rows=int(rng.integers(1, 20)),
        ensemble_m=float(rng.choice([0.01, 0.0, -0.1, 0.5, 30.0])),
        blend_rows=int(rng.integers(0, 8)),
        blend=str(rng.choice(['linear', 'cosine'])),
        geometry=bool(rng.random() < 0.8),
        gripper_speed=float(rng.uniform(0.1, 1.0)),
        modes=modes,
    )


class Attacker:
    """Makes chunks for one robot."""

    def __init__(
        self,
        contract: RobotContract,
        forward: Callable[[np.ndarray], SE3],
        rng: np.random.Generator,
        calm: bool = False,
    ):
        """Prepare.

        Args:
            contract: Of the robot.
            forward: Returns T_base_tool of joints (J,) in output order.
            rng: Everything follows from it.
            calm: Whether most chunks are such as a policy might send.
        """
        self._contract, self._forward, self._rng = contract, forward, rng
        self._decent = 0.8 if calm else 0.0  # chance that a chunk is like a policy's
        self._joints = [contract.limits.joints[n] for n in contract.output.joints]
        self._sequence = 0
        self.last: ActionChunk | None = None

    def chunk(self, q: np.ndarray, now_ns: int, epoch: int) -> ActionChunk:
        """Draw a chunk for a robot that is at joints (J,); it may be one to be refused."""
        rng, contract = self._rng, self._contract
        step_ns = contract.rates.step_ns
        horizon = int(rng.choice([1, 2, 7, 16, 16, 16, 32, 50, 200]))
        decent = rng.random() < self._decent
        rows = self._rows(str(rng.choice(ROWS[:6] if decent else ROWS)), q, horizon)
        self._sequence += 1
        values: dict[str, Any] = {
            't0_ns': now_ns + step_ns,
            'step_ns': step_ns,
            'observation_stamp_ns': max(1, now_ns - int(rng.integers(0, SECOND // 2))),
            'sequence': self._sequence,
            'epoch': epoch,
            'contract_digest': contract.digest,
            'columns': contract.action.columns,
            'actions': rows,
            'instruction': 'go',
        }
        if not decent:
            values |= self._stamps(str(rng.choice(STAMPS)), now_ns)
            values |= self._head(str(rng.choice(HEADS)), rows)
        for name in ('t0_ns', 'observation_stamp_ns'):
            values[name] = max(1, values[name])
        self.last = ActionChunk(**values)
        return self.last

    def _stamps(self, kind: str, now_ns: int) -> dict[str, int]:
        rng, step_ns = self._rng, self._contract.rates.step_ns
        if kind == 'late':
            return {'t0_ns': now_ns - int(rng.integers(0, 40)) * step_ns // 2}
        if kind == 'early':
            return {'t0_ns': now_ns + int(rng.integers(0, 3 * SECOND))}
        if kind == 'backwards':
            return {'observation_stamp_ns': now_ns - int(rng.integers(0, 20 * SECOND))}
        if kind == 'overlap':
            return {'t0_ns': now_ns - int(rng.integers(-step_ns, step_ns))}
        if kind in ('again', 'reordered') and self.last is not None:
            last = self.last
            same = {'observation_stamp_ns': last.observation_stamp_ns}
            return same | ({'t0_ns': last.t0_ns} if kind == 'again' else {})
        return {}

    def _head(self, kind: str, rows: np.ndarray) -> dict[str, Any]:
        columns = self._contract.action.columns
        changes: dict[str, dict[str, Any]] = {
            'digest': {'contract_digest': 'another'},
            'epoch': {'epoch': int(self._rng.integers(-2, 3))},
            'columns': {'columns': columns[::-1]},
            'width': {'columns': columns[1:], 'actions': rows[:, 1:]},
            'one_ns': {'step_ns': 1},
            'ten_s': {'step_ns': 10 * SECOND},
            'order': {'columns': (*columns[1:], columns[0])},
        }
        return changes.get(kind, {})

    def _rows(self, kind: str, q: np.ndarray, horizon: int) -> np.ndarray:
        rng, J = self._rng, len(q)
        step_s = self._contract.rates.step_ns / SECOND
        t = step_s * np.arange(1, horizon + 1)[:, None]
        size = {'smooth': 0.15, 'fast': 3.0}.get(kind, 0.0)
        swing = size * rng.normal(size=J) * np.sin(t * rng.uniform(0.2, 3.0) + rng.uniform(0, 1))
        joints = q + swing
        if kind == 'jump':
            joints[int(rng.integers(horizon)) :] += rng.normal(size=J)
        elif kind == 'edge':
            joints = self._edges(q, t)
        rows = np.empty((horizon, len(self._contract.action.columns)))
        for group in self._contract.action.groups:
            rows[:, self._contract.action.slice_of(group)] = self._columns(group, joints, kind)
        if kind == 'wild':
            rows += 10.0 ** rng.uniform(-3, 4) * rng.normal(size=rows.shape)
        elif kind == 'special':
            for _ in range(int(rng.integers(1, 4))):
                place = int(rng.integers(horizon)), int(rng.integers(rows.shape[1]))
                rows[place] = rng.choice(SPECIAL)
        return rows

    def _edges(self, q: np.ndarray, t: np.ndarray) -> np.ndarray:
        """Return joints that go to a limit at exactly their speed limit and stay exactly there."""
        rng, rows = self._rng, np.tile(q, (len(t), 1))
        for k, joint in enumerate(self._joints):
            if rng.random() < 0.5:
                end = joint.upper if rng.random() < 0.5 else joint.lower
                way = np.sign(end - q[k]) * joint.velocity * t[:, 0]
                rows[:, k] = np.clip(q[k] + way, min(q[k], end), max(q[k], end))
        return rows

    def _columns(self, group: Group, joints: np.ndarray, kind: str) -> np.ndarray:
        rng, names = self._rng, self._contract.output.joints
        if group.kind == 'gripper':
            return rng.choice([0.0, 1.0, 0.5, rng.uniform(-1, 2)], (len(joints), 1))
        if group.kind == 'joint_position':
            return joints[:, [names.index(n) for n in group.names]]
        to_columns = _TO_COLUMNS[group.rotation]
        start = self._forward(joints[0])
        t = np.linspace(0.0, 1.0, len(joints))[:, None]
        size = {'smooth': 0.05, 'fast': 1.0, 'jump': 0.5, 'edge': 0.3}.get(kind, 0.0)
        way = start.t + size * rng.normal(size=3) * np.sin(3.0 * t)
        turn = {'smooth': 0.3, 'fast': 3.0, 'jump': 1.0, 'turns': 40.0}.get(kind, 0.0)
        axis = turn * rng.normal(size=3)
        columns = []
        for k in range(len(joints)):
            R = rotations.exp(float(t[k, 0]) * axis) @ start.R
            if kind == 'turns' and k % 2:
                R = rotations.exp(np.array([0.0, 0.0, np.pi])) @ R  # opposes its neighbours
            columns.append(np.concatenate([way[k], to_columns(R)]))
        return np.array(columns)
