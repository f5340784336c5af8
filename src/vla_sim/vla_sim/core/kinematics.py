"""Forward and inverse kinematics of the arm's own file, for resets and for noisy joints."""

import mujoco
import numpy as np

from vla_core.contract import Model
from vla_core.se3 import SE3

# The orientation that the zero posture turns into when the arm bends over: straight down. Aimed
# at 180 degrees about the vertical from it, the error vector vanishes far from the goal.
R_BASE_TOOL_DOWN = np.diag([-1.0, 1.0, -1.0])

DAMPING = 1.25e-4
STEP_CLIP = 0.2
POSTURE_PULL = 0.05


class ArmKinematics:
    """Tool pose of joint positions, and back."""

    def __init__(self, model: Model, joints: tuple[str, ...]):
        """Load the arm.

        Args:
            model: The contract's model section.
            joints: Names of the joints, in the order of the vectors used here.
        """
        self._model = mujoco.MjModel.from_xml_path(str(model.mjcf))
        self._data = mujoco.MjData(self._model)
        self._site = self._model.site(model.tool).id
        self._base = self._model.body(model.base_link).id
        ids = [self._model.joint(name).id for name in joints]
        self._qpos = self._model.jnt_qposadr[ids]
        self._dof = self._model.jnt_dofadr[ids]
        self._range = self._model.jnt_range[ids]
        self._arm = self._model.jnt_type[ids] == mujoco.mjtJoint.mjJNT_HINGE
        self._posture = np.array([model.posture.get(name, 0.0) for name in joints])

    def T_base_tool(self, positions: np.ndarray) -> SE3:  # noqa: N802
        """Return the tool pose at joint positions (J,), rad or m."""
        self._data.qpos[self._qpos] = positions
        mujoco.mj_kinematics(self._model, self._data)
        base, data = self._base, self._data
        R_world_base = data.xmat[base].reshape(3, 3)
        R = R_world_base.T @ data.site_xmat[self._site].reshape(3, 3)
        return SE3(R, R_world_base.T @ (data.site_xpos[self._site] - data.xpos[base]))

    def solve(self, T_base_tool: SE3, start: np.ndarray, iterations: int = 60) -> np.ndarray:
        """Return joint positions (J,) at which the tool is at a pose.

        Damped least squares with the posture in the null space; sliding joints keep their value.

        Args:
            T_base_tool: Wanted pose.
            start: (J,) positions to start from.
            iterations: Steps of at most 0.2 rad.
        """
        q = np.array(start, float)
        jacobian_p = np.zeros((3, self._model.nv))
        jacobian_r = np.zeros((3, self._model.nv))
        for _ in range(iterations):
            now = self.T_base_tool(q)
            mujoco.mj_comPos(self._model, self._data)
            mujoco.mj_jacSite(self._model, self._data, jacobian_p, jacobian_r, self._site)
            dof = self._dof[self._arm]
            J = np.vstack([jacobian_p[:, dof], jacobian_r[:, dof]])
            error_r = SE3(T_base_tool.R @ now.R.T).log()[3:]
            error = np.concatenate([T_base_tool.t - now.t, error_r])
            inverse = J.T @ np.linalg.inv(J @ J.T + DAMPING * np.eye(6))
            pull = POSTURE_PULL * (self._posture - q)[self._arm]
            step = inverse @ error + (np.eye(J.shape[1]) - inverse @ J) @ pull
            q[self._arm] += np.clip(step, -STEP_CLIP, STEP_CLIP)
            q = np.clip(q, self._range[:, 0], self._range[:, 1])
        return q
