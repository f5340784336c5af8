"""The policy's cameras: pictures, intrinsics, poses. They belong to the thread that made them."""

import math

import mujoco
import numpy as np

from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_sim.core import scene
from vla_sim.core.errors import RenderError
from vla_sim.core.injection import CameraLink, Faults, Frame
from vla_sim.core.rendering import Configuration, Renderer

# A MuJoCo camera looks along -z with y up; an optical frame along z with y down (REP-103).
R_CAMERA_OPTICAL = np.diag([1.0, -1.0, -1.0])


def profile(contract: RobotContract) -> scene.Profile:
    """Return how the contract wants its simulated cameras drawn."""
    render = contract.model.render
    return scene.Profile(shadows=bool(render['shadows']), samples=int(render['samples']))


def intrinsics(fovy: float, width: int, height: int) -> np.ndarray:
    """Return K (3, 3) of a renderer's camera.

    Square pixels; integer coordinates are pixel centres, so the middle is at (size - 1) / 2.

    Args:
        fovy: Vertical field of view, degrees.
        width: Pixels.
        height: Pixels.
    """
    f = 0.5 * height / math.tan(math.radians(fovy) / 2)
    return np.array([[f, 0.0, (width - 1) / 2], [0.0, f, (height - 1) / 2], [0.0, 0.0, 1.0]])


class Cameras:
    """Takes the contract's pictures of configurations and hands on those that arrive."""

    def __init__(self, contract: RobotContract):
        """Compile the scene and make a context in this thread.

        Args:
            contract: Camera keys must be names of the scene's cameras.
        """
        self._contract = contract
        drawn = profile(contract)
        self._model = scene.build(contract.model.mjcf, drawn)
        self._data = mujoco.MjData(self._model)
        self._ids = camera_ids(self._model, contract)
        width = max(camera.width for camera in contract.cameras.values())
        height = max(camera.height for camera in contract.cameras.values())
        self._renderer = Renderer(self._model, drawn, width, height)
        self._link = CameraLink()

    def reset(self, seed: int) -> None:
        """Forget pictures on their way; losses and noise begin anew from a seed."""
        self._link.reset(seed)

    def K(self, key: str) -> np.ndarray:  # noqa: N802
        """Return the intrinsics (3, 3) of a camera."""
        camera = self._contract.cameras[key]
        return intrinsics(self._model.cam_fovy[self._ids[key]], camera.width, camera.height)

    def picture(self, key: str, configuration: Configuration) -> np.ndarray:
        """Draw one camera's picture, without faults: (H, W, 3) uint8, RGB."""
        camera = self._contract.cameras[key]
        return self._renderer.fixed(configuration, key, camera.width, camera.height)

    def capture(self, configuration: Configuration, faults: Faults) -> None:
        """Take every camera's picture and put it on its way."""
        configuration.write(self._model, self._data)
        for key in self._ids:
            image = self.picture(key, configuration)
            image.setflags(write=False)
            pose = optical_pose(self._model, self._data, self._ids[key], self._contract)
            frame = Frame(key, configuration.time_ns, image, self.K(key), pose)
            self._link.send(frame, faults)

    def arrived(self, now_ns: int) -> tuple[Frame, ...]:
        """Take the pictures that have arrived, oldest first."""
        return self._link.arrived(now_ns)

    @property
    def waiting(self) -> bool:
        """Whether pictures are on their way."""
        return self._link.waiting

    def close(self) -> None:
        """Free the context, from the thread that made it."""
        self._renderer.close()


def camera_ids(model: mujoco.MjModel, contract: RobotContract) -> dict[str, int]:
    """Return the scene's camera of each of the contract's keys."""
    names = [model.camera(k).name for k in range(model.ncam)]
    for key in contract.cameras:
        if key not in names:
            raise RenderError(f'cameras.{key}: one of the scene: {", ".join(names)} expected')
    return {key: model.camera(key).id for key in contract.cameras}


def optical_pose(
    model: mujoco.MjModel, data: mujoco.MjData, camera: int, contract: RobotContract
) -> SE3:
    """Return T_base_camera of a camera's optical frame."""
    base = model.body(contract.model.base_link).id
    R_world_base = data.xmat[base].reshape(3, 3)
    R_world_camera = data.cam_xmat[camera].reshape(3, 3) @ R_CAMERA_OPTICAL
    t = R_world_base.T @ (data.cam_xpos[camera] - data.xpos[base])
    return SE3(R_world_base.T @ R_world_camera, t)
