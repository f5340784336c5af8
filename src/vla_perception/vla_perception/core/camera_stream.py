"""One camera: its recent pictures, its intrinsics, and what is wrong with it."""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from vla_core.contract import Camera, State
from vla_core.observation import View
from vla_core.se3 import SE3
from vla_core.timing import MS, SECOND
from vla_perception.core.errors import NotReady, PerceptionError
from vla_perception.core.frozen import FrozenWatch
from vla_perception.core.images import Framing
from vla_perception.core.joint_stream import JointStream
from vla_perception.core.sighting import Lens, Sighting
from vla_perception.core.streams import History, Sample

PICTURE_LIMIT = 16  # pictures kept of one camera


class CameraStream:
    """A bounded history of one camera's pictures, all of the size that its CameraInfo says.

    Attributes:
        camera: The camera's block of the contract.
        optical_frame: Its tf frame, prefix included.
        framing: How its pictures become the policy's.
        lens: The source's intrinsics, None before a CameraInfo that can be used.
        counts: Pictures by what became of them.
    """

    def __init__(self, camera: Camera, state: State, joints: JointStream, optical_frame: str):
        self.camera = camera
        self.optical_frame = optical_frame
        self.framing = Framing.of(camera)
        self.counts: Counter[str] = Counter()
        self._state = state
        self._max_age_ns = round(camera.max_age_s * SECOND)
        self._tolerance_ns = round(state.sync_tolerance_s * SECOND)
        span_ns = self._max_age_ns + 2 * self._tolerance_ns
        self._pictures: History[np.ndarray] = History(span_ns, PICTURE_LIMIT)
        self._watch = FrozenWatch(joints)
        self._repeats = 0  # pictures that bore the newest stamp again
        self._size: tuple[int, int] | None = None
        self._K_view = np.zeros((3, 3))
        self.lens: Lens | None = None
        self._info_fault: NotReady | None = self._fail(
            'missing', f'no CameraInfo has come on {camera.camera_info}'
        )
        self._fault: NotReady | None = None

    def _fail(self, reason: str, detail: str) -> NotReady:
        return NotReady(reason, self.camera.key, detail)

    def clear(self) -> None:
        """Forget every picture; the intrinsics stay."""
        self._pictures.clear()
        self._watch.clear()
        self._repeats = 0
        self._fault = None

    def refuse(self, reason: str, detail: str) -> None:
        """Remember why the newest picture could not be used, until a good one comes."""
        self.counts[reason] += 1
        self._fault = self._fail(reason, detail)

    def refuse_info(self, reason: str, detail: str) -> None:
        """Remember why the newest CameraInfo could not be used, until a good one comes."""
        detail = f'CameraInfo on {self.camera.camera_info}: {detail}'
        self._info_fault = self._fail(reason, detail)
        self._size = self.lens = None

    def add_info(self, lens: Lens, width: int, height: int, frame: str = '') -> None:
        """Take the source's size and intrinsics in; `frame` is the header's, '' where unknown."""
        K = lens.K
        if frame and frame != self.optical_frame:
            detail = f'header.frame_id is {frame!r}, {self.optical_frame!r} expected'
            self.refuse_info('wrong_frame', detail)
            return
        if K.shape != (3, 3) or not np.isfinite(K).all() or K[0, 0] <= 0.0 or K[1, 1] <= 0.0:
            self.refuse_info('uncalibrated', 'focal lengths k[0], k[4] > 0 expected')
            return
        if not self.framing.fits(width, height):
            detail = (
                f'{width}x{height} pixels, but the contract crops {self.camera.crop} from them'
            )
            self.refuse_info('wrong_size', detail)
            return
        self._info_fault = None
        if self._size != (width, height):
            self._size = (width, height)
            if any(_size(s.value) != self._size for s in self._pictures.newest_first()):
                self._wrong_size(_size(self._pictures.newest.value))  # type: ignore[union-attr]
                self._pictures.clear()
                self._watch.clear()
        self._K_view, self.lens = self.framing.intrinsics(K, width, height), lens

    def _wrong_size(self, size: tuple[int, int]) -> None:
        came, wanted = (f'{s[0]}x{s[1]}' if s else 'nothing' for s in (size, self._size))
        self.refuse('wrong_size', f'{came} pixels came, CameraInfo says {wanted}')

    def add_picture(self, stamp_ns: int, image: np.ndarray) -> None:
        """Take a picture in, without a copy: nobody may write to its memory from now on.

        Raises:
            PerceptionError: not (H, W, 3) uint8.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise PerceptionError(
                f'{self.camera.key}: (H, W, 3) uint8 expected, got {image.shape} {image.dtype}'
            )
        if stamp_ns <= 0:
            self.refuse('no_stamp', f'a capture time > 0 expected, got {stamp_ns}')
            return
        if self._size is not None and _size(image) != self._size:
            self._wrong_size(_size(image))
            return
        self._fault = None
        image = image.view()
        image.setflags(write=False)
        added = self._pictures.add(stamp_ns, image)
        self.counts[added] += 1
        if added == 'back':
            self._watch.clear()
        if added in ('new', 'back'):
            self._watch.see(stamp_ns, image)
            self._repeats = 0
        elif added == 'repeated' and stamp_ns == self._newest_ns:
            self._repeats += 1

    @property
    def _newest_ns(self) -> int:
        newest = self._pictures.newest
        return newest.stamp_ns if newest else 0

    def problem(self, now_ns: int) -> NotReady | None:
        """Return why no picture of this camera can be used now, None if one can."""
        if self._fault is not None:
            return self._fault
        if not len(self._pictures):
            return self._fail('missing', f'no picture has come on {self.camera.topic}')
        if self._info_fault is not None:
            return self._info_fault
        return self._time_problem(now_ns) or self._frozen_problem()

    def _time_problem(self, now_ns: int) -> NotReady | None:
        age_ns = now_ns - self._newest_ns
        if -age_ns > self._tolerance_ns:
            detail = f'stamped {-age_ns / MS:.0f} ms ahead; the clocks must agree'
            return self._fail('future', detail)
        if age_ns <= self._max_age_ns:
            return None
        old = f'{age_ns / MS:.0f} ms old, {self._limit} expected'
        if self._repeats:
            return self._fail('frozen', f'{self._repeats + 1} pictures with one stamp, {old}')
        return self._fail('stale', f'the newest is {old}')

    @property
    def _limit(self) -> str:
        return f'at most {self._max_age_ns / MS:.0f} ms'

    def _frozen_problem(self) -> NotReady | None:
        watch, state = self._watch, self._state
        watch.measure()
        if watch.repeated_ns < state.frozen_s * SECOND or watch.motion <= state.frozen_motion:
            return None
        detail = (
            f'the same picture for {watch.repeated_ns / MS:.0f} ms while a joint moved by '
            f'{watch.motion:.3f} (rad or m); another one expected after {state.frozen_motion:g}'
        )
        return self._fail('frozen', detail)

    def newest_first(self, now_ns: int) -> Iterator[Sample[np.ndarray]]:
        """Go through the pictures that are neither too old nor ahead of now, newest first."""
        for sample in self._pictures.newest_first():
            if now_ns - sample.stamp_ns > self._max_age_ns:
                return
            if sample.stamp_ns - now_ns <= self._tolerance_ns:
                yield sample

    def nearest(self, moment_ns: int, now_ns: int) -> Sample[np.ndarray]:
        """Return the picture nearest to a moment.

        Raises:
            NotReady: none within the tolerance, or too old.
        """
        sample = self._pictures.nearest(moment_ns)
        gap_ns = abs(sample.stamp_ns - moment_ns) if sample else 0
        if sample is None or gap_ns > self._tolerance_ns:
            detail = (
                f'its nearest picture is {gap_ns / MS:.0f} ms away from that of the other camera, '
                f'at most {self._tolerance_ns / MS:.0f} ms expected'
            )
            raise self._fail('out_of_sync', detail)
        if now_ns - sample.stamp_ns > self._max_age_ns:
            age_ms = (now_ns - sample.stamp_ns) / MS
            detail = f'its picture of this moment is {age_ms:.0f} ms old, {self._limit} expected'
            raise self._fail('stale', detail)
        return sample

    def view(self, picture: Sample[np.ndarray], T_base_optical: SE3) -> View:
        """Return a picture as the policy sees it.

        Args:
            picture: One of this camera's.
            T_base_optical: Pose of the optical frame in the base frame, at its capture.
        """
        T_base_view = T_base_optical
        if self.framing.turn:
            T_base_view = T_base_optical @ self.framing.T_source_view
        image = self.framing.picture(picture.value)
        return View(image, self._K_view, T_base_view, picture.stamp_ns)

    def sighting(self, picture: Sample[np.ndarray], T_base_optical: SE3) -> Sighting:
        """Return a picture as it came; arguments as those of `view`.

        Raises:
            NotReady: there is no CameraInfo that can be used.
        """
        if self.lens is None:
            assert self._info_fault is not None
            raise self._info_fault
        stamp_ns, image = picture
        return Sighting(stamp_ns, image, self.optical_frame, self.lens, T_base_optical)


def _size(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
