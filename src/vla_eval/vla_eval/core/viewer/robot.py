"""The robot of a contract, to be drawn: where its bodies and its tool are for given joints."""

from collections.abc import Mapping

import mujoco
import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.errors import ContractError
from vla_core.se3 import SE3
from vla_eval.core.viewer.shapes import Shape, shapes


class RobotModel:
    """Kinematics of the contract's MJCF, all poses in the base frame.

    Attributes:
        shapes: Its visible geometry.
    """

    def __init__(self, contract: RobotContract):
        """Load the model.

        Raises:
            ContractError: it is unreadable, or lacks the base or the tool.
        """
        path = contract.model.mjcf
        try:
            self._model = mujoco.MjModel.from_xml_path(str(path))
            self._base = self._model.body(contract.model.base_link).id
            self._tool = self._model.site(contract.model.tool).id
        except (ValueError, KeyError) as error:
            first = str(error).splitlines()[0]
            raise ContractError(f'model.mjcf: {path}', f'cannot be drawn: {first}') from None
        self._data = mujoco.MjData(self._model)
        self._action = contract.action
        world = self._model.body(0).name
        self.shapes = tuple(s for s in shapes(self._model) if s.body != world)
        self._bodies = {name: self._model.body(name).id for name in {s.body for s in self.shapes}}
        self._qpos = {
            self._model.joint(j).name: int(self._model.jnt_qposadr[j])
            for j in range(self._model.njnt)
        }
        self.move(contract.model.posture)

    def move(self, joints: Mapping[str, float]) -> None:
        """Put the joints that are named where they are, rad or m; others follow or stay."""
        for name, position in joints.items():
            if name in self._qpos:
                self._data.qpos[self._qpos[name]] = position
        self._couple()
        mujoco.mj_kinematics(self._model, self._data)

    def bodies(self) -> dict[str, SE3]:
        """Return T_base_body of each body that has a shape."""
        T_base_world = self._T_world_base().inverse()
        xmat, xpos = self._data.xmat, self._data.xpos
        return {
            name: T_base_world @ SE3(xmat[b].reshape(3, 3), xpos[b])
            for name, b in self._bodies.items()
        }

    def tool(self) -> np.ndarray:
        """Return the tool point (3,) in the base frame, m."""
        return self._T_world_base().inverse().apply(self._data.site_xpos[self._tool])

    def tool_path(self, chunk: ActionChunk) -> np.ndarray:
        """Return the tool points (H, 3) of a chunk's rows in the base frame, m.

        (0, 3) where its columns tell neither the tool nor joints of the model. The robot is
        left as it was.
        """
        columns = list(chunk.columns)
        for group in self._action.groups:
            wanted = [f'{group.name}.{axis}' for axis in 'xyz']
            if group.kind == 'tool_pose' and all(name in columns for name in wanted):
                return chunk.actions[:, [columns.index(name) for name in wanted]]
        known = [name for name in columns if name in self._qpos]
        if not known:
            return np.empty((0, 3))
        before, path = self._data.qpos.copy(), []
        for row in chunk.actions:
            self.move({name: row[columns.index(name)] for name in known})
            path.append(self.tool())
        self._data.qpos[:] = before
        mujoco.mj_kinematics(self._model, self._data)
        return np.array(path)

    def _T_world_base(self) -> SE3:  # noqa: N802
        return SE3(self._data.xmat[self._base].reshape(3, 3), self._data.xpos[self._base])

    def _couple(self) -> None:
        """Move joints that follow others (MuJoCo's joint equalities: a polynomial)."""
        model, q = self._model, self._data.qpos
        for e in range(model.neq):
            if model.eq_type[e] != mujoco.mjtEq.mjEQ_JOINT or model.eq_obj2id[e] < 0:
                continue
            follower = model.jnt_qposadr[model.eq_obj1id[e]]
            leader = model.jnt_qposadr[model.eq_obj2id[e]]
            away = q[leader] - model.qpos0[leader]
            q[follower] = model.qpos0[follower] + np.polyval(model.eq_data[e, 4::-1], away)


def things(names: tuple[str, ...]) -> tuple[Shape, ...]:
    """Return shapes of the simulator's objects by name, each on a body of its own name."""
    from vla_sim.core import scene

    found = []
    for thing in scene.THINGS:
        if thing.name in names:
            half = scene.OBJECT_HALF
            block = thing.shape == scene.BLOCK
            size = np.full(3, 2 * half) if block else np.array([half, half, 2 * half])
            kind = 'box' if block else 'cylinder'
            found.append(Shape(thing.name, kind, SE3(), size, np.array(thing.rgba)))
    if scene.PLATE in names:
        height, radius = scene.PLATE_HEIGHT, scene.PLATE_RADIUS
        T = SE3(t=np.array([0.0, 0.0, height / 2]))
        for r, h, rgba in ((radius, height - 0.001, RIM), (radius - 0.003, height, CHINA)):
            found.append(Shape(scene.PLATE, 'cylinder', T, np.array([r, r, h]), np.array(rgba)))
    return tuple(found)


RIM, CHINA = (0.36, 0.52, 0.72, 1.0), (0.84, 0.86, 0.89, 1.0)
