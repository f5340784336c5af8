"""Faults on demand: plain settings, applied in the core so that both clocks have them."""

from collections import deque
from dataclasses import dataclass, fields

import numpy as np

from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_sim.core import seeds
from vla_sim.core.errors import SimError


@dataclass(frozen=True)
class Faults:
    """What goes wrong, on purpose. The default is nothing.

    Attributes:
        camera_delay_ns: Every picture arrives this much later; its stamp stays true.
        drop: Probability that a picture is lost, 0..1.
        frozen_camera: Key of a camera that repeats its last picture under new stamps.
        action_delay_ns: Every command comes into force this much later.
        joint_noise: Standard deviation of measured joint angles, rad; a tenth of it, in m, for
            sliding joints. The measured tool pose follows from the noisy joints.
        pixel_noise: Standard deviation of pixel values, levels of 0..255.
    """

    camera_delay_ns: int = 0
    drop: float = 0.0
    frozen_camera: str = ''
    action_delay_ns: int = 0
    joint_noise: float = 0.0
    pixel_noise: float = 0.0

    def __post_init__(self) -> None:
        for name in ('camera_delay_ns', 'action_delay_ns'):
            if not 0 <= getattr(self, name) <= 10 * SECOND:
                raise SimError(f'faults: {name} {getattr(self, name)}: 0..10 s expected')
        for name, high in (('drop', 1.0), ('joint_noise', 0.5), ('pixel_noise', 255.0)):
            if not 0.0 <= getattr(self, name) <= high:
                raise SimError(f'faults: {name} {getattr(self, name)}: 0..{high:g} expected')

    @property
    def none(self) -> bool:
        """Whether nothing goes wrong."""
        return all(getattr(self, f.name) == f.default for f in fields(self))


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        key: The camera's key in the contract.
        stamp_ns: When it was taken.
        image: (H, W, 3) uint8, RGB, read-only.
        K: (3, 3) intrinsics, pixels.
        T_base_camera: True pose of the optical frame when it was taken.
    """

    key: str
    stamp_ns: int
    image: np.ndarray
    K: np.ndarray
    T_base_camera: SE3


class CameraLink:
    """What lies between the cameras and whoever listens: delay, loss, a stuck picture, noise."""

    def __init__(self, seed: int = 0):
        """Begin with a seed; what is lost and the noise depend on it and on the stamps only."""
        self._seed = seed
        self._waiting: deque[tuple[int, Frame]] = deque()
        self._last: dict[str, np.ndarray] = {}

    def reset(self, seed: int) -> None:
        """Begin anew; pictures on their way are lost."""
        self._seed = seed
        self._waiting.clear()
        self._last.clear()

    def send(self, frame: Frame, faults: Faults) -> None:
        """Put a picture on its way."""
        rng = seeds.stream(self._seed, 'camera', frame.key, frame.stamp_ns)
        lost = rng.random() < faults.drop
        image = frame.image
        if faults.frozen_camera == frame.key:
            image = self._last.get(frame.key, image)
        elif faults.pixel_noise > 0.0:
            noise = rng.normal(0.0, faults.pixel_noise, image.shape)
            image = np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)
            image.setflags(write=False)
        if lost:
            return
        self._last[frame.key] = image
        sent = Frame(frame.key, frame.stamp_ns, image, frame.K, frame.T_base_camera)
        self._waiting.append((frame.stamp_ns + faults.camera_delay_ns, sent))

    def arrived(self, now_ns: int) -> tuple[Frame, ...]:
        """Take the pictures that have arrived, oldest first."""
        out = [frame for due, frame in self._waiting if due <= now_ns]
        self._waiting = deque(item for item in self._waiting if item[0] > now_ns)
        return tuple(out)
