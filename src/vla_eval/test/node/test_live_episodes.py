"""Live episodes against a toy robot and executor that fail on cue."""

import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from sensor_msgs.msg import Image, JointState  # noqa: E402
from vla_msgs.msg import ActionChunk as ActionChunkMsg  # noqa: E402
from vla_msgs.msg import Command as CommandMsg  # noqa: E402
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg  # noqa: E402
from vla_msgs.msg import Observation, SimOutcome, SimState  # noqa: E402
from vla_msgs.srv import Reset, SetInstruction, SimReset  # noqa: E402

from vla_core.chunk import ActionChunk  # noqa: E402
from vla_core.command import ChunkCounts, Command, ExecutorStatus, GateCounts, Mode  # noqa: E402
from vla_core.contract import load  # noqa: E402
from vla_core.se3 import SE3  # noqa: E402
from vla_core.timing import MS, SECOND, Timing  # noqa: E402
from vla_eval.core.episodes import Conditions, Trial  # noqa: E402
from vla_eval.ros.client import GraphClient, GraphError  # noqa: E402
from vla_eval.ros.episodes import LiveEpisodes  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.qos import qos  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.timeout(120)]

CONTRACT_FILE = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
CONTRACT = load(CONTRACT_FILE)
PERIOD_S = 0.02
WORDS = 'pick up the red block'
TICKS = 12  # of a toy episode


class Toy(Node):
    """Simulator and executor in one: an episode succeeds `TICKS` ticks after the words."""

    def __init__(self):
        super().__init__('toy')
        self.heard, self.resets, self.on_tick = [], [], lambda tick: None
        self.words, self.seed, self.task = '', 0, ''
        self.ticks = self.total = self.epoch = self.sequence = 0
        self.start_ns = self.get_clock().now().nanoseconds
        self._pub = {
            'status': self.create_publisher(ExecutorStatusMsg, 'vla/status', qos('status')),
            'outcome': self.create_publisher(SimOutcome, 'sim/outcome', qos('latched')),
            'state': self.create_publisher(SimState, 'sim/state', qos('reliable')),
            'plan': self.create_publisher(ActionChunkMsg, 'vla/plan', qos('plan')),
            'chunk': self.create_publisher(ActionChunkMsg, 'vla/action_chunk', qos('chunk')),
            'command': self.create_publisher(CommandMsg, 'vla/command', qos('command')),
            'joints': self.create_publisher(JointState, CONTRACT.state.topic, qos('sensor')),
        }
        self._observations = self.create_publisher(Observation, 'vla/observation', 1)
        self._images = {
            key: self.create_publisher(Image, camera.topic, qos('sensor'))
            for key, camera in CONTRACT.cameras.items()
        }
        self.create_service(SimReset, 'sim/reset', self._reset)
        self.create_service(Reset, 'vla/reset', self._begin_epoch)
        self.create_service(SetInstruction, 'vla/set_instruction', self._instruct)
        self.create_timer(PERIOD_S, self._tick)

    def restart_executor(self):
        self.words, self.total = '', 0

    def restart_robot(self):
        self.seed, self.ticks = 0, 0

    def _reset(self, request, response):
        self.task, self.seed, self.ticks = request.task, request.seed, 0
        self.start_ns = self.get_clock().now().nanoseconds
        self.resets.append((request.task, request.seed))
        response.accepted, response.start = True, convert.stamp(self.start_ns)
        response.instruction, response.target = WORDS, 'red block'
        response.time_limit = convert.duration(8 * SECOND)
        return response

    def _begin_epoch(self, request, response):
        self.epoch += 1
        response.epoch = self.epoch
        return response

    def _instruct(self, request, response):
        self.epoch += request.instruction != self.words
        self.words = request.instruction
        self.heard += [self.words] if self.words else []
        response.accepted, response.epoch = True, self.epoch
        return response

    def _tick(self):
        now = self.get_clock().now().nanoseconds
        running = bool(self.words) and self.seed != 0
        self.ticks += running
        self.total += running
        if running:
            self.on_tick(self.ticks)
        names, moved = CONTRACT.state.names, 0.02 * self.ticks * np.eye(8)[1]
        self._pub['joints'].publish(convert.joint_state_to_msg(now, names, moved, moved))
        for key, camera in CONTRACT.cameras.items():
            image = np.full((camera.height, camera.width, 3), self.ticks, np.uint8)
            self._images[key].publish(convert.image_to_msg(image, now, camera.optical_frame))
        if running:
            self._publish_motion(now)
        self._publish_truth(now)
        self._publish_status(now)

    def _publish_motion(self, now):
        self.sequence += 1
        joints = CONTRACT.output.joints
        command = Command(now, self.sequence, self.epoch, joints, np.zeros(8), np.zeros(8), 'toy')
        self._pub['command'].publish(convert.command_to_msg(command))
        actions = np.tile([0.5, 0.0, 0.1, -1, 0, 0, 0, 1, 0, 1.0], (4, 1))
        chunk = ActionChunk(now, 100 * MS, now, self.sequence, self.epoch, CONTRACT.digest,
                            CONTRACT.action.columns, actions, self.words)  # fmt: skip
        self._pub['chunk'].publish(convert.chunk_to_msg(chunk))
        self._pub['plan'].publish(convert.chunk_to_msg(chunk))

    def _publish_truth(self, now):
        over = self.ticks >= TICKS
        outcome = SimOutcome(task=self.task, seed=self.seed, instruction=WORDS)
        outcome.header.stamp = convert.stamp(now)
        outcome.success = outcome.over = over
        outcome.elapsed = convert.duration(self.ticks * 100 * MS)
        outcome.time_limit = convert.duration(8 * SECOND)
        self._pub['outcome'].publish(outcome)
        state = SimState(task=self.task, seed=self.seed, object_names=['red block', 'plate'])
        state.header.stamp = convert.stamp(now)
        state.object_poses = [convert.pose_to_msg(SE3()), convert.pose_to_msg(SE3())]
        state.joint_names, state.joint_positions = list(CONTRACT.state.names), [0.0] * 8
        state.tool_pose = convert.pose_to_msg(SE3(t=[0.5, 0.0, 0.1]))
        self._pub['state'].publish(state)

    def _publish_status(self, now):
        timing = Timing(captured_ns=now - 50 * MS, preprocessed_ns=now - 30 * MS,
                        inferred_ns=now - 20 * MS, first_row_ns=now)  # fmt: skip
        status = ExecutorStatus(
            stamp_ns=now,
            mode=Mode.RUNNING if self.words else Mode.IDLE,
            epoch=self.epoch,
            instruction=self.words,
            strategy='toy',
            gate=GateCounts(ticks=10 * self.total, clipped=self.total),
            chunks=ChunkCounts(received=self.total),
            executed=((self.sequence, timing),) if self.words else (),
        )
        self._pub['status'].publish(convert.status_to_msg(status))


@pytest.fixture
def client(ros_domain):
    client = GraphClient(CONTRACT)
    yield client
    client.close()


@pytest.fixture
def toy(client):
    toy = Toy()
    executor = SingleThreadedExecutor()
    executor.add_node(toy)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    yield toy
    executor.shutdown()
    thread.join(5.0)
    toy.destroy_node()


def episodes(client, alive=lambda: True, **options) -> LiveEpisodes:
    conditions = Conditions(CONTRACT_FILE, Path('checkpoints'), 'toy', **options.pop('given', {}))
    return LiveEpisodes(client, conditions, alive, **options)


def test_an_episode_is_counted_timed_and_kept(client, toy):
    moved, words = [], []
    live = episodes(client, on_motion=lambda: moved.append(1), on_words=words.append)
    first, second = (live.run(Trial('pick', index, 7 + index)) for index in range(2))
    assert (first.success, first.attempts, first.instruction) == (True, 1, WORDS)
    assert first.steps == TICKS
    assert first.limit == 80
    assert first.chunks.received == pytest.approx(TICKS, abs=2)
    assert first.gate.ticks == 10 * first.chunks.received
    assert second.chunks.received == pytest.approx(TICKS, abs=2)  # counters run on: differences
    assert set(first.stages_ms['inference']) == {10.0}
    assert set(first.stages_ms['capture_to_command']) == {50.0}
    assert moved == [1]  # of both episodes
    assert words == [WORDS, WORDS]
    assert first.path.chunk[0] == pytest.approx([0.5, 0.0, 0.1])
    assert second.path is None
    assert len(live.moments[first.trial]) > 3
    assert toy.resets == [('pick', 7), ('pick', 8)]


def test_wrong_words_are_given_instead(client, toy):
    result = episodes(client, given={'ablate': 'wrong-words'}).run(Trial('pick', 1, 7))
    assert result.instruction == WORDS
    assert result.heard != WORDS
    assert toy.heard == [result.heard]


def test_an_executor_that_came_back_gets_the_words_again(client, toy):
    toy.on_tick = lambda tick: toy.restart_executor() if len(toy.heard) == 1 and tick == 6 else 0
    result = episodes(client).run(Trial('pick', 1, 7))
    assert result.success
    assert result.attempts == 1
    assert toy.heard == [WORDS, WORDS]
    assert result.chunks.received == pytest.approx(TICKS, abs=3)


def test_an_episode_whose_robot_died_is_begun_again_with_its_seed(client, toy):
    toy.on_tick = lambda tick: toy.restart_robot() if len(toy.resets) == 1 and tick == 4 else 0
    result = episodes(client).run(Trial('place', 1, 9))
    assert result.success
    assert result.attempts == 2
    assert toy.resets == [('place', 9), ('place', 9)]


def test_a_graph_that_is_down_is_said_in_one_line(client):
    with pytest.raises(GraphError, match='the graph is down'):
        episodes(client, alive=lambda: False).run(Trial('pick', 1, 7))
