"""The recorder: everything that the graph says of a robot, into bags that survive a crash."""

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_msgs.msg import String
from std_srvs.srv import Trigger
from vla_msgs.msg import SimOutcome

from vla_eval.core import provenance
from vla_eval.core.bags.definitions import Definitions
from vla_eval.core.bags.qos import Offered
from vla_eval.core.bags.recording import RecordedTopic, Recording, Verdict
from vla_eval.core.bags.writer import COMPRESSIONS, LARGEST, BagWriter
from vla_eval.core.errors import BagError
from vla_eval.ros import jpeg
from vla_eval.ros.intake import Intake
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, knob
from vla_ros.qos import qos
from vla_ros.tf import TF, TF_STATIC

POLL_S = 0.02  # between two looks at what has arrived
FLUSH_S = 0.25  # at most this much is lost with the process
WAITING = 1000  # messages of a topic while the disk is busy
WAITING_PICTURES = 60  # of a camera, likewise
PICTURES = ('Image', 'CompressedImage', 'Observation')
WORDS, OUTCOME = 'vla/instruction', 'sim/outcome'
MODEL = ': model'  # the component by which the policy's node tells what plans
TOPICS = {  # (package, type, quality of service) by name
    'vla/observation': ('vla_msgs', 'Observation', 'observation'),
    'vla/action_chunk': ('vla_msgs', 'ActionChunk', 'chunk'),
    'vla/plan': ('vla_msgs', 'ActionChunk', 'plan'),
    'vla/command': ('vla_msgs', 'Command', 'command'),
    'vla/status': ('vla_msgs', 'ExecutorStatus', 'status'),
    WORDS: ('std_msgs', 'String', 'latched'),
    'vla/takeover': ('vla_msgs', 'Takeover', 'reliable'),
    OUTCOME: ('vla_msgs', 'SimOutcome', 'latched'),
    'sim/state': ('vla_msgs', 'SimState', 'reliable'),
    TF: ('tf2_msgs', 'TFMessage', 'tf'),
    TF_STATIC: ('tf2_msgs', 'TFMessage', 'tf_static_all'),
}
OUTPUTS = {
    'JointTrajectory': 'trajectory_msgs',
    'Float64MultiArray': 'std_msgs',
    'JointState': 'sensor_msgs',
    'TwistStamped': 'geometry_msgs',
    'PoseStamped': 'geometry_msgs',
}


@dataclass(frozen=True)
class RecorderParams(NodeParams):
    """Parameters of the recorder."""

    contract: str = contract_knob()
    folder: str = knob(
        'runs/bag', 'Folder of the bag, or of the bags, one an episode.', read_only=True
    )
    per_episode: bool = knob(
        False,
        'A bag of its own for each episode: from words given to words given.',
        read_only=True,
    )
    record: bool = knob(
        True, 'Record from the activation on; else from the service on.', read_only=True
    )
    max_file_mb: int = knob(
        LARGEST >> 20, 'Size above which the next file of a bag is begun.', low=1, unit='MB'
    )
    compression: str = knob(
        'none',
        'How the parts of a file are packed.',
        choices=tuple(COMPRESSIONS),
    )
    jpeg: int = knob(
        0,
        'Quality of the JPEG that colour pictures become; 0: as they came.',
        low=0,
        high=100,
        read_only=True,
    )
    insist: bool = knob(False, 'End the process where a bag cannot be written.', read_only=True)
    policy: str = knob('', 'Checkpoint by name or folder, noted with its digest.', read_only=True)
    checkpoints: str = knob('checkpoints', 'Folder of the named checkpoints.', read_only=True)
    strategy: str = knob('', 'Strategy of the executor, noted.', read_only=True)


class RecorderNode(SuiteNode):
    """Moves serialised messages from topics to `Recording`."""

    NAME = 'recorder'
    PARAMS = RecorderParams

    def on_setup(self, params: RecorderParams) -> None:
        """Listen to everything; nothing is written before the activation."""
        self._definitions = Definitions()
        self._topics: dict[str, RecordedTopic] = {}
        self._intake = Intake(self)
        looks: dict[str, Callable[[bytes], None]] = {
            WORDS: self._on_words,
            OUTCOME: self._on_outcome,
        }
        for topic, (package, kind, profile) in {**TOPICS, **self._robot_topics()}.items():
            self._listen(topic, package, kind, profile, looks.get(topic))
        self.keep(
            self._intake.subscribe(
                DiagnosticArray, 'diagnostics', self._on_diagnostics, qos('reliable')
            ),
            self.destroy_subscription,
        )
        self._recording = Recording(
            Path(params.folder).absolute(),
            self._topics,
            self._about(),
            params.per_episode,
            self._open_bag,
            lambda folder: self.get_logger().info(f'recording into {folder}'),
        )
        self.serve(Trigger, '~/start', self._serve_start)
        self.serve(Trigger, '~/stop', self._serve_stop)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        flush = partial(self._safely, self._recording.flush)
        for period_s, work in ((POLL_S, self._intake.drain), (FLUSH_S, flush)):
            self.keep(self.create_timer(period_s, work, clock=steady), self.destroy_timer)

    def on_start(self) -> None:
        """Begin the first bag."""
        if self.params.record:
            self._recording.start(self.now_ns())
            self.health.ok('bag')

    def on_stop(self, reason: str) -> None:
        """Make the bag whole."""
        self._intake.drain()
        count = self._recording.count
        folder = self._recording.stop()
        if folder is not None:
            self.get_logger().info(f'{folder}: {count} messages, whole')

    def _robot_topics(self) -> dict[str, tuple[str, str, str]]:
        found = {self.contract.state.topic: ('sensor_msgs', 'JointState', 'sensor')}
        for camera in self.contract.cameras.values():
            found[camera.topic] = ('sensor_msgs', camera.message, 'sensor')
            found[camera.camera_info] = ('sensor_msgs', 'CameraInfo', 'sensor')
        output = self.contract.output
        found[output.topic] = (OUTPUTS[output.interface], output.interface, 'command')
        return found

    def _listen(
        self,
        topic: str,
        package: str,
        kind: str,
        profile: str,
        look: Callable[[bytes], None] | None,
    ) -> None:
        wanted = qos(profile)
        offered = Offered(
            reliable=wanted.reliability == ReliabilityPolicy.RELIABLE,
            latched=wanted.durability == DurabilityPolicy.TRANSIENT_LOCAL,
            depth=wanted.depth,
        )
        waiting = WAITING_PICTURES if kind in PICTURES else WAITING
        wanted.depth = max(wanted.depth, waiting)
        message_type = getattr(importlib.import_module(f'{package}.msg'), kind)

        def take(data: bytes, arrived_ns: int | None) -> None:
            self._record(name, data, arrived_ns)
            if look is not None:
                look(data)

        def take_picture(data: bytes, arrived_ns: int | None) -> None:
            small = jpeg.packed(data, self.params.jpeg)
            if small is None:
                take(data, arrived_ns)
            else:
                self._record(f'{name}{jpeg.SUFFIX}', small, arrived_ns)

        squeezed = kind == 'Image' and self.params.jpeg > 0
        heard = take_picture if squeezed else take
        subscription = self.keep(
            self._intake.subscribe(message_type, topic, heard, wanted), self.destroy_subscription
        )
        name = subscription.topic_name
        definition = self._definitions.of(f'{package}/msg/{kind}')
        self._topics[name] = RecordedTopic(name, definition, offered)
        if squeezed:
            small = f'{name}{jpeg.SUFFIX}'
            definition = self._definitions.of(f'sensor_msgs/msg/{jpeg.KIND}')
            self._topics[small] = RecordedTopic(small, definition, offered)

    def _record(self, name: str, data: bytes, arrived_ns: int | None) -> None:
        log_ns = arrived_ns if arrived_ns and not self._simulated else self.now_ns()
        self._safely(lambda: self._recording.take(name, data, log_ns))

    @property
    def _simulated(self) -> bool:
        """Whether the recorder's clock is /clock, not the system's."""
        return bool(self.get_clock().ros_time_is_active)

    def _about(self) -> dict[str, str]:
        params = self.params
        weights = Path(params.checkpoints) / params.policy / provenance.WEIGHTS
        digest = provenance.digest(weights) if params.policy else None
        return {
            'robot': self.contract.robot,
            'contract': Path(params.contract).read_text(encoding='utf-8'),
            'contract_digest': self.contract.digest,
            'policy': params.policy,
            'checkpoint_digest': digest or '',
            'strategy': params.strategy,
            'versions': json.dumps(provenance.versions()),
        }

    def _open_bag(self, folder: Path, about: Mapping[str, str]) -> BagWriter:
        params = self.params
        return BagWriter(folder, about, params.max_file_mb << 20, params.compression)

    def _on_words(self, data: bytes) -> None:
        words = deserialize_message(data, String).data
        self._safely(lambda: self._recording.hear(words, self.now_ns()))

    def _on_outcome(self, data: bytes) -> None:
        msg = deserialize_message(data, SimOutcome)
        verdict = Verdict(
            task=msg.task,
            seed=msg.seed,
            success=msg.success,
            over=msg.over,
            time_limit_s=convert.ns(msg.time_limit, zero=True) / 1e9,
            detail=msg.detail,
        )
        self._safely(lambda: self._recording.judge(verdict))

    def _on_diagnostics(self, data: bytes, _arrived_ns: int | None) -> None:
        for status in deserialize_message(data, DiagnosticArray).status:
            told = {pair.key: pair.value for pair in status.values}
            if status.name.endswith(MODEL) and told.keys() >= {'policy', 'checkpoint_digest'}:
                known = {key: told[key] for key in ('policy', 'checkpoint_digest')}
                self._safely(partial(self._recording.tell, **known))

    def _serve_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self.active:
            response.success, response.message = False, 'the recorder is not active'
            return response
        self._intake.drain()  # what came before is of the bag before
        try:
            response.message = str(self._recording.start(self.now_ns()))
            response.success = True
            self.health.ok('bag')
        except BagError as error:
            response.success, response.message = False, str(error)
        return response

    def _serve_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._intake.drain()
        try:
            folder = self._recording.stop()
        except BagError as error:
            response.success, response.message = False, str(error)
            return response
        response.success = folder is not None
        response.message = str(folder) if folder else 'nothing is being recorded'
        return response

    def _safely(self, work: Callable[[], None]) -> None:
        """Do what may fail where the disk is full; the graph goes on without a recorder."""
        try:
            work()
        except BagError as error:
            self._recording.abandon()
            if self.params.insist:
                self.fail(error)
                return
            self.health.error('bag', str(error))
            self.say(error)
