"""Offscreen pictures of a scene. A renderer belongs to the thread that made it."""

import importlib
import os
import sys
from dataclasses import dataclass

# Both are read when a context is made: EGL needs no display; software GL gets one thread, which
# costs nothing at these sizes and leaves a core free.
os.environ.setdefault('MUJOCO_GL', 'egl' if sys.platform == 'linux' else 'glfw')
os.environ.setdefault('LP_NUM_THREADS', '1')

import mujoco  # noqa: E402
import numpy as np  # noqa: E402

from vla_sim.core.errors import RenderError  # noqa: E402
from vla_sim.core.scene import Profile  # noqa: E402

MAX_GEOMS = 500
FINISH_GROUP = 1


@dataclass(frozen=True, eq=False)
class Configuration:
    """A copy of everything that a picture depends on; safe to hand to another thread.

    Attributes:
        time_ns: When it was so.
        qpos: (nq,) generalised positions of the scene.
        mocap_pos: (M, 3) mocap bodies, m, world.
        mocap_quat: (M, 4) w, x, y, z.
    """

    time_ns: int
    qpos: np.ndarray
    mocap_pos: np.ndarray
    mocap_quat: np.ndarray

    @classmethod
    def of(cls, data: mujoco.MjData, time_ns: int) -> 'Configuration':
        """Copy the configuration out of a simulation."""
        return cls(time_ns, data.qpos.copy(), data.mocap_pos.copy(), data.mocap_quat.copy())

    def write(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Set `data` to it and bring all poses up to date."""
        data.qpos[:] = self.qpos
        data.mocap_pos[:] = self.mocap_pos
        data.mocap_quat[:] = self.mocap_quat
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)


class Renderer:
    """Draws configurations of one scene model, in the thread that made it."""

    def __init__(self, model: mujoco.MjModel, profile: Profile, width: int, height: int):
        """Make a context.

        Args:
            model: The scene, built with the same profile.
            profile: What is drawn.
            width: Largest picture's width in pixels.
            height: Largest picture's height in pixels.
        """
        self._model = model
        self._data = mujoco.MjData(model)
        self._written: Configuration | None = None
        self._size = (width, height)
        model.vis.global_.offwidth, model.vis.global_.offheight = width, height
        self._gl = _context(width, height)
        self._gl.make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(model, MAX_GEOMS)
        flags = self._scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = profile.shadows
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        flags[mujoco.mjtRndFlag.mjRND_FOG] = profile.finish
        self._option = mujoco.MjvOption()
        self._option.geomgroup[FINISH_GROUP] = profile.finish
        self._option.sitegroup[:] = 0
        self._camera = mujoco.MjvCamera()

    def fixed(
        self, configuration: Configuration, camera: str, width: int, height: int
    ) -> np.ndarray:
        """Draw what a camera of the model sees.

        Returns:
            (height, width, 3) uint8, RGB.
        """
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = self._model.camera(camera).id
        return self._draw(configuration, width, height)

    def free(
        self, configuration: Configuration, lookat: tuple[float, float, float], distance: float,
        azimuth: float, elevation: float, width: int, height: int,
    ) -> np.ndarray:  # fmt: skip
        """Draw what a free camera sees: lookat and distance in m (world), angles in degrees."""
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE
        self._camera.lookat[:] = lookat
        self._camera.distance = distance
        self._camera.azimuth, self._camera.elevation = azimuth, elevation
        return self._draw(configuration, width, height)

    def _draw(self, configuration: Configuration, width: int, height: int) -> np.ndarray:
        if width > self._size[0] or height > self._size[1]:
            raise RenderError(
                f'picture {width}x{height}: at most {self._size[0]}x{self._size[1]} expected'
            )
        if configuration is not self._written:
            configuration.write(self._model, self._data)
            self._written = configuration
        self._gl.make_current()
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._camera,
            mujoco.mjtCatBit.mjCAT_ALL, self._scene,
        )  # fmt: skip
        view = mujoco.MjrRect(0, 0, width, height)
        mujoco.mjr_render(view, self._scene, self._context)
        picture = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_readPixels(picture, None, view, self._context)
        return np.ascontiguousarray(picture[::-1])

    def close(self) -> None:
        """Free the context, from the thread that made it."""
        self._context.free()
        self._gl.free()


def _context(width: int, height: int):  # type: ignore[no-untyped-def]
    """Make the GL context that MUJOCO_GL names.

    `mujoco` itself reads the variable when it is imported, which another package may have done
    before it was set; so the back end is named here.
    """
    backend = os.environ['MUJOCO_GL'].lower()
    if backend not in ('egl', 'osmesa', 'glfw', 'cgl'):
        raise RenderError(f'MUJOCO_GL={backend}: egl, osmesa, glfw or cgl expected')
    try:
        return importlib.import_module(f'mujoco.{backend}').GLContext(width, height)
    except (ImportError, AttributeError, RuntimeError) as error:
        raise RenderError(
            f'MUJOCO_GL={backend}: no offscreen context ({error}); on Debian it needs '
            'libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0'
        ) from error
