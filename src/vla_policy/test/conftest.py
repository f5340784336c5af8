"""A painted world small enough to learn in seconds: two coloured squares, a plate, two cameras."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from vla_cli.lock import FileLock
from vla_core import contract as contracts
from vla_core.contract import RobotContract
from vla_core.observation import Observation, View
from vla_core.se3 import SE3
from vla_policy.core.config import ModelSizes
from vla_policy.core.dataset import Dataset
from vla_policy.core.demonstration import Demonstration
from vla_policy.core.training.settings import TrainSettings
from vla_policy.core.training.trainer import Trainer

TABLETOP = Path(__file__).parents[3] / 'config' / 'robots' / 'tabletop.yaml'
DOWN = np.diag([-1.0, 1.0, -1.0])
COLOURS = {'red': (220, 30, 30), 'green': (30, 200, 40)}
TEXTS = ('go to the red block', 'go to the green block')
STEP_NS = 100_000_000
SMALL = ModelSizes(
    text_length=8,
    text_width=32,
    text_blocks=1,
    text_heads=2,
    vision_stem=16,
    vision_width=16,
    queries=4,
    look_features=4,
    condition=64,
    hidden=96,
    blocks=2,
)


class World:
    """One layout: where things are and what the cameras would see."""

    def __init__(self, contract: RobotContract, rng: np.random.Generator):
        self.contract = contract
        self.places = rng.uniform((0.2, -0.15, 0.02), (0.45, 0.15, 0.021), (3, 3))
        self.tool = rng.uniform((0.2, -0.15, 0.08), (0.45, 0.15, 0.2))
        self.finger = 0.04

    def camera_pose(self, key: str) -> np.ndarray:
        """Return the optical frame: straight down, from above the table or from the tool."""
        T = np.eye(4)
        T[:3, :3] = np.diag([1.0, -1.0, -1.0])
        T[:3, 3] = (0.32, 0.0, 0.7) if key == 'scene' else self.tool + (0.0, 0.0, 0.1)
        return T

    def intrinsics(self, key: str) -> np.ndarray:
        """Return the intrinsics of one camera."""
        camera = self.contract.cameras[key]
        f = 1.5 * camera.width if key == 'scene' else 0.6 * camera.width
        return np.array([[f, 0, camera.width / 2], [0, f, camera.height / 2], [0, 0, 1.0]])

    def image(self, key: str) -> np.ndarray:
        """Paint each thing as a square of 5 cm around its place."""
        camera = self.contract.cameras[key]
        image = np.full((camera.height, camera.width, 3), 90, np.uint8)
        T, K = self.camera_pose(key), self.intrinsics(key)
        colours = (*COLOURS.values(), (250, 250, 250))
        for place, colour in reversed(list(zip(self.places, colours, strict=True))):
            p = T[:3, :3].T @ (place - T[:3, 3])
            u, v = (K @ (p / p[2]))[:2]
            half = K[0, 0] * 0.025 / p[2]
            rows = slice(max(0, int(v - half)), max(0, int(v + half) + 1))
            columns = slice(max(0, int(u - half)), max(0, int(u + half) + 1))
            image[rows, columns] = colour
        return image

    def rows(self, target: int, horizon: int) -> np.ndarray:
        """Return the expert's rows: at most 2 cm a row, gripper closed once there."""
        goal = self.places[target] + (0.0, 0.0, 0.04)
        rows, at = np.zeros((horizon, 10)), self.tool.copy()
        for row in rows:
            way = goal - at
            at = at + way * min(1.0, 0.02 / max(1e-9, float(np.linalg.norm(way))))
            row[:3], row[3:6], row[6:9] = at, DOWN[:, 0], DOWN[:, 1]
            row[9] = float(np.linalg.norm(goal - at) > 1e-3)
        return rows

    def joints(self) -> np.ndarray:
        """Return joint positions; only the finger means anything here."""
        return np.array([0.0] * 7 + [self.finger])

    def observation(self, instruction: str, stamp_ns: int = 10**9) -> Observation:
        """Return what a policy would be given."""
        views = {
            key: View(self.image(key), self.intrinsics(key), SE3(T[:3, :3], T[:3, 3]), stamp_ns)
            for key in self.contract.cameras
            for T in [self.camera_pose(key)]
        }
        names = self.contract.state.names
        return Observation(
            stamp_ns=stamp_ns,
            sequence=7,
            epoch=3,
            contract_digest=self.contract.digest,
            base_frame='base_link',
            views=views,
            state_names=names,
            state=self.joints(),
            state_velocity=np.zeros(len(names)),
            state_stamp_ns=stamp_ns,
            T_base_tool=SE3(DOWN, self.tool),
            instruction=instruction,
        )


def demonstrate(contract: RobotContract, index: int, frames: int, horizon: int) -> Demonstration:
    """Return an episode of one world in which the arm goes to one of the squares."""
    world = World(contract, np.random.default_rng(index))
    own = index % 2
    kept: dict[str, list[np.ndarray]] = {'tool': [], 'chunks': [], 'objects': []}
    images: dict[str, list[np.ndarray]] = {key: [] for key in contract.cameras}
    poses: dict[str, list[np.ndarray]] = {key: [] for key in contract.cameras}
    for _ in range(frames):
        kept['tool'].append(world.tool.copy())
        kept['chunks'].append(np.stack([world.rows(t, horizon) for t in (own, 1 - own)]))
        kept['objects'].append(world.places[[own, 1 - own]])
        for key in contract.cameras:
            images[key].append(world.image(key))
            poses[key].append(world.camera_pose(key))
        world.tool = world.rows(own, 2)[-1, :3]
    return Demonstration(
        images={key: np.stack(value) for key, value in images.items()},
        intrinsics={key: np.stack([world.intrinsics(key)] * frames) for key in contract.cameras},
        camera_poses={key: np.stack(value) for key, value in poses.items()},
        state=np.stack([world.joints()] * frames),
        state_velocity=np.zeros((frames, len(contract.state.names))),
        tool_position=np.stack(kept['tool']),
        commanded_position=np.stack(kept['tool']),
        gripper=np.ones(frames),
        texts=TEXTS,
        sentence=np.tile([own, 1 - own], (frames, 1)),
        chunks=np.stack(kept['chunks']),
        object_position=np.stack(kept['objects']),
        plate_position=np.stack([world.places[2]] * frames),
        notes={'task': 'reach', 'seed': str(index)},
    )


@pytest.fixture(scope='session')
def contract_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tabletop's contract with pictures of 32 and 24 pixels."""
    return write_contract(tmp_path_factory.mktemp('contract') / 'small.yaml')


@pytest.fixture(scope='session')
def contract(contract_file: Path) -> RobotContract:
    """The small contract, loaded."""
    return contracts.load(contract_file)


def write_contract(path: Path, **changes: object) -> Path:
    """Write the small contract with some top-level keys merged over it."""
    values = yaml.safe_load(TABLETOP.read_text())
    values['model']['mjcf'] = str((TABLETOP.parent / values['model']['mjcf']).resolve())
    for key, size in (('scene', 32), ('wrist', 24)):
        values['cameras'][key] |= {'width': size, 'height': size}
    for key, change in changes.items():
        values[key] |= change  # type: ignore[operator]
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.fixture(scope='session')
def dataset(contract: RobotContract, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Demonstrations in 51 painted worlds."""
    made = Dataset.create(tmp_path_factory.mktemp('demonstrations'), contract, 6, 2)
    for index in range(51):
        made.append_episode(index, demonstrate(contract, index, 6, 6))
    return made


@pytest.fixture(scope='session')
def tiny(
    contract: RobotContract, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint trained long enough on the painted worlds to tell red from green.

    One worker of the run trains it, the others wait for it.
    """
    shared = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        shared = shared.parent
    lock = FileLock(shared / 'tiny.lock')
    lock.exclusive()
    folder = shared / 'tiny' / 'checkpoint'
    if not folder.is_dir():
        learning = {'steps': 250, 'pictures': 16, 'warm_up': 20, 'ema': 0.98, 'bf16': False}
        settings = TrainSettings(**learning, threads=1, validate_every=1000)
        trainer = Trainer(dataset, contract, settings, folder.parent, SMALL)
        assert trainer.run()
        trainer.export(folder)
    lock.release()
    return folder


@pytest.fixture
def world(contract: RobotContract) -> World:
    """A painted world that no demonstration was made in."""
    return World(contract, np.random.default_rng(1234))


@pytest.fixture
def sizes() -> ModelSizes:
    """Widths and depths of a network that trains in seconds."""
    return SMALL


@pytest.fixture
def demonstration(contract: RobotContract) -> Demonstration:
    """One demonstrated episode."""
    return demonstrate(contract, 0, 6, 6)


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., RobotContract]:
    """Make the small contract with some keys changed."""

    def make(**changes: object) -> RobotContract:
        return contracts.load(write_contract(tmp_path / 'variant.yaml', **changes))

    return make
