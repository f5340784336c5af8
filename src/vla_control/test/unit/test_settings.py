"""Settings: each wrong one is refused in one line that names it and says what is right."""

import math
from pathlib import Path

import pytest

from vla_control.core.errors import SettingsError
from vla_control.core.modes import MODES
from vla_control.core.reasons import Reason
from vla_control.core.settings import ExecutorSettings
from vla_core.contract import load
from vla_core.errors import ContractError

WRONG = [
    ({'strategy': 'teleport'},
     'strategy: one of sync, receding_horizon, temporal_ensemble, async, rtc expected, got '),
    ({'execute_rows': 0}, 'execute_rows: an integer >= 1 expected, got 0'),
    ({'execute_rows': 2.5}, 'execute_rows'),
    ({'execute_rows': True}, 'execute_rows'),
    ({'ensemble_m': math.nan}, 'ensemble_m'),
    ({'ensemble_m': math.inf}, 'ensemble_m'),
    ({'ensemble_m': -100.1}, 'ensemble_m'),
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
    ({'modes': {'stale_state': 'clip'}}, 'modes.stale_state'),
    ({'modes': {'jerk': 'clamp'}}, 'modes.jerk: one of clip, refuse, stop, off expected'),
    ({'blend_rows': -1}, 'blend_rows: an integer >= 0 expected, got -1'),
    ({'blend_rows': 1.5}, 'blend_rows'),
    ({'blend': 'cubic'}, "blend: one of linear, cosine expected, got 'cubic'"),
    ({'geometry': 'yes'}, "geometry: true or false expected, got 'yes'"),
    ({'watchdog_s': '1'}, 'watchdog_s'),
    ({'gripper_speed': None}, 'gripper_speed'),
    ({'ensemble_m': 'x'}, 'ensemble_m'),
    ({'close_below': 'low'}, 'close_below'),
    ({'strategy': ['sync']}, 'strategy'),
    ({'blend': ['linear']}, 'blend'),
    ({'modes': {'velocity': ['clip']}}, 'modes.velocity'),
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


CONTRADICTIONS = {
    'jerk: 1000.0': ('jerk: 0', 'limits.joints.joint1.jerk'),
    'position: [-2.9, 2.9]': ('position: [2.9, -2.9]', 'limits.joints.joint1.position'),
    'low: [0.1, -0.45, -0.02]': ('low: [0.9, -0.45, -0.02]', 'limits.workspace.high'),
    'tool_speed: 0.7': ('tool_speed: 0', 'limits.tool_speed'),
    'acceleration: 20.0': ('acceleration: -1', 'limits.joints.joint1.acceleration'),
    'velocity: 2.0': ('velocity: .nan', 'limits.joints.joint1.velocity'),
}


@pytest.mark.parametrize('right', CONTRADICTIONS)
def test_limits_that_contradict_themselves_are_refused(tmp_path, right):
    text = (Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml').read_text()
    wrong, where = CONTRADICTIONS[right]
    assert right in text
    path = tmp_path / 'robot.yaml'
    path.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ContractError) as caught:
        load(path)
    assert where in str(caught.value)
    assert '\n' not in str(caught.value)
