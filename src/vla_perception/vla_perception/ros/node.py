"""The observer node: sensors in, `vla/observation` and diagnostics out."""

import time
from dataclasses import dataclass

import cv2
from rclpy.clock import Clock, JumpThreshold, TimeJump
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from tf2_msgs.msg import TFMessage
from vla_msgs.msg import ExecutorStatus
from vla_msgs.msg import Observation as ObservationMsg

from vla_core.contract import Camera
from vla_core.errors import VlaError
from vla_core.timing import MS
from vla_perception.core.errors import NotReady
from vla_perception.core.observer import ObserverCore, ObserverSettings
from vla_perception.ros.health import HealthReport
from vla_perception.ros.overlay import Overlays
from vla_ros import convert
from vla_ros.errors import MessageError
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, frame_prefix_knob, knob
from vla_ros.tf import TF, TF_STATIC, transforms_from_msg

LOOK_PERIOD_S = 0.5


@dataclass(frozen=True)
class ObserverParams(NodeParams):
    """Parameters of the observer."""

    contract: str = contract_knob()
    frame_prefix: str = frame_prefix_knob()
    wait_s: float = knob(
        ObserverSettings.wait_s,
        'Longest wait for joint states and transforms later than a picture, to interpolate.',
        low=0.0,
        high=1.0,
        read_only=True,
        unit='s',
    )


class ObserverNode(SuiteNode):
    """Moves data between topics and `ObserverCore`; every decision is made there."""

    NAME, PARAMS = 'observer', ObserverParams

    def on_setup(self, params: ObserverParams) -> None:
        """Make the core and subscribe what the contract names."""
        cv2.setNumThreads(1)  # pictures are small; a pool of threads would only wake other cores
        settings = ObserverSettings(wait_s=params.wait_s, frame_prefix=params.frame_prefix)
        self._core = ObserverCore(self.contract, settings)
        self._optical_frames = {k: c.optical_frame for k, c in self._core.cameras.items()}
        self._report = HealthReport(self._core, self.health, self.get_logger())
        self._observations = self.advertise(ObservationMsg, 'vla/observation', 'observation')
        Overlays(self, self._core)
        for camera in self.contract.cameras.values():
            self._subscribe_camera(camera)
        self.subscribe(JointState, self.contract.state.topic, self._on_joint_state, 'sensor')
        self.subscribe(TFMessage, TF, self._on_tf, 'tf')
        self.subscribe(TFMessage, TF_STATIC, self._on_tf_static, 'tf_static_all')
        self.subscribe(ExecutorStatus, 'vla/status', self._on_status, 'status')
        back = JumpThreshold(
            min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
        )
        jumps = self.get_clock().create_jump_callback(back, post_callback=self._on_jump)
        self.keep(jumps, lambda handle: handle.unregister())
        # steady: a clock that stands still is one of the things to tell of
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(LOOK_PERIOD_S, self._look, clock=steady)
        self.keep(timer, self.destroy_timer)

    def on_start(self) -> None:
        """Begin to tell of observations that do not come."""
        self._report.begin(time.monotonic_ns())

    def _subscribe_camera(self, camera: Camera) -> None:
        kind = CompressedImage if camera.message == 'CompressedImage' else Image
        key = camera.key
        self.subscribe(kind, camera.topic, lambda msg: self._on_image(key, msg), 'sensor')
        info, on_info = camera.camera_info, self._on_camera_info
        self.subscribe(CameraInfo, info, lambda msg: on_info(key, msg), 'sensor')

    def _on_image(self, key: str, msg: Image | CompressedImage) -> None:
        try:
            stamp_ns = convert.ns(msg.header.stamp, 'header.stamp', zero=True)
            self._core.add_image(key, stamp_ns, convert.image_from_msg(msg))
        except MessageError as error:
            self._core.cameras[key].refuse('unreadable', str(error))
        self._assemble()

    def _on_camera_info(self, key: str, msg: CameraInfo) -> None:
        try:
            info = convert.camera_info_from_msg(msg)
        except MessageError as error:
            reason = 'uncalibrated' if error.field == 'k' else 'unreadable'
            self._core.cameras[key].refuse_info(reason, str(error))
            return
        self._core.add_camera_info(
            key, info.K, info.width, info.height, info.frame, info.model, info.distortion
        )
        self._report.distorted(key, bool(info.distortion.any()))

    def _on_joint_state(self, msg: JointState) -> None:
        try:
            reading = convert.joint_state_from_msg(msg)
        except MessageError as error:
            reason = 'no_stamp' if error.field.startswith('header.stamp') else 'unreadable'
            self._core.joints.refuse(reason, str(error))
            return
        self._core.add_joint_state(
            reading.stamp_ns, reading.names, reading.positions, reading.velocities
        )
        self._assemble_pending()

    def _on_tf(self, msg: TFMessage) -> None:
        self._add_transforms(msg, static=False)
        self._assemble_pending()

    def _on_tf_static(self, msg: TFMessage) -> None:
        self._add_transforms(msg, static=True)

    def _add_transforms(self, msg: TFMessage, static: bool) -> None:
        try:
            for t in transforms_from_msg(msg, static):
                self._core.add_transform(t.parent, t.child, t.stamp_ns, t.T_parent_child, static)
        except VlaError as error:
            topic = TF_STATIC if static else TF
            self.get_logger().warning(f'{topic} dropped: {error}', throttle_duration_sec=5.0)

    def _on_status(self, msg: ExecutorStatus) -> None:
        try:
            status = convert.status_from_msg(msg)
        except MessageError as error:
            self.get_logger().warning(f'vla/status dropped: {error}', throttle_duration_sec=5.0)
            return
        self._core.set_context(status.epoch, status.instruction)

    def _on_jump(self, jump: TimeJump) -> None:
        self._core.reset(f'the clock jumped by {jump.delta.nanoseconds / MS:.0f} ms')
        self.get_logger().warning(f'{self._core.last_reset}; what was seen is forgotten')

    def _assemble_pending(self) -> None:
        """Try again for a picture that waited for joint states or transforms."""
        if self._core.pending:
            self._assemble()

    def _assemble(self) -> None:
        if not self.active:
            return
        now_ns = self.now_ns()
        try:
            observation = self._core.assemble(now_ns)
        except NotReady as refusal:
            self._report.refused(refusal, now_ns)
            return
        self._observations.publish(convert.observation_to_msg(observation, self._optical_frames))
        self._report.made(observation.stamp_ns, now_ns, time.monotonic_ns())

    def _look(self) -> None:
        self._report.look(self.now_ns(), time.monotonic_ns(), self.active)
