"""A graph for each test: the executor as a process, a plant, and a policy to play."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

CONTRACT = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
STANCE = np.array([0.1, 0.3, -0.1, 1.3, 0.1, 1.5, 0.2, 0.04])
NODE = 'vla_control.ros.node:ExecutorNode'
START_S = 30.0  # importing mujoco on a loaded machine

if find_spec('rclpy') is None and 'VLA_FULL_TEST' not in os.environ:
    collect_ignore_glob = ['test_*node*.py']


class Bench:
    """The executor among its neighbours; joints go where they are told.

    Attributes:
        contract: Of the robot.
        graph: The graph, to spin.
        node: The executor's process.
        joints: (8,) measured joints.
        commands: Heard on vla/command.
        outputs: Heard on the controller's topic.
        statuses: Heard on vla/status.
        plans: Heard on vla/plan.
        playing: Whether chunks are sent, one per observation period.
    """

    def __init__(self, graph, where=NODE, **params):
        from sensor_msgs.msg import JointState
        from trajectory_msgs.msg import JointTrajectory
        from vla_msgs.msg import ActionChunk, Command, ExecutorStatus

        from vla_control.core.kinematics import Kinematics
        from vla_core.contract import load
        from vla_ros.qos import qos

        self.graph, self.contract = graph, load(CONTRACT)
        self.kinematics = Kinematics(self.contract, np.arange(7))
        self.joints, self.playing, self.measuring, self.sequence = STANCE.copy(), False, True, 0
        support = Path(__file__).parents[1] / 'support'
        self.node = graph.start(where, path=support, **{'contract': CONTRACT, **params})
        self.commands = graph.listen(Command, 'vla/command', 'command', matched=False)
        self.statuses = graph.listen(ExecutorStatus, 'vla/status', 'status', matched=False)
        self.plans = graph.listen(ActionChunk, 'vla/plan', 'plan', matched=False)
        self.outputs = []
        topic = self.contract.output.topic
        graph.probe.create_subscription(JointTrajectory, topic, self._obey, qos('command'))
        self._chunks = graph.talk(ActionChunk, 'vla/action_chunk', 'chunk', matched=False)
        self._states = graph.talk(JointState, 'joint_states', 'sensor', matched=False)
        graph.probe.create_timer(0.01, self._measure)
        graph.probe.create_timer(0.1, self._play)
        graph.until(lambda: self.statuses, 'a status', START_S)
        graph.until(self._chunks.get_subscription_count, 'the executor')

    @property
    def status(self):
        return self.statuses[-1]

    def holds(self, reason):
        """Whether the newest command is a hold for a reason; there may be none yet."""
        return bool(self.commands) and self.commands[-1].hold_reason == reason

    def now_ns(self):
        return self.graph.probe.get_clock().now().nanoseconds

    def _obey(self, msg):
        self.outputs.append(msg)
        if self.measuring:
            self.joints = np.array(msg.points[0].positions)

    def _measure(self):
        from vla_ros import convert

        if self.measuring:
            self._states.publish(
                convert.joint_state_to_msg(
                    self.now_ns(), self.contract.state.names, self.joints, np.zeros(8)
                )
            )

    def _play(self):
        if self.playing:
            self.send()

    def chunk(self, **changes):
        """Return a chunk that moves the tool down slowly from here."""
        from vla_core import rotations
        from vla_core.chunk import ActionChunk
        from vla_core.timing import Timing

        T, now = self.kinematics.forward(self.joints), self.now_ns()
        down = -0.03 * 0.1 * np.arange(1, 17)[:, None] * np.array([0.0, 0.0, 1.0])
        rows = np.concatenate(
            [T.t + down, np.tile(rotations.to_6d(T.R), (16, 1)), np.ones((16, 1))], axis=1
        )
        self.sequence += 1
        values = {
            't0_ns': now + 10**8,
            'step_ns': 10**8,
            'observation_stamp_ns': now,
            'sequence': self.sequence,
            'epoch': self.status.epoch,
            'contract_digest': self.contract.digest,
            'columns': self.contract.action.columns,
            'actions': rows,
            'instruction': 'go',
            'timing': Timing(captured_ns=now),
        }
        return ActionChunk(**(values | changes))

    def send(self, **changes):
        from vla_ros import convert

        self._chunks.publish(convert.chunk_to_msg(self.chunk(**changes)))

    def publish(self, msg):
        self._chunks.publish(msg)

    def until(self, condition, what, seconds=10.0):
        self.graph.until(condition, f'{what}; status {self.statuses[-1:]}', seconds)

    def instruct(self, text='go'):
        from vla_msgs.srv import SetInstruction

        answer = self.graph.call(
            SetInstruction, 'vla/set_instruction', SetInstruction.Request(instruction=text)
        )
        assert answer.accepted
        self.until(lambda: self.status.epoch >= answer.epoch, 'the new epoch')
        return answer.epoch

    def trigger(self, name):
        from std_srvs.srv import Trigger

        return self.graph.call(Trigger, name, Trigger.Request())

    def run(self):
        """Bring the robot into motion."""
        self.instruct()
        self.playing = True
        self.until(lambda: self.status.mode == 'running', 'motion')


@pytest.fixture
def graph(ros_domain):
    """Return an open graph, on the domain that is this test's own."""
    from vla_ros.testing import Graph

    with Graph() as open_graph:
        yield open_graph


@pytest.fixture
def bench(graph):
    """Return a function that starts the executor and its neighbours."""
    return lambda *where, **params: Bench(graph, *where, **params)


@pytest.fixture
def contract_file():
    """Return the contract of the tabletop arm."""
    return CONTRACT
