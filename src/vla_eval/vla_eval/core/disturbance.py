"""What is done to an expert so that its demonstrations show how to recover."""

from dataclasses import dataclass

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_sim.core.simulator import Simulator

ANYWHERE = ((0.30, 0.62), (-0.23, 0.23), (0.02, 0.24))  # of the tool, m, base frame
CLEAR_Z = 0.075  # above it the fingers clear everything that stands on the table
CLEAR_ASIDE = 0.055  # below it they keep this far from every object's centre
LOWEST_Z = 0.012


@dataclass(frozen=True)
class Disturbed:
    """How often, and how much.

    Attributes:
        random_start: Share of episodes that start with the tool anywhere.
        shut_start: Share of those that start with shut fingers.
        episodes: Share of episodes with offsets and gripper flips.
        burst: Probability, a step, that an offset begins.
        steps: (least, most) steps that it lasts.
        sigma: Standard deviation of the offset, m, by axis.
        flip: Probability, a step, that the gripper does the opposite for as long.
    """

    random_start: float = 0.6
    shut_start: float = 0.3
    episodes: float = 0.75
    burst: float = 0.1
    steps: tuple[int, int] = (2, 5)
    sigma: tuple[float, float, float] = (0.010, 0.010, 0.007)
    flip: float = 0.015


class Disturbance:
    """Bursts of constant offsets, and gripper flips, on the chunks of one episode."""

    def __init__(self, contract: RobotContract, settings: Disturbed, rng: np.random.Generator):
        columns = contract.action.columns
        self._xyz = [columns.index(f'tool.{axis}') for axis in 'xyz']
        self._gripper = columns.index('gripper')
        self._settings = settings
        self._rng = rng
        self._active = rng.random() < settings.episodes
        self._offset = np.zeros(3)
        self._offset_left = 0
        self._flip_left = 0

    def apply(self, chunk: ActionChunk) -> ActionChunk:
        """Return what is executed instead of the chunk of this step."""
        if not self._active:
            return chunk
        settings, rng = self._settings, self._rng
        if self._offset_left == 0 and rng.random() < settings.burst:
            self._offset = rng.normal(0.0, settings.sigma)
            self._offset_left = int(rng.integers(settings.steps[0], settings.steps[1] + 1))
        if self._flip_left == 0 and rng.random() < settings.flip:
            self._flip_left = int(rng.integers(settings.steps[0], settings.steps[1] + 1))
        actions = chunk.actions.copy()
        if self._offset_left > 0:
            self._offset_left -= 1
            actions[:, self._xyz] += self._offset
            z = self._xyz[2]
            actions[:, z] = np.maximum(actions[:, z], LOWEST_Z)
        if self._flip_left > 0:
            self._flip_left -= 1
            actions[:, self._gripper] = 1.0 - actions[:, self._gripper]
        return chunk.with_changes(actions=actions)


def start_anywhere(
    simulator: Simulator, settings: Disturbed, open_m: float, rng: np.random.Generator
) -> None:
    """Put the tool anywhere clear of the objects, or leave it where the task has it.

    Args:
        simulator: After its reset.
        settings: How often.
        open_m: Opening of one finger when open, m.
        rng: Of the episode.
    """
    if rng.random() >= settings.random_start:
        return
    finger = 0.0 if rng.random() < settings.shut_start else open_m
    spots = [thing.position for thing in simulator.snapshot().objects.values()]
    while True:
        x, y, z = (float(rng.uniform(low, high)) for low, high in ANYWHERE)
        if z > CLEAR_Z or all(np.hypot(x - a, y - b) > CLEAR_ASIDE for a, b, _ in spots):
            simulator.place_tool((x, y, z), finger)
            return
