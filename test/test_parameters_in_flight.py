"""Parameters change in motion: the strategy from the next epoch on, what is fixed not at all."""

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 81


@pytest.fixture
def executor(stage):
    """What sets a parameter of the executor; the strategy is as it was after the test."""
    yield lambda name, value: stage.set_parameter('executor', name, value)
    assert stage.set_parameter('executor', 'strategy', 'receding_horizon').successful
    stage.say('')


def test_a_strategy_changed_in_motion_holds_from_the_next_epoch_on(stage, executor):
    scene = stage.begin_and_move('place', SEED)
    mark = stage.mark()
    assert executor('strategy', 'temporal_ensemble').successful
    seen = len(stage.chunks)
    stage.until(lambda: len(stage.chunks) > seen + 5, 'chunks')
    commands = stage.commands[mark.commands :]
    assert {c.strategy for c in commands} == {'receding_horizon'}
    assert {len(c.sources) for c in commands} <= {0, 1}

    stage.say('')
    epoch = stage.say(scene.words)
    stage.until(lambda: len(stage.commands[-1].sources) > 1, 'chunks that are averaged')
    assert stage.status.strategy == 'temporal_ensemble'
    assert {c.strategy for c in stage.commands if c.epoch == epoch} == {'temporal_ensemble'}
    stage.keeps_limits(mark)


@pytest.mark.parametrize(
    ('name', 'value', 'said'),
    [
        ('watchdog_s', 5.0, 'fixed while the node is configured'),
        ('mode_disagreement', 'off', 'fixed while the node is configured'),
        ('strategy', 'wishful', 'one of sync'),
        ('execute_rows', 0, '1 .. 10000'),
    ],
)
def test_what_may_not_change_in_motion_is_refused_and_nothing_happens(
    stage, executor, name, value, said
):
    scene = stage.begin_and_move('reach', SEED + 1)
    mark = stage.mark()
    answer = executor(name, value)
    assert not answer.successful
    assert said in answer.reason
    assert name in answer.reason
    stage.goes_on(scene.epoch)
    assert stage.status.strategy == 'receding_horizon'
    stage.keeps_limits(mark)
