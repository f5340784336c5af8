"""Tool pose of joints, and joints of a tool pose: differential inverse kinematics by mink."""

import mink
import mujoco
import numpy as np

from vla_control.core.errors import RowRefused
from vla_control.core.reasons import Reason
from vla_core.contract import RobotContract
from vla_core.errors import ContractError
from vla_core.se3 import SE3

_ITERATIONS = 20  # at most; from the last command one is enough
_CLOSE_M, _CLOSE_RAD = 1e-4, 1e-3  # close enough to stop iterating
_LARGEST_STEP = 0.2  # rad or m per iteration; keeps far goals inside the linearisation's reach
_POSTURE_S = 1.0  # time constant of the pull to the posture in the null space, s
_POSTURE_COST = 1e-2  # beside 1 per m of the tool; also damps near singular configurations
_ROTATION_COST = 0.3  # where both cannot be met the position goes first


class Kinematics:
    """Kinematics of the contract's model.

    Inverse kinematics solves a quadratic programme per iteration (mink: tool pose, posture in the
    null space, joint limits of the contract) and starts from the joints given, so that the answer
    is the nearest one and never another branch.
    """

    def __init__(
        self,
        contract: RobotContract,
        arm: np.ndarray,
        tolerance_m: float = 0.01,
        tolerance_rad: float = 0.2,
    ):
        """Load the model.

        Args:
            contract: Names the model, its base and tool, and the joints in output order.
            arm: (A,) indices in `output.joints` of the joints that may be moved for the tool.
            tolerance_m: Distance by which a pose may be missed before it is unreachable.
            tolerance_rad: Angle by which it may be missed.

        Raises:
            ContractError: the model is unreadable or lacks a joint, the base or the tool.
        """
        self._tolerance_m, self._tolerance_rad = tolerance_m, tolerance_rad
        model = _load(contract)
        joints = [_id(model, 'joint', name, 'output.joints') for name in contract.output.joints]
        self._site = _id(model, 'site', contract.model.tool, 'model.tool')
        base = _id(model, 'body', contract.model.base_link, 'model.base_link')
        self._qpos = model.jnt_qposadr[joints]
        self._arm = arm
        self._arm_dofs = model.jnt_dofadr[joints][arm]
        self._bound(model, contract, joints)
        self._configuration = mink.Configuration(model)
        self._configuration.update()
        data = self._configuration.data
        self._T_base_world = SE3(data.xmat[base].reshape(3, 3), data.xpos[base]).inverse()
        self._T_world_base = mink.SE3.from_matrix(self._T_base_world.inverse().matrix)
        self._tool = mink.FrameTask(
            contract.model.tool,
            'site',
            position_cost=1.0,
            orientation_cost=_ROTATION_COST,
            lm_damping=1e-6,
        )
        cost = np.zeros(model.nv)
        cost[self._arm_dofs] = _POSTURE_COST
        self._gain = min(1.0, contract.rates.control_ns / 1e9 / _POSTURE_S)
        self._posture = mink.PostureTask(model, cost=cost, gain=self._gain)
        rest = self._configuration.q.copy()
        for name, value in contract.model.posture.items():
            if name in contract.output.joints:
                rest[self._qpos[contract.output.joints.index(name)]] = value
        self._posture.set_target(rest)
        self._tasks = [self._tool, self._posture]
        self._limits = [mink.ConfigurationLimit(model, gain=1.0)]
        self._q = self._configuration.q.copy()
        self._step = np.zeros(model.nv)

    @staticmethod
    def _bound(model: mujoco.MjModel, contract: RobotContract, joints: list[int]) -> None:
        """Put the contract's limits in place of the model's; joints outside it are not limited."""
        model.jnt_limited[:] = 0
        for joint, name in zip(joints, contract.output.joints, strict=True):
            limits = contract.limits.joints[name]
            if not limits.continuous:
                model.jnt_limited[joint] = 1
                model.jnt_range[joint] = limits.lower, limits.upper

    def forward(self, positions: np.ndarray) -> SE3:
        """Return T_base_tool of joints (J,) in the contract's output order."""
        self._q[self._qpos] = positions
        self._configuration.update(self._q)
        data = self._configuration.data
        R, t = data.site_xmat[self._site].reshape(3, 3), data.site_xpos[self._site]
        return self._T_base_world @ SE3(R, t)

    @property
    def lever_m(self) -> float:
        """A bound on the distance, m, from any joint to the tool: the links, laid end to end."""
        model = self._configuration.model
        length = float(np.linalg.norm(model.site_pos[self._site]))
        body = int(model.site_bodyid[self._site])
        while body:
            length += float(np.linalg.norm(model.body_pos[body]))
            for joint in range(model.njnt):
                if model.jnt_bodyid[joint] == body:
                    length += 2.0 * float(np.linalg.norm(model.jnt_pos[joint]))
                    if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE:
                        length += float(np.abs(model.jnt_range[joint]).max())
            body = int(model.body_parentid[body])
        return length

    def tool_point(self, positions: np.ndarray) -> np.ndarray:
        """Return the tool point (3,) in the base frame, m, of joints (J,) in output order."""
        model, data = self._configuration.model, self._configuration.data
        data.qpos[self._qpos] = positions
        mujoco.mj_kinematics(model, data)
        return self._T_base_world.R @ data.site_xpos[self._site] + self._T_base_world.t

    def tool_poses(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return tool points (N, 3), m, and quaternions (N, 4), wxyz, both in the base frame.

        Args:
            positions: (N, J) joints in output order.
        """
        model, data = self._configuration.model, self._configuration.data
        points, quaternions = np.empty((len(positions), 3)), np.empty((len(positions), 4))
        turn, q = np.empty(9), np.empty(4)
        for row, point, quaternion in zip(positions, points, quaternions, strict=True):
            data.qpos[self._qpos] = row
            mujoco.mj_kinematics(model, data)
            point[:] = data.site_xpos[self._site]
            turn[:] = (self._T_base_world.R @ data.site_xmat[self._site].reshape(3, 3)).ravel()
            mujoco.mju_mat2Quat(q, turn)
            quaternion[:] = q
        return points @ self._T_base_world.R.T + self._T_base_world.t, quaternions

    def solve(
        self, start: np.ndarray, t: np.ndarray, quaternion: np.ndarray, pull: float = 1.0
    ) -> np.ndarray:
        """Return the arm's joints (A,) that bring the tool to a pose, near those given.

        Args:
            start: (J,) joints to start from, in the contract's output order.
            t: (3,) tool position in the base frame, m.
            quaternion: (4,) wxyz of R_base_tool.
            pull: Share, 0..1, of the pull to the posture in the null space.

        Raises:
            RowRefused: `unreachable`, with the distances that are left.
        """
        self._posture.gain = pull * self._gain
        q = self._q
        q[self._qpos] = start
        self._configuration.update(q)
        goal = mink.SE3(np.concatenate([quaternion, t]))
        self._tool.set_target(self._T_world_base.multiply(goal))
        for _ in range(_ITERATIONS):
            step = mink.solve_ik(
                self._configuration, self._tasks, 1.0, 'daqp', damping=1e-9, limits=self._limits
            )
            self._step[self._arm_dofs] = step[self._arm_dofs]
            self._step *= min(1.0, _LARGEST_STEP / max(np.abs(self._step).max(), 1e-12))
            self._configuration.integrate_inplace(self._step, 1.0)
            error = self._tool.compute_error(self._configuration)
            miss_m = float(np.sqrt(error[:3] @ error[:3]))
            miss_rad = float(np.sqrt(error[3:] @ error[3:]))
            if miss_m < _CLOSE_M and miss_rad < _CLOSE_RAD:
                break
        if not (miss_m <= self._tolerance_m and miss_rad <= self._tolerance_rad):
            raise RowRefused(
                Reason.UNREACHABLE,
                f'the arm misses ({t[0]:.3f}, {t[1]:.3f}, {t[2]:.3f}) m by'
                f' {1e3 * miss_m:.0f} mm and {miss_rad:.2f} rad',
            )
        return self._configuration.q[self._qpos[self._arm]]


def _load(contract: RobotContract) -> mujoco.MjModel:
    try:
        return mujoco.MjModel.from_xml_path(str(contract.model.mjcf))
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise ContractError(
            f'model.mjcf: {contract.model.mjcf}', f'no MJCF model: {first}'
        ) from None


def _id(model: mujoco.MjModel, kind: str, name: str, field: str) -> int:
    wanted = getattr(mujoco.mjtObj, f'mjOBJ_{kind.upper()}')
    found = mujoco.mj_name2id(model, wanted, name)
    if found < 0:
        raise ContractError(field, f'the model has no {kind} {name!r}')
    return int(found)
