"""Joint states stop or jump in motion: the robot holds or stops, and goes on when asked to."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 41
JUMP = 0.6  # rad: further than any joint may be from its command


def test_joint_states_that_stop_are_silence_and_the_robot_goes_on_with_them(stage):
    scene = stage.begin_and_move('place', SEED)
    mark = stage.mark()
    stage.inject(stop_joint_states=True)
    stage.rests(mark)
    assert stage.status.hold_reason == 'silence'
    stage.until(
        lambda: any(
            s.last_refusal.startswith('stale_state') for s in stage.statuses[mark.statuses :]
        ),
        'the executor saying why',
    )
    stage.until(
        lambda: stage.told('observer: joint_states', 'stale', mark, DiagnosticStatus.ERROR),
        'the observer saying so',
    )
    stage.inject()
    stage.goes_on(scene.epoch)
    stage.keeps_limits(mark)


def test_joint_states_that_jump_are_a_stop_until_a_person_clears_it(stage):
    scene = stage.begin_and_move('place', SEED)
    mark = stage.mark()
    stage.inject(joint_jump=JUMP)
    stage.until(lambda: stage.status.mode == 'stopped' and stage.at_rest(), 'a stop')
    assert stage.status.stop_reason == 'disagreement'
    words = 'stopped disagreement'
    stage.until(
        lambda: stage.told('executor: gate', words, mark, DiagnosticStatus.ERROR), 'a diagnostic'
    )
    stage.inject()
    seen = len(stage.chunks)
    stage.until(lambda: len(stage.chunks) > seen + 3, 'chunks again')
    assert stage.status.mode == 'stopped'  # it latches
    answer = stage.trigger('vla/clear_stop')
    assert answer.success, answer.message
    stage.goes_on(scene.epoch)
    commands = stage.commands[mark.commands :]
    assert {c.stop_reason for c in commands} == {'', 'disagreement'}
    stage.keeps_limits(mark, joints_are_true=False)
