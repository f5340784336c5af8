"""The executor as a process: chunks in, commands out; stop, silence, words, goals, last word."""

import array
import signal

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from std_msgs.msg import String
from visualization_msgs.msg import Marker, MarkerArray
from vla_msgs.action import RunInstruction
from vla_msgs.srv import Reset, SetInstruction

from vla_core import rotations
from vla_ros import convert

pytestmark = pytest.mark.ros


def at_rest(bench):
    return bench.commands and not any(bench.commands[-1].velocities)


# ---- chunks in, commands out


def test_chunks_become_commands_trajectories_plan_and_status(bench):
    bench = bench()
    before = bench.kinematics.forward(bench.joints)
    bench.run()
    bench.until(lambda: bench.status.gate_ticks > 60, 'a second of motion')
    moved = bench.kinematics.forward(bench.joints)
    assert moved.t[2] < before.t[2] - 0.005
    assert np.linalg.norm(rotations.log(before.R.T @ moved.R)) < 0.01
    bench.until(lambda: bench.commands and bench.outputs and bench.plans, 'all that is sent')
    command = convert.command_from_msg(bench.commands[-1], bench.contract)
    assert command.strategy == 'receding_horizon'
    following = [c for c in bench.commands if c.sources]
    assert following
    assert len({c.sequence for c in bench.commands}) == len(bench.commands)
    output = bench.outputs[-1]
    assert tuple(output.joint_names) == bench.contract.output.joints
    assert len(output.points) == 1
    assert len(output.points[0].velocities) == 8
    assert convert.ns(output.points[0].time_from_start) == bench.contract.rates.control_ns
    plan = convert.chunk_from_msg(bench.plans[-1], bench.contract)
    assert plan.epoch == bench.status.epoch
    assert plan.horizon > 1
    bench.until(lambda: any(s.executed for s in bench.statuses), 'first rows')
    told = next(s.executed[0] for s in bench.statuses if s.executed)
    took_ns = convert.ns(told.timing.first_row) - convert.ns(told.timing.captured)
    # chunks here are stamped as they are sent, so one may come within the tick that began before
    assert -bench.contract.rates.control_ns < took_ns < 5 * 10**8
    assert bench.status.gate_clipped == bench.status.gate_refused == 0


def test_without_words_nothing_is_sent(bench):
    bench = bench()
    bench.playing = True
    heard = len(bench.statuses)
    bench.until(lambda: len(bench.statuses) > heard + 3, 'some statuses')
    assert bench.status.mode == 'idle'
    assert bench.status.chunks_received == 0
    assert not bench.commands
    assert not bench.outputs


def test_a_chunk_with_nan_is_refused_with_its_reason_and_motion_goes_on(bench):
    bench = bench()
    bench.run()
    msg = convert.chunk_to_msg(bench.chunk())
    data = array.array('d', msg.data)
    data[7] = float('nan')
    msg.data = data
    bench.publish(msg)
    bench.until(lambda: bench.status.chunks_refused == 1, 'a refusal')
    assert bench.status.last_refusal.startswith('not_finite: data')
    assert bench.status.mode == 'running'


def test_a_chunk_that_does_not_fit_is_refused_with_its_reason(bench):
    bench = bench()
    bench.instruct()
    cases = {
        'wrong_contract': {'contract_digest': '0' * 64},
        'other_epoch': {'epoch': 999},
        'expired': {'t0_ns': 10**9},
    }
    for count, (reason, changes) in enumerate(cases.items(), 1):
        bench.send(**changes)
        bench.until(lambda n=count: bench.status.chunks_received == n, 'the chunk')
        assert bench.status.last_refusal.startswith(reason)
    assert (bench.status.chunks_refused, bench.status.chunks_expired) == (2, 1)


# ---- silence, stop


def test_silence_holds_and_the_next_chunk_resumes(bench):
    bench = bench()
    bench.run()
    bench.playing = False
    bench.until(lambda: bench.status.mode == 'holding', 'silence')
    assert bench.status.hold_reason == 'silence'
    bench.until(lambda: at_rest(bench), 'rest')
    bench.until(lambda: bench.status.gate_holds > 10, 'holds to be counted')
    bench.playing = True
    bench.until(lambda: bench.status.mode == 'running', 'motion')
    assert bench.status.gate_stops == 0


def test_joint_states_that_stop_are_silence(bench):
    bench = bench()
    bench.run()
    bench.measuring = False
    bench.until(lambda: bench.status.hold_reason == 'silence', 'silence')
    assert bench.status.last_refusal.startswith('stale_state')
    bench.until(lambda: at_rest(bench), 'rest')
    bench.joints = np.array(bench.commands[-1].positions)
    bench.measuring = True
    bench.until(lambda: bench.status.mode == 'running', 'motion')


def test_stop_latches_until_it_is_cleared(bench):
    bench = bench()
    bench.run()
    answer = bench.trigger('vla/stop')
    assert answer.success
    assert answer.message == 'stopped: requested'
    bench.until(lambda: bench.status.mode == 'stopped', 'the stop')
    assert bench.status.stop_reason == 'requested'
    bench.until(lambda: at_rest(bench), 'rest')
    received = bench.status.chunks_received
    bench.until(lambda: bench.status.chunks_received > received + 3, 'chunks in vain')
    assert bench.status.mode == 'stopped'
    assert bench.trigger('vla/clear_stop').success
    bench.until(lambda: bench.status.mode == 'running', 'motion')
    assert bench.status.gate_stops == 1


# ---- words


def test_other_words_flush_what_was_planned(bench):
    bench = bench()
    bench.run()
    old = bench.status.epoch
    bench.playing = False
    epoch = bench.instruct('something else')
    assert epoch == old + 1
    bench.send(epoch=old)
    bench.until(lambda: bench.status.last_refusal.startswith('other_epoch'), 'a refusal')
    bench.until(lambda: at_rest(bench), 'rest')
    assert all(not c.sources for c in bench.commands if c.epoch == epoch)
    assert bench.status.instruction == 'something else'


def test_words_come_by_topic_and_are_told_on_it(bench, graph):
    bench = bench()
    heard = graph.listen(String, 'vla/instruction', 'latched', matched=False)
    talk = graph.talk(String, 'vla/instruction', 'latched', matched=False)
    graph.until(lambda: talk.get_subscription_count() == 2, 'the executor')
    talk.publish(String(data=' by topic '))
    bench.until(lambda: bench.status.instruction == 'by topic', 'the words')
    for k in range(5):  # its own words come back to it: they must not undo later ones
        bench.instruct(f'by service {k}')
    graph.until(lambda: heard and heard[-1].data == 'by service 4', 'the echo')
    epoch, seen = bench.status.epoch, len(bench.statuses)
    bench.until(lambda: len(bench.statuses) > seen + 5, 'some statuses')
    assert bench.status.epoch == epoch
    assert bench.status.instruction == 'by service 4'


def test_latched_words_reach_an_executor_that_starts_later(bench, graph):
    talk = graph.talk(String, 'vla/instruction', 'latched', matched=False)
    talk.publish(String(data='from before'))
    bench = bench()
    bench.until(lambda: bench.status.instruction == 'from before', 'the words')


def test_reset_begins_a_new_epoch(bench, graph):
    bench = bench()
    bench.run()
    epoch = bench.status.epoch
    assert graph.call(Reset, 'vla/reset', Reset.Request()).epoch == epoch + 1
    bench.until(lambda: bench.status.epoch == epoch + 1, 'the epoch')
    bench.until(lambda: bench.status.mode == 'running', 'motion')


# ---- the action


@pytest.fixture
def goal(graph):
    """Return a function that sends a goal and returns its handle, feedback and result."""

    def send(text, seconds):
        client = ActionClient(graph.probe, RunInstruction, 'vla/run_instruction')
        graph.until(client.server_is_ready, 'the action server')
        feedback = []
        request = RunInstruction.Goal(
            instruction=text, time_limit=convert.duration(int(seconds * 1e9))
        )
        sent = client.send_goal_async(request, feedback.append)
        graph.until(sent.done, 'an answer')
        handle = sent.result()
        return handle, feedback, handle.get_result_async() if handle.accepted else None

    return send


def finished(graph, future):
    graph.until(future.done, 'the end of the run')
    return future.result().status, future.result().result


def test_a_run_ends_with_its_time_and_tells_how_it_fares(bench, graph, goal):
    bench = bench()
    bench.playing = True
    handle, feedback, future = goal('go', 1.5)
    assert handle.accepted
    status, result = finished(graph, future)
    assert (status, result.outcome) == (GoalStatus.STATUS_SUCCEEDED, 'time_limit')
    graph.until(lambda: feedback, 'feedback')
    told = feedback[-1].feedback
    assert 1.0 < told.elapsed.sec + told.elapsed.nanosec / 1e9 < 1.6
    assert told.chunks >= 2
    assert 0.0 < told.latency_ms < 500.0
    bench.until(lambda: bench.status.mode == 'idle', 'idleness')
    bench.until(lambda: at_rest(bench), 'rest')


def test_a_run_that_is_cancelled(bench, graph, goal):
    bench = bench()
    handle, _, future = goal('go', 60)
    graph.until(handle.cancel_goal_async().done, 'the cancellation')
    status, result = finished(graph, future)
    assert (status, result.outcome) == (GoalStatus.STATUS_CANCELED, 'cancelled')
    bench.until(lambda: bench.status.instruction == '', 'no words')


def test_a_run_that_is_stopped(bench, graph, goal):
    bench = bench()
    _, _, future = goal('go', 60)
    bench.trigger('vla/stop')
    status, result = finished(graph, future)
    assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, 'stopped')
    assert result.detail == 'requested'


def test_a_run_that_is_replaced(bench, graph, goal):
    bench = bench()
    ways = {
        'service': lambda: bench.instruct('other'),
        'goal': lambda: goal('other', 60),
        'the same goal': lambda: goal('go', 60),
        'reset': lambda: graph.call(Reset, 'vla/reset', Reset.Request()),
    }
    for by, replace in ways.items():
        _, _, future = goal('go', 60)
        bench.until(lambda: bench.status.instruction == 'go', 'the words')
        replace()
        status, result = finished(graph, future)
        assert (status, result.outcome) == (GoalStatus.STATUS_ABORTED, 'replaced'), by
        words = 'other' if by in ('service', 'goal') else 'go'
        bench.until(lambda w=words: bench.status.instruction == w, f'the words after {by}')


def test_a_goal_without_words_or_time_is_refused(bench, goal):
    bench()
    assert not goal('  ', 5)[0].accepted
    assert not goal('go', 0)[0].accepted


# ---- markers


def test_markers_show_plan_path_and_gate(bench, graph):
    bench = bench(frame_prefix='left')
    drawn = graph.listen(MarkerArray, 'vla/markers', 'reliable')
    bench.run()

    def lines():
        return {m.ns: m for m in drawn[-1].markers} if drawn else {}

    graph.until(
        lambda: (
            len(lines()) == 4
            and all(lines()[n].action == Marker.ADD for n in ('predicted', 'executed', 'spread'))
        ),
        'both lines and the spread',
    )
    predicted, executed = lines()['predicted'], lines()['executed']
    assert predicted.header.frame_id == 'left/base_link'
    assert len(predicted.points) == len(predicted.colors) > 2
    assert predicted.colors[0] != predicted.colors[-1]
    spread = lines()['spread']
    assert (spread.type, spread.header.frame_id) == (Marker.POINTS, 'left/base_link')
    assert len(spread.points) == len(spread.colors) > 2
    tool = bench.kinematics.forward(bench.joints).t
    last = executed.points[-1]
    np.testing.assert_allclose([last.x, last.y, last.z], tool, atol=0.03)
    assert lines()['gate'].text.startswith('running')
    bench.trigger('vla/stop')
    graph.until(lambda: lines()['gate'].text.startswith('stopped: requested'), 'the stop')
    graph.until(lambda: lines()['spread'].action == Marker.DELETE, 'no spread of a robot at rest')


# ---- beginning and end


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_the_last_word_is_a_hold_within_limits(bench, number):
    bench = bench()
    bench.run()
    bench.until(lambda: bench.commands and any(bench.commands[-1].velocities), 'speed')
    bench.node.signal(number)
    assert bench.node.wait() == 0
    bench.until(lambda: bench.holds('terminated'), 'the last word')
    assert not any(bench.commands[-1].velocities)
    q = np.array([c.positions for c in bench.commands])
    joints = [bench.contract.limits.joints[n] for n in bench.contract.output.joints]
    assert (np.abs(np.diff(q, axis=0)) <= [j.velocity * 0.01 + 1e-9 for j in joints]).all()
    bench.until(
        lambda: bench.outputs and not any(bench.outputs[-1].points[0].velocities),
        'the last output',
    )
    assert bench.node.output == ''


def test_it_ends_on_a_signal_while_a_run_goes_on(bench, goal):
    bench = bench()
    bench.playing = True
    goal('go', 60)
    bench.until(lambda: bench.status.mode == 'running', 'motion')
    bench.node.signal(signal.SIGINT)
    assert bench.node.wait() == 0
    assert bench.node.output == ''


def test_a_core_that_breaks_ends_the_process_with_one_line_and_a_hold(bench):
    bench = bench('vla_control_broken:BrokenNode')
    bench.instruct()
    bench.playing = True
    bench.until(lambda: bench.node.status is not None, 'the end')
    assert bench.node.status == 1
    bench.until(lambda: bench.holds('fault'), 'the last word')
    assert not any(bench.commands[-1].velocities)
    assert 'the core is broken' in bench.node.output
    assert 'Traceback' not in bench.node.output


def test_inactive_it_holds_and_refuses_words(bench, graph):
    bench = bench()
    bench.run()
    request = ChangeState.Request()
    request.transition.label = 'deactivate'
    assert graph.call(ChangeState, 'executor/change_state', request).success
    bench.until(lambda: bench.holds('deactivated'), 'the last word')
    answer = graph.call(SetInstruction, 'vla/set_instruction', SetInstruction.Request())
    assert not answer.accepted
    assert 'inactive' in answer.reason
    request.transition.label = 'activate'
    assert graph.call(ChangeState, 'executor/change_state', request).success
    bench.run()


def test_a_wrong_parameter_is_refused_in_one_line(graph, contract_file):
    wrong = [
        ({'strategy': 'teleport'}, 'receding_horizon'),
        ({'execute_rows': 0}, 'execute_rows'),
        ({'mode_velocity': 'none'}, 'mode_velocity'),
        ({'open_above': 0.3}, 'close_below'),
        ({'watchdog_s': 0.011}, 'watchdog_s'),
        ({'contract': '/no/such/contract.yaml'}, 'contract.yaml'),
    ]
    where = 'vla_control.ros.node:ExecutorNode'
    nodes = [graph.start(where, **{'contract': contract_file, **p}) for p, _ in wrong]
    for node, (_, said) in zip(nodes, wrong, strict=True):
        assert node.wait(50.0) == 1
        lines = [line for line in node.output.splitlines() if line.strip()]
        assert len(lines) == 1
        assert said in lines[0]
