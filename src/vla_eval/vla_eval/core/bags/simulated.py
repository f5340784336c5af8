"""A bag of a simulated episode in virtual time, written by rosbags: what another system records.

For benchmarks and tests: no graph, no recorder, and the same bytes for the same seed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from vla_core.chunk import ActionChunk
from vla_core.command import Command
from vla_core.policy import Policy
from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_eval.core.bags.tape import INFO, JOINTS, OURS, TF, TF_STATIC, TRANSFORMS, WORDS
from vla_eval.core.episodes import Trial
from vla_eval.core.robot import START_NS, VirtualRobot
from vla_sim.core.values import Outcome

BEGUN_NS = 1_700_000_000 * SECOND  # wall time at which the episode begins
TRANSPORT_NS = 2_000_000  # from a stamp to its log time
PICTURE_NS = 5_000_000  # the same for pictures
MESSAGES = ('Timing', 'ActionChunk', 'Command')


@dataclass(frozen=True)
class Manner:
    """How a bag is written.

    Attributes:
        storage: `MCAP` or `SQLITE3`.
        stamped_ns: What the sensors' clock is ahead of the recorder's.
        packed: Whether pictures are CompressedImage, under `<topic>/compressed`.
        leave_out: Topics that are not recorded.
        rename: Topic -> topic.
    """

    storage: str = 'MCAP'
    stamped_ns: int = 0
    packed: bool = False
    leave_out: Collection[str] = ()
    rename: Mapping[str, str] | None = None


def record(
    folder: Path,
    robot: VirtualRobot,
    policy: Policy,
    trial: Trial,
    messages: Path,
    manner: Manner | None = None,
) -> Outcome:
    """Run an episode of a policy and write what it saw, planned and commanded into a new bag.

    Args:
        folder: Of the bag; must not be there.
        robot: Where it happens.
        policy: What plans, without latency.
        trial: Which episode.
        messages: Folder of the definitions of vla_msgs, `src/vla_msgs/msg`.
        manner: How it is written.
    """
    manner = manner or Manner()
    with _Recorder(folder, robot, messages, manner) as recorder:
        episode = robot.begin(trial.task, trial.seed)
        robot.instruct(episode.instruction)
        policy.reset(robot.status().epoch)
        recorder.begin(episode.instruction, trial)
        outcome = Outcome()
        while True:
            if robot.at_step:
                outcome = robot.simulator.outcome()
                if outcome.done or robot.elapsed_ns > episode.limit_ns + SECOND:
                    break
                recorder.look()
                plan = robot.executor.plan(robot.now_ns)
                chunk = policy.infer(robot.observe(), plan)
                robot.executor.accept(chunk, robot.now_ns)
                recorder.planned(plan, chunk)
            command = robot.follow()
            if command is not None:
                recorder.commanded(command)
            robot.pass_tick()
            recorder.sense()
        return outcome


class _Recorder:
    """Writes messages; times are those of the robot, shifted to the day."""

    def __init__(self, folder: Path, robot: VirtualRobot, messages: Path, manner: Manner):
        self._robot, self._manner = robot, manner
        self._store = get_typestore(Stores.ROS2_JAZZY)
        for name in MESSAGES:
            text = (messages / f'{name}.msg').read_text(encoding='utf-8')
            self._store.register(get_types_from_msg(text, f'vla_msgs/msg/{name}'))
        plugin = getattr(StoragePlugin, manner.storage)
        self._writer = Writer(folder, version=9, storage_plugin=plugin)
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> '_Recorder':
        self._writer.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    # -- moments ---------------------------------------------------------------------------------

    def begin(self, words: str, trial: Trial) -> None:
        """Say what the episode is; send what is latched."""
        about = {'instruction': words, 'task': trial.task, 'seed': str(trial.seed)}
        for key, value in about.items():
            self._writer.set_custom_data(key, value)
        self._write(f'/{WORDS}', OURS[WORDS], self._make('std_msgs/msg/String', data=words))
        self._write(TF_STATIC, TRANSFORMS, self._make(TRANSFORMS, transforms=self._fixed()))
        for key, camera in self._robot.contract.cameras.items():
            info = self._make(
                INFO,
                header=self._header(camera.optical_frame),
                height=camera.height,
                width=camera.width,
                distortion_model='plumb_bob',
                d=np.zeros(5),
                k=self._robot.simulator.K(key).ravel(),
                r=np.eye(3).ravel(),
                p=np.zeros(12),
                binning_x=0,
                binning_y=0,
                roi=self._make(
                    'sensor_msgs/msg/RegionOfInterest',
                    x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
                ),
            )  # fmt: skip
            self._write(f'/{camera.camera_info}', INFO, info)
        self.sense()

    def look(self) -> None:
        """Take pictures; the observer gets them, too."""
        contract = self._robot.contract
        for frame in self._robot.simulator.look():
            self._robot.observer.add_image(frame.key, frame.stamp_ns, frame.image)
            camera = contract.cameras[frame.key]
            header = self._header(camera.optical_frame)
            image = np.ascontiguousarray(frame.image)
            if self._manner.packed:
                import cv2

                _, data = cv2.imencode('.png', image[:, :, ::-1])
                kind = 'sensor_msgs/msg/CompressedImage'
                message = self._make(kind, header=header, format='png', data=data.ravel())
                self._write(f'/{camera.topic}/compressed', kind, message, PICTURE_NS)
                continue
            height, width = image.shape[:2]
            message = self._make(
                'sensor_msgs/msg/Image',
                header=header, height=height, width=width, encoding='rgb8', is_bigendian=0,
                step=3 * width, data=image.ravel(),
            )  # fmt: skip
            self._write(f'/{camera.topic}', 'sensor_msgs/msg/Image', message, PICTURE_NS)

    def sense(self) -> None:
        """Write joint states and the transform of the tool."""
        robot = self._robot
        positions, velocities = robot.simulator.joint_state()
        joints = self._make(
            JOINTS,
            header=self._header(''),
            name=list(robot.contract.state.names),
            position=positions,
            velocity=velocities,
            effort=np.empty(0),
        )
        self._write(f'/{robot.contract.state.topic}', JOINTS, joints)
        model, T_base_tool = robot.contract.model, robot.simulator.T_base_tool()
        edge = self._edge(model.base_link, model.tool, T_base_tool)
        self._write(TF, TRANSFORMS, self._make(TRANSFORMS, transforms=[edge]))

    def planned(self, plan: ActionChunk | None, chunk: ActionChunk) -> None:
        """Write a chunk, and before it the plan that it was told of."""
        if plan is not None:
            self._chunk('vla/plan', plan, TRANSPORT_NS)
        self._chunk('vla/action_chunk', chunk, 2 * PICTURE_NS)

    def commanded(self, command: Command) -> None:
        """Write a command."""
        message = self._make(
            OURS['vla/command'],
            header=self._header(''),
            sequence=command.sequence,
            epoch=command.epoch,
            names=list(command.names),
            positions=command.positions,
            velocities=command.velocities,
            strategy=command.strategy,
            sources=np.array(command.sources, np.uint64),
            weights=np.array(command.weights, float),
            clipped_by=[str(check) for check in command.clipped_by],
            hold_reason=command.hold_reason,
            stop_reason=command.stop_reason,
            authority=str(command.authority),
        )
        self._write('/vla/command', OURS['vla/command'], message)

    # -- parts -----------------------------------------------------------------------------------

    @property
    def _now_ns(self) -> int:
        return self._robot.now_ns - START_NS + BEGUN_NS

    def _stamp(self, ns: int) -> Any:
        shifted = ns + self._manner.stamped_ns
        return self._make(
            'builtin_interfaces/msg/Time', sec=shifted // SECOND, nanosec=shifted % SECOND
        )

    def _header(self, frame: str) -> Any:
        return self._make('std_msgs/msg/Header', stamp=self._stamp(self._now_ns), frame_id=frame)

    def _fixed(self) -> list[Any]:
        """Return the transforms of the cameras, each to what it is fixed to."""
        sim, model = self._robot.simulator, self._robot.contract.model
        edges = []
        for key, camera in self._robot.contract.cameras.items():
            T, parent = sim.T_base_camera(key), model.base_link
            if sim.on_tool(key):
                T, parent = sim.T_base_tool().inverse() @ T, model.tool
            edges.append(self._edge(parent, camera.optical_frame, T))
        return edges

    def _edge(self, parent: str, child: str, T: SE3) -> Any:
        w, x, y, z = map(float, T.quaternion)
        a, b, c = map(float, T.t)
        transform = self._make(
            'geometry_msgs/msg/Transform',
            translation=self._make('geometry_msgs/msg/Vector3', x=a, y=b, z=c),
            rotation=self._make('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w),
        )
        kind, header = 'geometry_msgs/msg/TransformStamped', self._header(parent)
        return self._make(kind, header=header, child_frame_id=child, transform=transform)

    def _chunk(self, name: str, chunk: ActionChunk, after_ns: int) -> None:
        shift_ns = BEGUN_NS - START_NS
        none = self._make('builtin_interfaces/msg/Time', sec=0, nanosec=0)
        stages = ('captured', 'assembled', 'received', 'preprocessed', 'inferred', 'published')
        timing = {stage: none for stage in (*stages, 'first_row')}
        step = divmod(chunk.step_ns, SECOND)
        message = self._make(
            OURS[name],
            t0=self._stamp(chunk.t0_ns + shift_ns),
            step=self._make('builtin_interfaces/msg/Duration', sec=step[0], nanosec=step[1]),
            observation_stamp=self._stamp(chunk.observation_stamp_ns + shift_ns),
            sequence=chunk.sequence,
            epoch=chunk.epoch,
            contract_digest=chunk.contract_digest,
            columns=list(chunk.columns),
            horizon=chunk.horizon,
            data=np.ascontiguousarray(chunk.actions).ravel(),
            instruction=chunk.instruction,
            timing=self._make('vla_msgs/msg/Timing', **timing),
        )
        self._write(f'/{name}', OURS[name], message, after_ns)

    def _make(self, kind: str, **fields: Any) -> Any:
        return self._store.types[kind](**fields)

    def _write(self, topic: str, kind: str, message: Any, after_ns: int = TRANSPORT_NS) -> None:
        if topic in self._manner.leave_out:
            return
        topic = (self._manner.rename or {}).get(topic, topic)
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=self._store
            )
        data = self._store.serialize_cdr(message, kind)
        self._writer.write(self._connections[topic], self._now_ns + after_ns, bytes(data))
