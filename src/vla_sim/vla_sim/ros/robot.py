"""The simulated robot as a node: to everyone else a robot like any other."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import CameraInfo, Image, JointState
from vla_msgs.msg import SimOutcome, SimState
from vla_msgs.srv import SimInject, SimReset

from vla_core.errors import ContractError, VlaError
from vla_core.timing import MS, SECOND
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, frame_prefix_knob, knob
from vla_ros.tf import Broadcaster, Transform
from vla_ros.ticker import Ticker
from vla_sim.core.errors import SimError
from vla_sim.core.injection import Frame
from vla_sim.core.simulator import Simulator
from vla_sim.core.tasks import TASKS
from vla_sim.ros import controller, messages
from vla_sim.ros.eyes import Eyes, Shot

TICK_NS = 10 * MS  # joint states and tf at 100 Hz
LONGEST_GAP_NS = SECOND // 2  # more is a clock that jumped, or a process that slept


@dataclass(frozen=True)
class RobotParams(NodeParams):
    """Parameters of the simulated robot."""

    contract: str = contract_knob()
    frame_prefix: str = frame_prefix_knob()
    task: str = knob(
        'pick', 'Task of the scene at the start.', choices=tuple(TASKS), read_only=True
    )
    seed: int = knob(0, 'Seed of the scene at the start.', low=0, read_only=True)


class RobotNode(SuiteNode):
    """Moves data between topics and `Simulator`; every decision is made there.

    Three threads: this node's callbacks, the physics on its grid, the drawing. The lock guards
    the simulator. Under `use_sim_time` the physics is the clock, and publishes it.
    """

    NAME = 'robot'
    PARAMS = RobotParams

    def on_setup(self, params: RobotParams) -> None:
        """Build the scene and its cameras, offer topics and services."""
        for key, camera in self.contract.cameras.items():
            if camera.message != 'Image':
                raise ContractError(f'cameras.{key}.message', 'Image expected of a simulated one')
        self._lock = threading.Lock()
        self._own_clock = bool(self.get_parameter('use_sim_time').value)
        self._sim = Simulator(self.contract, SECOND if self._own_clock else self.now_ns())
        self._sim.reset(params.task, params.seed)
        self._reset_ns = self._sim.now_ns
        self._next_shot_ns = 0
        self._told = None
        self._advertise()
        controller.listen(self, self.contract, self._on_command)
        self.serve(SimReset, 'sim/reset', self._on_reset)
        self.serve(SimInject, 'sim/inject', self._on_inject)
        warn = self.get_logger().warning
        self._eyes = Eyes(self.contract, self._sim_time, self._publish_frames, self.fail, warn)
        self._eyes.open()
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self._ticker = Ticker(wall, TICK_NS, self._tick, self.fail, 'physics')

    def _advertise(self) -> None:
        self._joints = self.advertise(JointState, self.contract.state.topic, 'sensor')
        self._images = {}
        self._infos = {}
        for key, camera in self.contract.cameras.items():
            self._images[key] = self.advertise(Image, camera.topic, 'sensor')
            self._infos[key] = self.advertise(CameraInfo, camera.camera_info, 'sensor')
        self._state = self.advertise(SimState, 'sim/state', 'reliable')
        self._outcome = self.advertise(SimOutcome, 'sim/outcome', 'latched')
        self._tf = Broadcaster(self)
        self._clock_topic = (
            self.advertise(ClockMsg, '/clock', 'clock') if self._own_clock else None
        )

    def on_start(self) -> None:
        """Time begins."""
        with self._lock:
            self._sim.skip_to(self._sim.now_ns if self._own_clock else self.now_ns())
            self._tf.send_static(self._fixed_frames())
        self._ticker.start()
        self.health.ok('physics', f'{self.params.task}, seed {self.params.seed}')

    def on_stop(self, reason: str) -> None:
        """Time stops."""
        self._ticker.stop()

    def on_teardown(self) -> None:
        """Let go of the cameras."""
        self._eyes.close()

    # Physics thread

    def _tick(self, _steady_ns: int) -> None:
        with self._lock:
            if self._sim.faults.clock_pause:
                return
            self._advance()
            if self._clock_topic is not None:
                self._clock_topic.publish(ClockMsg(clock=convert.stamp(self._sim.now_ns)))
            self._publish_joints()
            if self._sim.now_ns >= self._next_shot_ns:
                self._shoot()
            if self._sim.outcome() != self._told:
                self._publish_outcome()

    def _advance(self) -> None:
        now = self._sim.now_ns
        to = now + TICK_NS if self._own_clock else self.now_ns()
        if not 0 <= to - now < LONGEST_GAP_NS:
            self._skip_to(to)
        self._sim.advance(to)

    def _skip_to(self, now_ns: int) -> None:
        self._reset_ns += now_ns - self._sim.now_ns
        self._sim.skip_to(now_ns)
        self._next_shot_ns = 0

    def _publish_joints(self) -> None:
        if self._sim.faults.stop_joint_states:
            return
        stamp_ns, names = self._sim.now_ns, self.contract.state.names
        self._joints.publish(convert.joint_state_to_msg(stamp_ns, names, *self._sim.joint_state()))
        model = self.contract.model
        tool = Transform(model.base_link, model.tool, self._sim.T_base_tool(), stamp_ns)
        self._tf.send([tool])

    def _shoot(self) -> None:
        """Once every observation period: the truth, and pictures of the same moment."""
        period = self.contract.rates.observation_ns
        late_ns = self._sim.now_ns - self._next_shot_ns
        self._next_shot_ns += period if late_ns < period else late_ns + period
        shot = Shot(self._sim.configuration(), self._sim.faults, self._sim.episode.seed)
        self._eyes.look(shot)
        base = self.frame(self.contract.model.base_link)
        self._state.publish(messages.state_to_msg(self._sim, base))
        self._publish_outcome()

    def _publish_outcome(self) -> None:
        self._told = self._sim.outcome()
        self._outcome.publish(messages.outcome_to_msg(self._sim))

    # Drawing thread

    def _publish_frames(self, frames: Sequence[Frame]) -> None:
        if not self.active:
            return
        for frame in frames:
            camera = self.contract.cameras[frame.key]
            name = self.frame(camera.optical_frame)
            info = convert.camera_info_to_msg(
                frame.stamp_ns, name, camera.width, camera.height, frame.K
            )
            picture = convert.image_to_msg(frame.image, frame.stamp_ns, name)
            picture.encoding = frame.encoding
            self._images[frame.key].publish(picture)
            self._infos[frame.key].publish(info)

    # Callbacks

    def _on_command(self, names: Sequence[str], positions: Sequence[float], stamp_ns: int) -> None:
        with self._lock:
            if stamp_ns and stamp_ns < self._reset_ns:
                return  # it was meant for the robot as it stood before the reset
            if self.active:
                self._sim.command(names, positions)

    def _on_reset(
        self, request: SimReset.Request, response: SimReset.Response
    ) -> SimReset.Response:
        words, phrasing = request.instruction or None, request.phrasing or 'known'
        try:
            with self._lock:
                episode = self._sim.reset(request.task, request.seed, words, phrasing)
                self._reset_ns = self._sim.now_ns
                self._next_shot_ns = 0
        except VlaError as error:
            response.accepted, response.reason = False, str(error)
            return response
        response.accepted = True
        response.start = convert.stamp(self._reset_ns)
        response.instruction, response.target = episode.instruction, episode.target
        response.time_limit = convert.duration(episode.limit_ns)
        return response

    def _on_inject(
        self, request: SimInject.Request, response: SimInject.Response
    ) -> SimInject.Response:
        try:
            faults, jump_ns = messages.faults_from_msg(request), messages.clock_jump_ns(request)
            if (jump_ns or faults.clock_pause) and not self._own_clock:
                raise SimError('faults: clock_jump, clock_pause: only under use_sim_time')
            with self._lock:
                self._sim.inject(faults)
                if jump_ns:
                    self._skip_to(max(SECOND, self._sim.now_ns + jump_ns))
        except VlaError as error:
            response.accepted, response.reason = False, str(error)
            return response
        response.accepted = True
        return response

    # Time and frames

    def _sim_time(self) -> int:
        return self._sim.now_ns

    def _fixed_frames(self) -> list[Transform]:
        """Cameras that do not move, and cameras that move with the tool."""
        model, fixed = self.contract.model, []
        T_base_tool = self._sim.T_base_tool_true()
        for key, camera in self.contract.cameras.items():
            T_base_camera = self._sim.T_base_camera(key)
            parent, T = model.base_link, T_base_camera
            if self._sim.on_tool(key):
                parent, T = model.tool, T_base_tool.inverse() @ T_base_camera
            fixed.append(Transform(parent, camera.optical_frame, T, self._sim.now_ns))
        return fixed
