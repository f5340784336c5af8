"""Settings: each wrong one is refused in one line that names it and says what is right."""

import math

import pytest

from vla_control.core.errors import SettingsError
from vla_control.core.reasons import Reason
from vla_control.core.settings import MODES, ExecutorSettings

WRONG = [
    ({'strategy': 'teleport'},
     "strategy: one of receding_horizon, temporal_ensemble expected, got 'teleport'"),
    ({'execute_rows': 0}, 'execute_rows: an integer >= 1 expected, got 0'),
    ({'execute_rows': 2.5}, 'execute_rows'),
    ({'execute_rows': True}, 'execute_rows'),
    ({'ensemble_m': math.nan}, 'ensemble_m'),
    ({'watchdog_s': 0.0}, 'watchdog_s: a number in (0, 60] expected, got 0.0'),
    ({'watchdog_s': math.inf}, 'watchdog_s'),
    ({'max_lead_s': -1.0}, 'max_lead_s'),
    ({'gripper_speed': 1.5}, 'gripper_speed'),
    ({'close_below': 0.7, 'open_above': 0.6}, 'close_below'),
    ({'modes': {'velocty': 'clip'}}, 'modes.velocty: one of not_finite, wrong_width'),
    ({'modes': {'velocity': 'none'}},
     "modes.velocity: one of clip, refuse, stop, off expected, got 'none'"),
    ({'modes': {'velocity': False}}, 'modes.velocity'),
    ({'modes': {'not_finite': 'off'}}, 'modes.not_finite: one of refuse, stop expected'),
    ({'modes': {'first_step': 'clip'}}, 'modes.first_step'),
]  # fmt: skip


@pytest.mark.parametrize(('changes', 'words'), WRONG, ids=lambda v: str(v)[:40])
def test_wrong_settings_are_refused(changes, words):
    with pytest.raises(SettingsError) as caught:
        ExecutorSettings(**changes)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_modes_that_are_not_given_keep_their_default():
    modes = ExecutorSettings(modes={'velocity': 'stop'}).modes
    assert modes[Reason.VELOCITY] == 'stop'
    assert modes[Reason.POSITION] == 'clip'
    assert set(modes) == set(MODES)
    assert {k: m[0] for k, m in MODES.items()} == dict(ExecutorSettings().modes)
