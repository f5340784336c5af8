"""Faults on demand: plain settings, applied in the core so that both clocks have them."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_sim.core import seeds
from vla_sim.core.errors import SimError

LONGEST_NS = 10 * SECOND
FARTHEST = 3.2  # rad: half a turn and a little
UNREAD_ENCODING = '32FC3'  # of no camera of the suite


@dataclass(frozen=True)
class Faults:
    """What goes wrong, on purpose. The default is nothing.

    Attributes:
        camera: Key of the camera that the camera faults concern, '' for all.
        camera_delay_ns: Pictures arrive this much later; their stamps stay true.
        drop_rate: Share of pictures that are lost, 0..1.
        freeze_picture: Pixels repeat under new stamps.
        freeze_stamp: The last picture repeats under its old stamp.
        black_picture: Pixels are all 0.
        wrong_size: Pictures are half as wide and high as their CameraInfo says.
        wrong_encoding: Pictures name an encoding that nobody reads.
        image_noise: Standard deviation of noise on pixels, levels of 255.
        state_noise: Standard deviation of noise on measured joint angles, rad; a tenth of it, in
            m, on sliding joints. The measured tool pose follows from the noisy joints.
        stop_joint_states: No joint states are told, and no tool pose.
        joint_jump: Added to every measured joint angle, rad; a tenth of it, in m, on sliding
            joints.
        action_delay_ns: Commands come into force this much later.
        clock_pause: Time stands still, where the simulation is the clock.
    """

    camera: str = ''
    camera_delay_ns: int = 0
    drop_rate: float = 0.0
    freeze_picture: bool = False
    freeze_stamp: bool = False
    black_picture: bool = False
    wrong_size: bool = False
    wrong_encoding: bool = False
    image_noise: float = 0.0
    state_noise: float = 0.0
    stop_joint_states: bool = False
    joint_jump: float = 0.0
    action_delay_ns: int = 0
    clock_pause: bool = False

    def __post_init__(self) -> None:
        for name in ('camera_delay_ns', 'action_delay_ns'):
            if not 0 <= getattr(self, name) <= LONGEST_NS:
                raise SimError(f'faults: {name} {getattr(self, name)}: 0..10 s expected')
        for name, high in (('drop_rate', 1.0), ('image_noise', 255.0), ('state_noise', 0.5)):
            if not 0.0 <= getattr(self, name) <= high:
                raise SimError(f'faults: {name} {getattr(self, name)}: 0..{high:g} expected')
        if not abs(self.joint_jump) <= FARTHEST:
            raise SimError(
                f'faults: joint_jump {self.joint_jump}: -{FARTHEST:g}..{FARTHEST:g} expected'
            )

    def concern(self, key: str) -> bool:
        """Whether the camera faults concern a camera."""
        return self.camera in ('', key)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        key: The camera's key in the contract.
        stamp_ns: When it was taken.
        image: (H, W, 3) uint8, RGB, read-only.
        K: (3, 3) intrinsics, pixels, of a picture of the camera's own size.
        T_base_camera: True pose of the optical frame when it was taken.
        encoding: What its pixels are said to be.
    """

    key: str
    stamp_ns: int
    image: np.ndarray
    K: np.ndarray
    T_base_camera: SE3
    encoding: str = 'rgb8'


class CameraLink:
    """What lies between the cameras and whoever listens: delay, loss, wrong pictures, noise.

    What is lost and the noise depend on the seed and the stamps only.
    """

    def __init__(self, seed: int = 0):
        self._seed = seed
        self._waiting: deque[tuple[int, Frame]] = deque()
        self._last: dict[str, Frame] = {}

    def reset(self, seed: int) -> None:
        """Begin anew; pictures on their way are lost."""
        self._seed = seed
        self._waiting.clear()
        self._last.clear()

    def send(self, frame: Frame, faults: Faults) -> None:
        """Put a picture on its way."""
        if not faults.concern(frame.key):
            faults = Faults()
        rng = seeds.stream(self._seed, 'camera', frame.key, frame.stamp_ns)
        lost = rng.random() < faults.drop_rate
        due_ns = frame.stamp_ns + faults.camera_delay_ns
        last = self._last.get(frame.key, frame)
        if faults.freeze_stamp:
            frame = last
        elif faults.freeze_picture:
            frame = replace(frame, image=last.image)
        elif faults.image_noise > 0.0:
            frame = replace(frame, image=_noisy(frame.image, faults.image_noise, rng))
        self._last[frame.key] = frame
        if not lost:
            self._waiting.append((due_ns, _spoilt(frame, faults)))

    @property
    def waiting(self) -> bool:
        """Whether pictures are on their way."""
        return bool(self._waiting)

    def arrived(self, now_ns: int) -> tuple[Frame, ...]:
        """Take the pictures that have arrived, oldest first."""
        out = [frame for due, frame in self._waiting if due <= now_ns]
        self._waiting = deque(item for item in self._waiting if item[0] > now_ns)
        return tuple(out)


def _spoilt(frame: Frame, faults: Faults) -> Frame:
    """Return the picture as it is sent: what is wrong with it ends with the fault."""
    if faults.black_picture:
        frame = replace(frame, image=_locked(np.zeros_like(frame.image)))
    if faults.wrong_size:
        frame = replace(frame, image=_locked(np.ascontiguousarray(frame.image[::2, ::2])))
    if faults.wrong_encoding:
        frame = replace(frame, encoding=UNREAD_ENCODING)
    return frame


def _locked(image: np.ndarray) -> np.ndarray:
    image.setflags(write=False)
    return image


def _noisy(image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    noisy = np.clip(np.rint(image + rng.normal(0.0, sigma, image.shape)), 0, 255)
    return _locked(noisy.astype(np.uint8))
