"""Simulated time jumps, pauses and begins anew in motion: no jump of the robot, and it goes on."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from builtin_interfaces.msg import Duration
from vla_stage import Stage, ns, running, watched

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 51
JUMP_S = 20


@pytest.fixture(scope='module')
def live(workspace: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A graph whose clock is the simulated robot's."""
    folder = tmp_path_factory.mktemp('clock')
    with running(folder, policy='scripted', use_sim_time='true') as live:
        yield live


@pytest.fixture(scope='module')
def module_stage(live: Any, contract: Any) -> Iterator[Stage]:
    """A probe beside it."""
    with watched(live, contract) as stage:
        yield stage


@pytest.fixture
def stage(module_stage: Stage) -> Iterator[Stage]:
    """The graph, calm again after the test."""
    yield module_stage
    module_stage.calm()


@pytest.mark.parametrize('jump_s', [-JUMP_S, JUMP_S], ids=['back', 'forward'])
def test_a_jump_is_a_hold_and_the_robot_goes_on_by_itself(stage, jump_s):
    stage.inject(clock_jump=Duration(sec=2 * JUMP_S))  # so that there is room to go back
    scene = stage.begin_and_move('place', SEED)
    mark, before_ns = stage.mark(), ns(stage.joints[-1])
    stage.inject(clock_jump=Duration(sec=jump_s))
    stage.until(
        lambda: abs(ns(stage.joints[-1]) - before_ns) > JUMP_S * 0.5e9, 'joint states after it'
    )
    stage.goes_on(scene.epoch)
    assert stage.holds_since(mark) <= {'silence'}
    stage.until(  # the scripted policy does not wait for the observer
        lambda: any(
            o.epoch == scene.epoch and abs(ns(o) - before_ns) > JUMP_S * 0.5e9
            for o in stage.observations[mark.observations :]
        ),
        'an observation after it',
        JUMP_S * 0.5,  # not once time has passed again
    )
    if jump_s < 0:
        said = stage.live.said()
        assert 'the clock jumped by' in said or 'the clock went back' in said
    stage.keeps_limits(mark)


def test_other_words_after_a_jump_back_are_followed_too(stage):
    stage.inject(clock_jump=Duration(sec=2 * JUMP_S))
    scene = stage.begin_and_move('place', SEED + 1)
    stage.inject(clock_jump=Duration(sec=-JUMP_S))
    stage.say('')
    stage.until(stage.at_rest, 'a robot at rest')
    told_ns, epoch = ns(stage.joints[-1]), stage.say(scene.words)
    stage.until(lambda: stage.moving() and stage.commands[-1].epoch == epoch, 'motion')
    assert ns(stage.commands[-1]) - told_ns < JUMP_S * 0.5e9  # not once time has passed again


def test_a_pause_stands_still_and_ends_without_a_jump(stage):
    scene = stage.begin_and_move('place', SEED + 2)
    mark = stage.mark()
    stage.inject(clock_pause=True)
    stage.until(
        lambda: stage.told('observer: observation', 'none', mark), 'the observer, which waits'
    )
    paused = stage.mark()
    stage.until(lambda: len(stage.health) > paused.health + 3, 'diagnostics, in steady time')
    assert len(stage.commands) == paused.commands
    assert len(stage.joints) == paused.joints
    stage.inject()
    stage.goes_on(scene.epoch)
    stage.keeps_limits(mark)
    stage.succeeds(scene)


def test_a_simulation_that_begins_anew_is_held_before_and_served_after_a_reset(stage, live):
    stage.begin_and_move('place', SEED + 3)
    mark, before_ns = stage.mark(), ns(stage.joints[-1])
    os.kill(live.graph.pids()['robot'], signal.SIGKILL)
    stage.until(lambda: ns(stage.joints[-1]) < before_ns, 'joint states of a new time')
    stage.until(
        lambda: (
            any(ns(c) < before_ns for c in stage.commands[mark.commands :])
            or stage.status.hold_reason
        ),
        'the executor in it',
    )
    renewed = [c for c in stage.commands[mark.commands :] if ns(c) < before_ns]
    assert all(c.hold_reason in ('silence', 'first_step') for c in renewed if not c.sources)
    stage.keeps_limits(mark)
    stage.succeeds(stage.begin('reach', SEED))
