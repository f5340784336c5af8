"""A robot that is known at every moment, for the observer's tests."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_core.se3 import SE3
from vla_core.timing import MS
from vla_perception.core.observer import ObserverCore, ObserverSettings

REPOSITORY = Path(__file__).parents[3]
START_NS = 1_700_000_000_000_000_000


class Rig:
    """The tabletop robot, moving as `positions` and `tool` say, in front of an observer core.

    Times are milliseconds after `START_NS`.
    """

    def __init__(self, contract, settings=None):
        self.contract = contract
        self.core = ObserverCore(contract, settings)
        self.sizes = {key: (c.width, c.height) for key, c in contract.cameras.items()}
        self.speed = 0.0

    def at(self, ms):
        return START_NS + round(ms * MS)

    def positions(self, ms):
        return np.linspace(-0.5, 0.5, 8) + self.speed * ms / 1000.0

    def tool(self, ms):
        w = np.array([0.1, -0.2, 0.4]) * (1.0 + self.speed * ms / 1000.0)
        return SE3(SE3.exp(np.r_[np.zeros(3), w]).R, np.array([0.4, 0.001 * self.speed * ms, 0.2]))

    wrist_in_tool = SE3.exp(np.array([0.0, 0.05, -0.1, 0.3, 0.0, 0.2]))
    scene_in_base = SE3.exp(np.array([0.8, 0.0, 0.7, 2.0, 0.1, 0.3]))

    def intrinsics(self, key):
        width, height = self.sizes[key]
        K = [[80.0, 0, (width - 1) / 2], [0, 80.0, (height - 1) / 2], [0, 0, 1]]
        return np.array(K)

    def setting(self, skip=()):
        """Everything that is said once: context, intrinsics, fixed frames."""
        if 'context' not in skip:
            self.core.set_context(3, 'pick up the red block')
        for key in self.sizes:
            if key not in skip:
                self.core.add_camera_info(key, self.intrinsics(key), *self.sizes[key])
        if 'static' not in skip:
            add = self.core.add_transform
            add('base_link', 'scene_optical_frame', 0, self.scene_in_base, static=True)
            add('tool', 'wrist_optical_frame', 0, self.wrist_in_tool, static=True)

    def joints(self, first_ms, last_ms, every_ms=10):
        names = self.contract.state.names
        for ms in np.arange(first_ms, last_ms + 1, every_ms):
            q, qd = self.positions(ms), np.full(8, self.speed)
            self.core.add_joint_state(self.at(ms), names, q, qd)

    def transforms(self, first_ms, last_ms, every_ms=10):
        for ms in np.arange(first_ms, last_ms + 1, every_ms):
            self.core.add_transform('base_link', 'tool', self.at(ms), self.tool(ms))

    def picture(self, key, seed):
        width, height = self.sizes[key]
        return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)

    def pictures(self, ms, seed=None, keys=None):
        for key in keys or self.sizes:
            image = self.picture(key, int(ms) if seed is None else seed)
            self.core.add_image(key, self.at(ms), image)

    def all_until(self, ms, skip=()):
        """Everything that an observation at `ms` needs, and a little after."""
        self.setting(skip)
        if 'joint_states' not in skip:
            self.joints(ms - 100, ms + 20)
        if 'tf' not in skip:
            self.transforms(ms - 100, ms + 20)
        self.pictures(ms, keys=[key for key in self.sizes if key + '.picture' not in skip])

    def assemble(self, ms):
        return self.core.assemble(self.at(ms))


@pytest.fixture(scope='session')
def contract():
    return load(REPOSITORY / 'config' / 'robots' / 'tabletop.yaml')


@pytest.fixture
def rig(contract):
    return Rig(contract)


@pytest.fixture
def make_rig(contract):
    """Build a rig whose cameras, state or settings differ from the tabletop's."""

    def make(settings: ObserverSettings | None = None, state=None, **cameras):
        changed = {k: replace(c, **cameras.get(k, {})) for k, c in contract.cameras.items()}
        state = replace(contract.state, **(state or {}))
        return Rig(replace(contract, cameras=changed, state=state), settings)

    return make
