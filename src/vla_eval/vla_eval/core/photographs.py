"""Pictures of an episode for people: a few moments, drawn well after it is over."""

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_sim.core import scene
from vla_sim.core.rendering import Configuration, Renderer
from vla_sim.core.simulator import FINGER, MIMIC

PICTURES = 6  # of an episode
SIZE = (480, 360)  # width, height, px
PROFILE = scene.Profile(shadows=True, samples=4, shadow_size=2048, slices=32)
VIEW = ((0.14, 0.0, 0.08), 1.15, 146.0, -32.0)  # lookat (m, world), distance, azimuth, elevation


class Photographer:
    """Draws configurations of the tabletop scene; a tenth of a second each without a GPU.

    Its context is made at the first picture and belongs to that thread.
    """

    def __init__(self, contract: RobotContract):
        self._model = scene.build(contract.model.mjcf, PROFILE)
        self._renderer: Renderer | None = None

    def configuration(
        self, time_ns: int, joints: Mapping[str, float], things: Mapping[str, SE3]
    ) -> Configuration:
        """Return what the scene is like when only robot and things are told of it.

        Args:
            time_ns: When it is so.
            joints: Joint positions by name, rad or m.
            things: T_base_thing of every object and of the plate, by name.
        """
        model, data = self._model, mujoco.MjData(self._model)
        for name, position in {**joints, MIMIC: joints[FINGER]}.items():
            data.qpos[model.joint(name).qposadr[0]] = position
        for name, T_base_thing in things.items():
            position = T_base_thing.t + scene.BASE_POSITION
            if name == scene.PLATE:
                data.mocap_pos[model.body(name).mocapid[0]] = position
            else:
                start = model.joint(name).qposadr[0]
                data.qpos[start : start + 7] = [*position, *T_base_thing.quaternion]
        return Configuration.of(data, time_ns)

    def photograph(
        self, moments: Sequence[tuple[float, Configuration]]
    ) -> tuple[tuple[float, np.ndarray], ...]:
        """Return at most `PICTURES` pictures (H, W, 3) with their times, first and last included.

        Args:
            moments: (time in s, what the scene was like), in order.
        """
        if not moments:
            return ()
        if self._renderer is None:
            self._renderer = Renderer(self._model, PROFILE, *SIZE)
        chosen = np.linspace(0, len(moments) - 1, PICTURES).round().astype(int)
        draw = self._renderer.free
        return tuple(
            (moments[i][0], draw(moments[i][1], *VIEW, *SIZE)) for i in dict.fromkeys(chosen)
        )

    def close(self) -> None:
        """Free the context, from the thread that drew."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
