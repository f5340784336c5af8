"""The policy node as a process: observations in, chunks out, refusals in one line."""

import signal

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from vla_msgs.msg import ActionChunk as ActionChunkMsg
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg
from vla_msgs.msg import Observation as ObservationMsg

from vla_core.command import ExecutorStatus, Mode
from vla_core.timing import Timing
from vla_policy.core.hold import HoldPolicy
from vla_policy.core.registry import load_policy
from vla_policy.core.training.settings import TrainSettings
from vla_policy.core.training.trainer import Trainer
from vla_ros import convert

pytestmark = pytest.mark.ros

RED = 'go to the red block'
FRAMES = {'scene': 'scene_optical_frame', 'wrist': 'wrist_optical_frame'}
START_S = 30.0  # importing torch on a loaded machine


@pytest.fixture
def wired(graph, start):
    """Start the node; return a function that sends an observation, and the chunks it sent."""

    def begin(**params):
        start(**params)
        talk = graph.talk(ObservationMsg, 'vla/observation', 'observation', matched=False)
        graph.until(talk.get_subscription_count, 'the policy', START_S)
        chunks = graph.listen(ActionChunkMsg, 'vla/action_chunk', 'chunk')
        return lambda o: talk.publish(convert.observation_to_msg(o, FRAMES)), chunks

    return begin


def test_an_observation_is_answered_with_the_chunk_of_the_core(
    graph, wired, world, contract, tiny
):
    send, chunks = wired()
    observation = world.observation(RED)
    graph.until(lambda: chunks or send(observation), 'a chunk')
    heard = convert.chunk_from_msg(chunks[0], contract)
    expected = load_policy(str(tiny), contract, tiny.parent, threads=1).infer(observation, None)
    np.testing.assert_allclose(heard.actions, expected.actions, atol=1e-5)
    assert (heard.t0_ns, heard.sequence, heard.epoch) == (expected.t0_ns, 7, 3)
    t = heard.timing
    order = [t.received_ns, t.preprocessed_ns, t.inferred_ns, t.published_ns]
    assert order == sorted(order)
    assert t.captured_ns == observation.stamp_ns


def test_what_will_be_executed_anyway_changes_the_answer(graph, wired, world, contract):
    send, chunks = wired()
    plans = graph.talk(ActionChunkMsg, 'vla/plan', 'plan')
    observation = world.observation(RED)
    graph.until(lambda: chunks or send(observation), 'a chunk')
    free = np.array(chunks[-1].data)
    plan = HoldPolicy(contract).infer(observation, None)
    actions = plan.actions.copy()
    actions[:, :3] += 0.05
    plan = plan.with_changes(actions=actions, t0_ns=observation.stamp_ns)

    def changed():
        plans.publish(convert.chunk_to_msg(plan))
        send(observation)
        return np.abs(np.array(chunks[-1].data) - free).max() > 1e-3

    graph.until(changed, 'another chunk')


def test_under_rtc_it_is_guided_by_the_plan_and_reckons_with_the_delay(
    graph, wired, world, contract
):
    send, chunks = wired()
    plans = graph.talk(ActionChunkMsg, 'vla/plan', 'plan')
    statuses = graph.talk(ExecutorStatusMsg, 'vla/status', 'status')
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    observation = world.observation(RED)
    plan = HoldPolicy(contract).infer(observation, None)
    plan = plan.with_changes(t0_ns=observation.stamp_ns)
    first_row = Timing(first_row_ns=observation.stamp_ns + 250_000_000)

    def told(strategy):
        status = ExecutorStatus(
            observation.stamp_ns, Mode.RUNNING, 3, RED, strategy, executed=((7, first_row),)
        )
        statuses.publish(convert.status_to_msg(status))
        plans.publish(convert.chunk_to_msg(plan))
        send(observation)

    def away_m():
        return np.linalg.norm(np.array(chunks[-1].data).reshape(6, -1)[1, :3] - world.tool)

    def reckons():
        told('receding_horizon')
        found = {v.key: v.value for m in health for s in m.status for v in s.values}
        return chunks and float(found.get('delay_ms', 0)) == 250.0

    graph.until(reckons, 'the delay')
    free = away_m()

    def guided():
        told('rtc')
        return away_m() < 0.5 * free

    graph.until(guided, 'a chunk that stays where the plan does')


def test_a_delay_that_the_head_cannot_go_on_over_is_told_while_rtc_is_in_force(
    graph, wired, contract, dataset, sizes, tmp_path
):
    settings = TrainSettings(
        steps=1, pictures=8, warm_up=1, bf16=False, threads=1, rtc_max_delay=1
    )
    trainer = Trainer(dataset, contract, settings, tmp_path / 'work', sizes)
    trainer.run()
    trainer.export(tmp_path / 'short')
    wired(policy=tmp_path / 'short', checkpoints=tmp_path, latency_ms='uniform:250:260')
    statuses = graph.talk(ExecutorStatusMsg, 'vla/status', 'status')
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')

    def said(strategy):
        status = ExecutorStatus(1, Mode.RUNNING, 3, RED, strategy)
        statuses.publish(convert.status_to_msg(status))
        found = [s for m in health for s in m.status if s.name.endswith('latency')]
        return found[-1].message if found else ''

    graph.until(lambda: 'goes on from at most 1 rows' in said('rtc'), 'the warning')
    graph.until(lambda: 'goes on from' not in said('receding_horizon'), 'its end')


def test_without_words_it_is_silent(graph, wired, world):
    send, chunks = wired()
    for _ in range(5):
        send(world.observation('').with_changes(sequence=1))
    graph.until(lambda: chunks or send(world.observation(RED)), 'the sentinel')
    assert {chunk.sequence for chunk in chunks} == {7}


def test_an_observation_of_another_contract_is_refused(graph, wired, world):
    send, chunks = wired()
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    send(world.observation(RED).with_changes(contract_digest='0' * 64))

    def told():
        return any('digest' in s.message for m in health for s in m.status)

    graph.until(told, 'a diagnostic')
    assert not chunks


def test_latency_delays_the_chunk(graph, wired, world):
    send, chunks = wired(latency_ms='uniform:150:200')
    graph.until(lambda: chunks or send(world.observation(RED)), 'a chunk')
    timing = chunks[0].timing
    late_ms = (convert.ns(timing.published) - convert.ns(timing.inferred)) / 1e6
    assert late_ms >= 150


def test_black_pictures_on_demand(graph, wired, world, contract, tiny):
    send, chunks = wired(ablate='no-vision')
    graph.until(lambda: chunks or send(world.observation(RED)), 'a chunk')
    policy = load_policy(str(tiny), contract, tiny.parent, threads=1)
    seeing = policy.infer(world.observation(RED), None).actions
    assert np.abs(np.array(chunks[0].data).reshape(seeing.shape) - seeing).max() > 0.002


def test_a_fault_is_switched_on_and_off_by_parameter_and_told(graph, wired, world):
    send, chunks = wired()
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    observation = world.observation(RED)
    graph.until(lambda: chunks or send(observation), 'a chunk')

    def switch(kind):
        value = Parameter('fault', value=kind).to_parameter_msg()
        request = SetParameters.Request(parameters=[value])
        return graph.call(SetParameters, 'policy/set_parameters', request).results[0]

    def last_is_finite(wanted):
        send(observation)
        return np.isfinite(chunks[-1].data).all() == wanted

    assert switch('nan').successful
    graph.until(lambda: not last_is_finite(True), 'a chunk with NaN')
    told = {(s.name, s.message) for m in health for s in m.status}
    assert ('policy: fault', 'nan, on purpose') in told
    assert switch('none').successful
    graph.until(lambda: last_is_finite(True), 'a good chunk')
    refused = switch('sleepy')
    assert not refused.successful
    assert 'one of none, nan' in refused.reason


def test_rate_and_latency_are_told(graph, wired, world):
    send, chunks = wired()
    health = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    graph.until(lambda: chunks or send(world.observation(RED)), 'a chunk')

    def told():
        keys = {v.key for m in health for s in m.status for v in s.values}
        return {'rate_hz', 'inference_p50_ms'} <= keys

    graph.until(told, 'rate and latency')


def test_it_ends_on_a_signal_without_a_word(graph, wired, start, world):
    node = start()
    talk = graph.talk(ObservationMsg, 'vla/observation', 'observation', matched=False)
    graph.until(talk.get_subscription_count, 'the policy', START_S)
    node.signal(signal.SIGINT)
    assert node.wait() == 0
    assert 'Traceback' not in node.output


def test_words_that_were_never_learned_are_told(graph, wired, world):
    send, chunks = wired()
    health = graph.listen(DiagnosticArray, '/diagnostics', 'reliable')
    strange = world.observation(f'{RED} gracefully')
    graph.until(lambda: chunks or send(strange), 'a chunk, all the same')

    def told():
        statuses = [s for message in health for s in message.status]
        return any('never learned: gracefully' in s.message for s in statuses)

    graph.until(told, 'the words')
