"""One demonstrated episode as arrays, checked when built."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from vla_core.contract import RobotContract
from vla_core.errors import FieldError

INTEGERS: dict[str, type] = {'images': np.uint8, 'sentence': np.int32}  # the rest is float32


class DatasetError(FieldError):
    """A demonstration, or a folder of them, is wrong."""


@dataclass(frozen=True, eq=False)
class Demonstration:
    """F frames of one episode, each labelled for S sentences. Positions in the base frame, in m.

    Attributes:
        images: Camera key -> (F, height, width, 3) uint8, RGB.
        intrinsics: Camera key -> (F, 3, 3), K in pixels of that picture.
        camera_poses: Camera key -> (F, 4, 4), T_base_camera of the optical frame.
        state: (F, N) measured joint positions, in the contract's order and units.
        state_velocity: (F, N) measured joint velocities.
        tool_position: (F, 3) measured.
        commanded_position: (F, 3) tool position commanded at the frame's stamp (row 0 of
            `committed`); the measured one where nothing was commanded yet.
        gripper: (F,) gripper column commanded last, 0 closed or 1 open.
        texts: The sentences that occur in the episode.
        sentence: (F, S) indices into `texts`; column 0 is the instruction in force.
        chunks: (F, S, H, A) the expert's rows for each sentence, in the contract's columns; row k
            is meant for the frame's stamp + (1 + k) steps.
        object_position: (F, S, 3) centre of the object that the sentence names.
        plate_position: (F, 3) centre of the plate.
        notes: Free text by key, e.g. task and seed; the policy never reads it.
    """

    images: Mapping[str, np.ndarray]
    intrinsics: Mapping[str, np.ndarray]
    camera_poses: Mapping[str, np.ndarray]
    state: np.ndarray
    state_velocity: np.ndarray
    tool_position: np.ndarray
    commanded_position: np.ndarray
    gripper: np.ndarray
    texts: tuple[str, ...]
    sentence: np.ndarray
    chunks: np.ndarray
    object_position: np.ndarray
    plate_position: np.ndarray
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames = len(self.tool_position)
        if frames == 0:
            raise DatasetError('tool_position', 'at least one frame expected')
        for name, array in self.arrays().items():
            if len(array) != frames:
                raise DatasetError(name, f'{frames} frames expected, got {len(array)}')
            if array.dtype.kind == 'f' and not np.isfinite(array).all():
                raise DatasetError(name, 'finite numbers expected, got NaN or Inf')
        if not self.texts or not all(isinstance(t, str) and t.strip() for t in self.texts):
            raise DatasetError('texts', 'one or more sentences expected')
        if self.sentence.min() < 0 or self.sentence.max() >= len(self.texts):
            raise DatasetError('sentence', f'indices below {len(self.texts)} expected')
        if not np.isin(self.gripper, (0, 1)).all():
            raise DatasetError('gripper', '0 (closed) or 1 (open) expected')

    def arrays(self) -> dict[str, np.ndarray]:
        """Return every array under the name that it has on disk (`images.scene`, `state`, ...)."""
        found: dict[str, np.ndarray] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in ('texts', 'notes'):
                continue
            dtype = INTEGERS.get(item.name, np.float32)
            if isinstance(value, Mapping):
                for key, array in value.items():
                    found[f'{item.name}.{key}'] = np.ascontiguousarray(array, dtype)
            else:
                found[item.name] = np.ascontiguousarray(value, dtype)
        return found


def expected_shapes(
    contract: RobotContract, horizon: int, sentences: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of one frame of every array, by its name on disk."""
    shapes: dict[str, tuple[int, ...]] = {
        'state': (len(contract.state.names),),
        'state_velocity': (len(contract.state.names),),
        'tool_position': (3,),
        'commanded_position': (3,),
        'gripper': (),
        'sentence': (sentences,),
        'chunks': (sentences, horizon, len(contract.action.columns)),
        'object_position': (sentences, 3),
        'plate_position': (3,),
    }
    for key, camera in contract.cameras.items():
        shapes[f'images.{key}'] = (camera.height, camera.width, 3)
        shapes[f'intrinsics.{key}'] = (3, 3)
        shapes[f'camera_poses.{key}'] = (4, 4)
    return shapes
