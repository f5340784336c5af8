"""A bag through real nodes: the chunks are those of one process, and nothing moves."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from trajectory_msgs.msg import JointTrajectory  # noqa: E402

from vla_core.contract import load  # noqa: E402
from vla_eval.core.bags.simulated import record  # noqa: E402
from vla_eval.core.bags.tape import Tape  # noqa: E402
from vla_eval.core.episodes import Trial  # noqa: E402
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings  # noqa: E402
from vla_eval.core.robot import VirtualRobot  # noqa: E402
from vla_eval.ros.bag_loop import GraphBagLoop  # noqa: E402
from vla_eval.ros.player import Player  # noqa: E402
from vla_policy.core.registry import load_policy  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402
from vla_sim.core.scripted import Scripted  # noqa: E402
from vla_sim.core.simulator import Simulator  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.timeout(240)]

ROOT = Path(__file__).parents[4]
CONTRACT_FILE = ROOT / 'config' / 'robots' / 'tabletop.yaml'
CONTRACT = load(CONTRACT_FILE)
CHECKPOINTS = ROOT / 'checkpoints'


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    simulator = Simulator(CONTRACT)
    folder = tmp_path_factory.mktemp('bags') / 'reach'
    expert = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
    robot, messages = VirtualRobot(CONTRACT, simulator), ROOT / 'src' / 'vla_msgs' / 'msg'
    assert record(folder, robot, expert, Trial('reach', 0, 41), messages).success
    simulator.close()
    return folder


@pytest.fixture
def graph(ros_domain):
    """Return an open graph, on the domain that is this test's own."""
    with Graph() as graph:
        yield graph


def start(graph: Graph) -> None:
    given = {'contract': CONTRACT_FILE, 'use_sim_time': True}
    graph.start('vla_perception.ros.node:ObserverNode', **given)
    graph.start('vla_policy.ros.node:PolicyNode', policy='flow', checkpoints=CHECKPOINTS, **given)
    graph.start('vla_control.ros.node:ExecutorNode', dry_run=True, **given)


def equal(one, other) -> bool:
    """Tell whether two observations hold the same."""
    return np.array_equal(one.state, other.state) and all(
        np.array_equal(view.image, other.views[key].image) for key, view in one.views.items()
    )


class Kept:
    """A policy, and what it was asked."""

    def __init__(self, policy):
        self._policy, self.asked = policy, {}

    def reset(self, epoch):
        self._policy.reset(epoch)

    def infer(self, observation, committed):
        self.asked[observation.stamp_ns] = observation
        return self._policy.infer(observation, committed)


def test_chunks_of_the_graph_are_those_of_one_process(graph, bag):
    start(graph)
    sent = graph.listen(JointTrajectory, CONTRACT.output.topic, 'command')
    tape = Tape(bag, CONTRACT)
    player = Player(CONTRACT, tape)
    try:
        loop = GraphBagLoop(CONTRACT, player, OpenLoopSettings(), lambda: True)
        live = loop.run(tape)
    finally:
        player.leave(shutdown=False)
    assert len(live.chunks) > 10

    policy = load_policy('flow', CONTRACT, CHECKPOINTS, threads=1)
    for chunk in live.chunks:  # each of them, from the very same observation
        observation = player.observations[chunk.observation_stamp_ns]
        plan = loop.committed[chunk.observation_stamp_ns]
        plan = None if plan is None else plan.with_changes(epoch=observation.epoch)
        again = policy.infer(observation, plan)
        assert again.t0_ns == chunk.t0_ns
        np.testing.assert_array_equal(again.actions, chunk.actions)

    kept = Kept(policy)
    virtual = OpenLoop(CONTRACT, kept, OpenLoopSettings(deprive=False)).run(tape)
    own = {chunk.observation_stamp_ns: chunk for chunk in virtual.chunks}
    same = [
        chunk
        for chunk in live.chunks
        if chunk.observation_stamp_ns in own
        and equal(
            player.observations[chunk.observation_stamp_ns],
            kept.asked[chunk.observation_stamp_ns],
        )
    ]
    assert len(same) > len(own) / 2  # between topics the middleware keeps no order
    for chunk in same:
        np.testing.assert_array_equal(chunk.actions, own[chunk.observation_stamp_ns].actions)

    assert live.gate.ticks > 0.8 * virtual.gate.ticks
    assert len(live.dry) > 50
    graph.talk(JointTrajectory, CONTRACT.output.topic, 'command').publish(
        JointTrajectory(joint_names=['sentinel'])
    )
    graph.until(lambda: sent, 'the sentinel')
    assert [message.joint_names for message in sent] == [['sentinel']]  # nothing moved the robot
