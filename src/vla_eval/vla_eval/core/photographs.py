"""Pictures of an episode for people: a few moments, drawn well after it is over."""

from collections.abc import Sequence

import numpy as np

from vla_core.contract import RobotContract
from vla_sim.core import scene
from vla_sim.core.rendering import Configuration, Renderer

PICTURES = 6  # of an episode
SIZE = (480, 360)  # width, height, px
PROFILE = scene.Profile(shadows=True, samples=4, shadow_size=2048, slices=32, finish=True)
VIEW = ((0.14, 0.0, 0.08), 1.15, 146.0, -32.0)  # lookat (m, world), distance, azimuth, elevation


class Photographer:
    """Draws configurations of the tabletop scene; half a second each without a GPU.

    Its context is made at the first picture and belongs to that thread.
    """

    def __init__(self, contract: RobotContract):
        self._mjcf = contract.model.mjcf
        self._renderer: Renderer | None = None

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
            self._renderer = Renderer(scene.build(self._mjcf, PROFILE), PROFILE, *SIZE)
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
