"""The scripted policy in a graph: an observation in, the expert's chunk out."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from vla_msgs.msg import ActionChunk, Observation, SimState

from vla_core.observation import Observation as ObservationValue
from vla_core.observation import View
from vla_core.se3 import SE3
from vla_ros import convert
from vla_ros.testing import Graph
from vla_sim.core import rollout
from vla_sim.core.simulator import Simulator
from vla_sim.ros import messages
from vla_sim.ros.scripted import ScriptedNode

pytestmark = pytest.mark.ros


@pytest.fixture
def graph():
    with Graph() as graph:
        yield graph


@pytest.fixture
def latency_ms():
    return '0'


@pytest.fixture
def stage(graph, contract, contract_path, latency_ms):
    """The node, publishers in place of observer and simulator, and what it answers."""
    values = {'contract': str(contract_path), 'latency_ms': latency_ms}
    node = ScriptedNode(parameter_overrides=[Parameter(k, value=v) for k, v in values.items()])
    graph.add(node)
    assert node.begin()
    states = graph.talk(SimState, 'sim/state', 'reliable')
    observations = graph.talk(Observation, 'vla/observation', 'observation')
    chunks = graph.listen(ActionChunk, 'vla/action_chunk', 'chunk')
    simulator = Simulator(contract)
    simulator.reset('pick', 3, instruction='lift the blue can')

    def observe(sequence, instruction, stamp_ns=None):
        positions, velocities = simulator.joint_state()
        stamp_ns = stamp_ns or simulator.now_ns
        view = View(np.zeros((8, 8, 3), np.uint8), np.eye(3), SE3(), stamp_ns)
        value = ObservationValue(
            stamp_ns=stamp_ns,
            sequence=sequence,
            epoch=5,
            contract_digest=contract.digest,
            base_frame='base_link',
            views={
                key: View(
                    np.zeros((camera.height, camera.width, 3), np.uint8),
                    view.K,
                    view.T_base_camera,
                    stamp_ns,
                )
                for key, camera in contract.cameras.items()
            },
            state_names=contract.state.names,
            state=positions,
            state_velocity=velocities,
            state_stamp_ns=stamp_ns,
            T_base_tool=simulator.T_base_tool(),
            instruction=instruction,
        )
        observations.publish(convert.observation_to_msg(value, {}))

    yield simulator, states, observe, chunks
    node.end('test')


def test_it_answers_with_the_experts_chunk(graph, stage, contract):
    simulator, states, observe, chunks = stage
    states.publish(messages.state_to_msg(simulator, 'base_link'))
    observe(1, '')  # no words: no chunk

    def asked():
        observe(2, 'lift the blue can')
        return chunks

    graph.until(asked, 'a chunk')
    chunk = convert.chunk_from_msg(chunks[0], contract)
    expected = rollout.rollout(simulator.snapshot(), simulator.episode.goal, contract)
    np.testing.assert_allclose(chunk.actions, expected.actions, atol=1e-9)
    assert (chunk.sequence, chunk.epoch) == (2, 5)
    assert chunk.instruction == 'lift the blue can'
    assert chunk.t0_ns == simulator.now_ns + contract.rates.step_ns
    assert chunk.timing.published_ns >= chunk.timing.received_ns > 0


@pytest.mark.parametrize('latency_ms', ['uniform:300:350'])
def test_latency_delays_the_chunk_and_keeps_it_busy(graph, stage):
    simulator, states, observe, chunks = stage
    states.publish(messages.state_to_msg(simulator, 'base_link'))
    sent = 10

    def asked():
        nonlocal sent
        sent += 1
        observe(sent, 'lift the blue can')
        return len(chunks) > 2

    graph.until(asked, 'three chunks')
    for chunk in chunks[:3]:
        late_ns = convert.ns(chunk.timing.published) - convert.ns(chunk.timing.inferred)
        assert late_ns >= 290_000_000  # of 300, inference apart
    begun = [convert.ns(chunk.timing.received) for chunk in chunks[:3]]
    assert min(np.diff(begun)) >= 300_000_000


@pytest.mark.usefixtures('stage')
def test_it_tells_a_recorder_what_plans(graph):
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')

    def told():
        statuses = [s for m in health for s in m.status if s.name == 'policy: model']
        return [{pair.key: pair.value for pair in s.values} for s in statuses]

    graph.until(told, 'the model')
    assert told()[0] == {'policy': 'scripted', 'checkpoint_digest': ''}


def test_what_it_cannot_do_is_said_and_not_done(graph, stage):
    simulator, states, observe, chunks = stage
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    states.publish(messages.state_to_msg(simulator, 'base_link'))

    def said(words):
        return any(
            s.level == DiagnosticStatus.WARN and words in s.message
            for array in health
            for s in array.status
        )

    def ask_for_a_song():
        observe(3, 'sing a song')
        return said('sing a song')

    graph.until(ask_for_a_song, 'a warning about the words')

    def ask_too_early():
        observe(4, 'lift the blue can', simulator.now_ns - 1)
        return said('sim/state')

    graph.until(ask_too_early, 'a warning about the state')
    assert not chunks
