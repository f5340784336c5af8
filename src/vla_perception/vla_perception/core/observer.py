"""One observation per moment: the pictures, joint states and poses that belong together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vla_core.contract import RobotContract
from vla_core.errors import ContractError
from vla_core.observation import Observation
from vla_core.se3 import SE3
from vla_core.timing import MS, SECOND
from vla_perception.core.camera_stream import CameraStream
from vla_perception.core.errors import NotReady, PerceptionError, TransformError
from vla_perception.core.frames import FrameBuffer
from vla_perception.core.joint_stream import STREAM as JOINTS
from vla_perception.core.joint_stream import JointStream
from vla_perception.core.sighting import Lens, Sighting
from vla_perception.core.streams import Sample


@dataclass(frozen=True)
class ObserverSettings:
    """What a deployment may choose; the rest stands in the contract.

    Attributes:
        wait_s: How long after a capture the joint states and transforms of its far side are
            waited for, so that they can be interpolated; then the newest within the contract's
            tolerance are taken as they are.
        frame_prefix: Put before every frame name of the contract, with a slash between.
    """

    wait_s: float = 0.02
    frame_prefix: str = ''

    def frame(self, name: str) -> str:
        """Return a frame of the contract with the prefix."""
        prefix = self.frame_prefix.strip('/')
        return f'{prefix}/{name}' if prefix else name


class ObserverCore:
    """Collects what the sensors saw and makes observations of it.

    The moment of an observation is a capture of the reference camera (the first of the contract):
    the newest one for which every other camera has a picture within the tolerance and the joint
    states and transforms are known. Each moment is used once, and moments come at most at the
    contract's observation rate. Nothing is filled in: what is missing makes no observation.

    Pictures are kept without copies; whoever adds one must not write to it afterwards.

    Attributes:
        cameras: Camera key -> its stream, in the contract's order.
        joints: The joint states.
        frames: The transforms.
        base_frame: Frame that every pose is given in, prefix included.
        last_reset: Why everything was forgotten last, '' if it never was.
    """

    def __init__(self, contract: RobotContract, settings: ObserverSettings | None = None):
        """Set up for a contract.

        Raises:
            ContractError: a camera that gives no colour pictures.
        """
        settings = settings or ObserverSettings()
        for key, camera in contract.cameras.items():
            if camera.kind != 'color':
                raise ContractError(f'cameras.{key}.kind', f'color expected, got {camera.kind}')
        frame = settings.frame
        fastest = {name: limits.velocity for name, limits in contract.limits.joints.items()}
        self.joints = JointStream(contract.state, fastest=fastest)
        self.cameras = {
            key: CameraStream(camera, contract.state, self.joints, frame(camera.optical_frame))
            for key, camera in contract.cameras.items()
        }
        tolerance_ns = round(contract.state.sync_tolerance_s * SECOND)
        self.frames = FrameBuffer(tolerance_ns)
        self.last_reset = ''
        self._contract = contract
        self.base_frame = frame(contract.model.base_link)
        self._tool = frame(contract.model.tool)
        self._wait_ns = round(settings.wait_s * SECOND)
        self._period_ns = contract.rates.observation_ns
        self._reference = next(iter(self.cameras.values()))
        self._context: tuple[int, str] | None = None
        self._sequence = 0
        self._now_ns = 0
        self._used_ns = 0  # the last moment
        self._due_ns = 0  # the next one by the observation rate

    def reset(self, reason: str = 'asked for') -> None:
        """Forget what was seen; intrinsics, static transforms, context and sequence stay."""
        self.last_reset = reason
        self.joints.clear()
        for camera in self.cameras.values():
            camera.clear()
        self.frames.clear(reason)
        self._now_ns = self._used_ns = self._due_ns = 0

    def set_context(self, epoch: int, instruction: str) -> None:
        """Say which run of the executor observations belong to, and the words in force."""
        self._context = (epoch, instruction)

    def add_camera_info(
        self,
        key: str,
        K: np.ndarray,
        width: int,
        height: int,
        frame: str = '',
        model: str = '',
        distortion: np.ndarray | None = None,
    ) -> None:
        """Take a source's intrinsics in.

        Args:
            key: Camera key of the contract.
            K: (3, 3) pinhole intrinsics of the source's picture, pixels.
            width: Of the source's picture, pixels.
            height: Of the source's picture, pixels.
            frame: Optical frame that the source names; must be the contract's where given.
            model: Distortion model; counts for `sighting` only, as do the coefficients.
            distortion: (N,) its coefficients, None for none.
        """
        bent = np.zeros(0) if distortion is None else distortion
        lens = Lens(np.asarray(K, float), model, bent)
        self._camera(key).add_info(lens, width, height, frame)

    def add_image(self, key: str, stamp_ns: int, image: np.ndarray) -> None:
        """Take a picture in.

        Args:
            key: Camera key of the contract.
            stamp_ns: ROS time of capture.
            image: (H, W, 3) uint8 RGB, of the source's size. Kept, not copied.

        Raises:
            PerceptionError: an unknown key, or not a picture.
        """
        self._camera(key).add_picture(stamp_ns, image)

    def add_joint_state(
        self,
        stamp_ns: int,
        names: Sequence[str],
        positions: np.ndarray,
        velocities: np.ndarray | None,
    ) -> None:
        """Take joint states in: positions (N,) rad or m, velocities (N,) or None, by `names`."""
        self.joints.add(stamp_ns, names, positions, velocities)

    def add_transform(
        self, parent: str, child: str, stamp_ns: int, T_parent_child: SE3, static: bool = False
    ) -> None:
        """Take a transform in.

        Raises:
            PerceptionError: it names no transform, see `FrameBuffer.add`.
        """
        self.frames.add(parent, child, stamp_ns, T_parent_child, static)

    def _camera(self, key: str) -> CameraStream:
        camera = self.cameras.get(key)
        if camera is None:
            raise PerceptionError(f'camera {key!r}: one of {", ".join(self.cameras)} expected')
        return camera

    def problems(self, now_ns: int) -> list[NotReady]:
        """Return what is wrong with each input now; `assemble` would raise the first."""
        return list(self._input_problems(now_ns))

    def _input_problems(self, now_ns: int) -> Iterator[NotReady]:
        if self._context is None:
            yield NotReady('no_context', 'status', 'no executor status has come')
        for camera in self.cameras.values():
            if (problem := camera.problem(now_ns)) is not None:
                yield problem
        if (problem := self.joints.problem(now_ns)) is not None:
            yield problem

    @property
    def pending(self) -> bool:
        """Whether a picture of the reference camera is due and has not served yet."""
        newest = next(self._reference.newest_first(self._now_ns), None)
        return newest is not None and self._is_open(newest.stamp_ns)

    def assemble(self, now_ns: int) -> Observation:
        """Make the observation of the newest moment that has not been used.

        Args:
            now_ns: ROS time.

        Raises:
            NotReady: there is none; the reason is `waiting` where nothing is wrong.
        """
        if now_ns < self._now_ns:
            back = f'went back by {(self._now_ns - now_ns) / MS:.0f} ms'
            self.reset(f'the clock {back}')
            raise NotReady('clock_back', 'clock', f'{back}; what was seen is forgotten')
        self._now_ns = now_ns
        for problem in self._input_problems(now_ns):
            raise problem
        # A moment that still waits for its far side must not hide what is wrong with older ones.
        failure = NotReady('waiting', self._reference.camera.key, 'no picture newer than the last')
        for picture in self._reference.newest_first(now_ns):
            if not self._is_open(picture.stamp_ns):
                break
            try:
                return self._observe(picture, now_ns)
            except NotReady as error:
                if failure.reason == 'waiting':
                    failure = error
        raise failure

    def sighting(self, key: str, now_ns: int) -> Sighting:
        """Return the newest picture of a camera whose pose is known, as its driver sent it.

        Raises:
            NotReady: there is none; the reason is that of the newest picture.
        """
        camera = self._camera(key)
        failure = NotReady('missing', key, 'no picture that is young enough')
        for k, picture in enumerate(camera.newest_first(now_ns)):
            try:
                pose = self._lookup(camera.optical_frame, picture.stamp_ns, now_ns)
                return camera.sighting(picture, pose)
            except NotReady as error:
                failure = failure if k else error
        raise failure

    def _is_open(self, moment_ns: int) -> bool:
        """Whether a moment is unused and the rate allows it; a quarter of a period is jitter."""
        return moment_ns > self._used_ns and moment_ns >= self._due_ns - self._period_ns // 4

    def _observe(self, reference: Sample[np.ndarray], now_ns: int) -> Observation:
        moment_ns = reference.stamp_ns
        pictures = {
            key: reference if camera is self._reference else camera.nearest(moment_ns, now_ns)
            for key, camera in self.cameras.items()
        }
        self._wait(JOINTS, self.joints.known_until_ns, moment_ns, now_ns)
        stamp_ns, joints = self.joints.at(moment_ns)
        T_base_tool = self._lookup(self._tool, moment_ns, now_ns)
        views = {}
        for key, picture in pictures.items():
            camera = self.cameras[key]
            T_base_optical = self._lookup(camera.optical_frame, picture.stamp_ns, now_ns)
            views[key] = camera.view(picture, T_base_optical)
        assert self._context is not None
        assert joints.velocities is not None
        observation = Observation(
            stamp_ns=moment_ns,
            sequence=self._sequence + 1,
            epoch=self._context[0],
            contract_digest=self._contract.digest,
            base_frame=self.base_frame,
            views=views,
            state_names=self._contract.state.names,
            state=joints.positions,
            state_velocity=joints.velocities,
            state_stamp_ns=stamp_ns,
            T_base_tool=T_base_tool,
            instruction=self._context[1],
            assembled_ns=now_ns,
        )
        self._sequence += 1
        self._used_ns = moment_ns
        behind = moment_ns > self._due_ns + self._period_ns // 2
        self._due_ns = (moment_ns if behind else self._due_ns) + self._period_ns
        return observation

    def _lookup(self, frame: str, stamp_ns: int, now_ns: int) -> SE3:
        """Return T_base_frame at a capture."""
        try:
            known_until_ns = self.frames.known_until(self.base_frame, frame)
            if known_until_ns is not None:
                self._wait('tf', known_until_ns, stamp_ns, now_ns)
            return self.frames.lookup(self.base_frame, frame, stamp_ns)
        except TransformError as error:
            raise NotReady('no_transform', 'tf', str(error)) from None

    def _wait(self, stream: str, known_until_ns: int, moment_ns: int, now_ns: int) -> None:
        if known_until_ns < moment_ns and now_ns < moment_ns + self._wait_ns:
            behind_ms = (moment_ns - known_until_ns) / MS
            raise NotReady('waiting', stream, f'{behind_ms:.0f} ms behind the newest picture')
