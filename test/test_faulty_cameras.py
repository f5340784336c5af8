"""A camera goes bad in motion: no observation is made of it, and the robot holds."""

from typing import Any

import pytest
from builtin_interfaces.msg import Duration
from diagnostic_msgs.msg import DiagnosticStatus
from vla_stage import Stage, ns

from vla_ros import convert

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

LONG_TASK = 'place'  # longer than the chunk that is still followed when observations end
SEED = 23

FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    'a picture that repeats': ({'freeze_picture': True}, 'frozen'),
    'a stamp that stands still': ({'freeze_stamp': True}, 'frozen'),
    'pictures that do not come': ({'drop_rate': 1.0}, 'stale'),
    'pictures that come late': ({'camera_delay': Duration(nanosec=600_000_000)}, 'stale'),
    'black pictures': ({'black_picture': True}, 'frozen'),
    'pictures of another size': ({'wrong_size': True}, 'wrong_size'),
    'pictures in another encoding': ({'wrong_encoding': True}, 'unreadable'),
}


def told_of(stage: Stage, camera: str, reason: str, since: int) -> int | None:
    """Return when diagnostics first blamed a camera for a reason, ns, in arrays from `since`."""
    for array in stage.health[since:]:
        for status in array.status:
            if status.name == f'observer: camera {camera}' and status.message.startswith(reason):
                assert status.level == DiagnosticStatus.ERROR
                return ns(array)
    return None


@pytest.mark.parametrize(('fault', 'reason'), FAULTS.values(), ids=FAULTS)
def test_the_observer_says_what_is_wrong_and_the_robot_holds(stage, fault, reason):
    camera = 'wrist'
    scene = stage.begin_and_move(LONG_TASK, SEED)
    heard, mark = len(stage.health), stage.mark()
    stage.inject(camera=camera, **fault)
    stage.until(lambda: told_of(stage, camera, reason, heard), f'{camera}: {reason}')
    stage.rests(mark)
    assert stage.status.hold_reason == 'silence'
    told_ns = told_of(stage, camera, reason, heard)
    assert not [o for o in stage.observations if convert.ns(o.assembled) > told_ns]

    stage.inject()
    stage.until(lambda: convert.ns(stage.observations[-1].assembled) > told_ns, 'observations')
    stage.goes_on(scene.epoch)  # nobody began anew
    stage.keeps_limits(mark)


def test_an_episode_outlives_a_picture_that_froze_for_a_while(stage):
    scene = stage.begin_and_move(LONG_TASK, SEED + 1)
    stage.inject(camera='scene', freeze_picture=True)
    stage.until(lambda: stage.commands[-1].hold_reason == 'silence', 'a hold')
    stage.inject()
    stage.succeeds(scene)


def test_some_lost_pictures_are_no_reason_to_hold(stage):
    scene = stage.begin('pick', SEED)
    before = stage.status.gate_holds
    stage.inject(drop_rate=0.3)
    stage.succeeds(scene)
    assert stage.status.gate_holds == before
