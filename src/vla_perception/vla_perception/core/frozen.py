"""Tell a camera that stopped looking from a scene in which nothing happens."""

import numpy as np

from vla_core.timing import SECOND
from vla_perception.core.joint_stream import Joints, JointStream, wrap
from vla_perception.core.streams import Sample

SPARE = 1.5  # times its fastest: a joint that moved further between two samples did not move


class FrozenWatch:
    """Watches whether one camera's picture repeats byte for byte while the robot moves.

    A robot at rest before a still scene sees the same picture for as long as it likes; only when
    its joints moved between the capture stamps of equal pictures does the picture count as frozen.
    Joint states that jump further than joints can move are no motion: taken for it, they would
    hold a robot at rest until another picture came, which only its own motion could bring.

    Attributes:
        motion: Largest way that a joint moved while the newest picture repeated, rad or m.
    """

    def __init__(self, joints: JointStream):
        self._joints = joints
        self.clear()

    def clear(self) -> None:
        """Forget the pictures."""
        self._image: np.ndarray | None = None
        self._since_ns = 0
        self._newest_ns = 0
        self._begin(0)

    def _begin(self, stamp_ns: int) -> None:
        self._since_ns = self._newest_ns = stamp_ns
        self._folded_ns = stamp_ns - 1  # joint states up to here are in the range below
        self._last: Sample[Joints] | None = None
        self._at = self._low = self._high = np.zeros(0)
        self.motion = 0.0

    @property
    def repeated_ns(self) -> int:
        """Time over which the newest picture has repeated."""
        return self._newest_ns - self._since_ns

    def see(self, stamp_ns: int, image: np.ndarray) -> None:
        """Take in the next picture by stamp, as it left the camera; it must not change later."""
        previous, self._image = self._image, image
        if previous is not None and same_bytes(previous, image):
            self._newest_ns = stamp_ns
        else:
            self._begin(stamp_ns)

    def measure(self) -> None:
        """Bring `motion` up to date with the joint states up to the newest picture's capture."""
        if self._newest_ns == self._since_ns:
            return
        samples = self._joints.between(self._folded_ns, self._newest_ns)
        if not samples:
            return
        self._folded_ns = samples[-1].stamp_ns
        if self._last is None:
            self._last, *samples = samples
            self._at = self._low = self._high = np.zeros(len(self._last.value.positions))
            if not samples:
                return
        way = self._at + self._steps([self._last, *samples]).cumsum(axis=0)
        self._last, self._at = samples[-1], way[-1]
        self._low = np.minimum(self._low, way.min(axis=0))
        self._high = np.maximum(self._high, way.max(axis=0))
        self.motion = float((self._high - self._low).max())

    def _steps(self, samples: list[Sample[Joints]]) -> np.ndarray:
        """Return how far each joint moved from each sample to the next, jumps left out."""
        steps = np.diff([sample.value.positions for sample in samples], axis=0)
        steps = np.where(self._joints.angular, wrap(steps), steps)
        passed_s = np.diff([sample.stamp_ns for sample in samples]) / SECOND
        farthest = SPARE * passed_s[:, None] * self._joints.fastest
        return np.where(np.abs(steps) <= farthest, steps, 0.0)


def same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two pictures are equal; cheap where they differ in their first rows."""
    if a.shape != b.shape:
        return False
    if not np.array_equal(a[:1], b[:1]):
        return False
    if a.flags.c_contiguous and b.flags.c_contiguous and a.nbytes % 8 == 0:
        a, b = (image.reshape(-1).view(np.uint64) for image in (a, b))  # compares faster
    return bool(np.array_equal(a, b))
