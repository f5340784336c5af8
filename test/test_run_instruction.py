"""The action `run_instruction`: one goal, and each way in which it ends."""

import pytest
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from vla_msgs.action import RunInstruction
from vla_stage import Stage

from vla_ros import convert

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 31
LONG_NS = 60 * 10**9


class Goal:
    """One goal, sent and accepted."""

    def __init__(self, stage: Stage, client: ActionClient, words: str, limit_ns: int):
        self.feedback: list[RunInstruction.Feedback] = []
        goal = RunInstruction.Goal(instruction=words, time_limit=convert.duration(limit_ns))
        sent = client.send_goal_async(goal, lambda msg: self.feedback.append(msg.feedback))
        stage.until(sent.done, 'an answer to the goal')
        self._stage, self.handle = stage, sent.result()
        self.accepted = self.handle.accepted
        self._result = self.handle.get_result_async() if self.accepted else None

    def ends(self) -> tuple[str, int, str]:
        """Return outcome, status of the goal and detail once it has ended."""
        assert self._result is not None
        self._stage.until(self._result.done, 'the end of the goal')
        answer = self._result.result()
        return answer.result.outcome, answer.status, answer.result.detail


@pytest.fixture
def ask(stage):
    """Lay a scene out, and return what sends a goal: its own words, or others."""
    client = ActionClient(stage.probe.probe, RunInstruction, 'vla/run_instruction')
    stage.until(client.server_is_ready, 'the action server')
    scene = stage.begin('place', SEED)
    stage.say('')
    yield lambda limit_ns, words=scene.words: Goal(stage, client, words, limit_ns)
    client.destroy()


def test_it_ends_at_its_time_limit_and_tells_how_it_fares(stage, ask):
    goal = ask(1_500_000_000)
    stage.until(lambda: stage.moving(), 'motion')
    assert goal.ends() == ('time_limit', GoalStatus.STATUS_SUCCEEDED, '')
    assert goal.feedback
    last = goal.feedback[-1]
    assert 1.0 < convert.ns(last.elapsed) / 1e9 < 2.5
    assert last.chunks >= 1
    assert 0.0 < last.latency_ms < 2000.0
    stage.until(lambda: stage.status.mode == 'idle' and stage.at_rest(), 'an idle executor')


def test_it_ends_when_it_is_cancelled(stage, ask):
    goal = ask(LONG_NS)
    stage.until(stage.moving, 'motion')
    goal.handle.cancel_goal_async()
    assert goal.ends()[:2] == ('cancelled', GoalStatus.STATUS_CANCELED)
    stage.until(lambda: stage.status.mode == 'idle' and stage.at_rest(), 'an idle executor')


def test_it_ends_when_the_robot_is_stopped(stage, ask):
    goal = ask(LONG_NS)
    stage.until(stage.moving, 'motion')
    assert stage.trigger('vla/stop').success
    assert goal.ends() == ('stopped', GoalStatus.STATUS_ABORTED, 'requested')


def test_it_ends_when_other_words_come(stage, ask):
    goal = ask(LONG_NS)
    stage.until(stage.moving, 'motion')
    epoch = stage.say('lift the red block')
    outcome, status, detail = goal.ends()
    assert (outcome, status) == ('replaced', GoalStatus.STATUS_ABORTED)
    assert 'lift the red block' in detail
    assert stage.status.epoch == epoch  # what replaced it goes on
    assert stage.status.instruction == 'lift the red block'


def test_a_goal_without_words_is_rejected(stage, ask):
    assert not ask(LONG_NS, words=' ').accepted
    assert not ask(0).accepted
