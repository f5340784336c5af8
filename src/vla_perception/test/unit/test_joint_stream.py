"""Joint states at any moment: interpolated between measurements, never beyond them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_core.contract import State
from vla_core.timing import MS, SECOND
from vla_perception.core.errors import NotReady
from vla_perception.core.joint_stream import JointStream, wrap

STATE = State(
    'joint_states', ('arm', 'wrist', 'finger'), ('rad', 'rad', 'm'), 0.2, 0.05, 0.5, 0.05
)
T0 = 7 * SECOND
RATES = np.array([1.0, -2.0, 0.1])


def line(ns):
    """Positions and velocities of a steady motion."""
    return np.array([0.2, 0.1, 0.01]) + RATES * (ns - T0) / SECOND, RATES


def stream(*ms, state=STATE, velocities=True):
    joints = JointStream(state)
    for ns in (T0 + round(m * MS) for m in ms):
        q, qd = line(ns)
        joints.add(ns, state.names, q, qd if velocities else None)
    return joints


@given(st.integers(0, 90 * MS))
def test_between_samples_the_motion_is_followed(offset):
    stamp, joints = stream(0, 30, 60, 90).at(T0 + offset)
    q, qd = line(T0 + offset)
    assert stamp == T0 + offset
    np.testing.assert_allclose(joints.positions, q, atol=1e-12)
    np.testing.assert_allclose(joints.velocities, qd, atol=1e-12)


@pytest.mark.parametrize('beside_ms', [-50, -1, 1, 50])
def test_beside_the_ends_the_last_sample_keeps_its_own_stamp(beside_ms):
    joints = stream(0, 10, 20)
    end = T0 if beside_ms < 0 else T0 + 20 * MS
    stamp, value = joints.at(end + beside_ms * MS)
    assert stamp == end
    np.testing.assert_array_equal(value.positions, line(end)[0])


@pytest.mark.parametrize('moment_ms', [-51, 71, 1000])
def test_further_away_than_the_tolerance_there_is_none(moment_ms):
    with pytest.raises(NotReady, match='at most 50 ms') as caught:
        stream(0, 10, 20).at(T0 + moment_ms * MS)
    assert (caught.value.reason, caught.value.stream) == ('out_of_sync', 'joint_states')


def test_a_hole_is_not_bridged():
    joints = stream(0, 200)
    joints.at(T0 + 40 * MS)
    with pytest.raises(NotReady, match='100 ms away'):
        joints.at(T0 + 100 * MS)


def test_joints_are_taken_by_name_and_others_passed_over():
    joints = JointStream(STATE)
    joints.add(T0, ('x', 'finger', 'arm', 'wrist'), np.array([9.0, 3, 1, 2]), np.arange(4.0))
    value = joints.at(T0).value
    np.testing.assert_array_equal(value.positions, [1, 2, 3])
    np.testing.assert_array_equal(value.velocities, [2, 3, 1])


def test_velocities_that_are_not_measured_are_the_slope():
    for ms in (5, 10, 20, 30, -10):
        value = stream(0, 10, 20, velocities=False).at(T0 + ms * MS).value
        np.testing.assert_allclose(value.velocities, RATES, atol=1e-9)
    with pytest.raises(NotReady) as caught:
        stream(0, velocities=False).at(T0)
    assert caught.value.reason == 'waiting'


def test_an_angle_that_wraps_has_no_way_in_between():
    joints = JointStream(STATE)
    joints.add(T0, STATE.names, np.array([3.1, 0.0, 0.0]), None)
    joints.add(T0 + 10 * MS, STATE.names, np.array([-3.1, 0.2, 0.0]), None)
    value = joints.at(T0 + 6 * MS).value
    np.testing.assert_allclose(value.positions, [-3.1, 0.12, 0.0])
    np.testing.assert_allclose(value.velocities[0], (2 * np.pi - 6.2) / 0.01)


@given(st.floats(-50, 50))
def test_wrap_is_the_same_angle(angle):
    wrapped = float(wrap(np.array(angle)))
    assert -np.pi <= wrapped < np.pi + 1e-12
    assert np.exp(1j * wrapped) == pytest.approx(np.exp(1j * angle), abs=1e-9)


@pytest.mark.parametrize(
    ('names', 'q', 'qd', 'stamp', 'reason', 'words'),
    [
        (('arm', 'finger'), [0, 0], None, T0, 'incomplete', 'wrist not among arm, finger'),
        (STATE.names, [0, 0], None, T0, 'incomplete', '3 numbers expected for each'),
        (STATE.names, [0, 0, 0], [0, 0], T0, 'incomplete', '3 positions and 2 velocities'),
        (STATE.names, [0, np.nan, 0], None, T0, 'unreadable', 'finite'),
        (STATE.names, [0, 0, 0], [0, np.inf, 0], T0, 'unreadable', 'finite'),
        (STATE.names, [0, 0, 0], None, 0, 'no_stamp', 'capture time > 0'),
    ],
)
def test_a_message_that_cannot_serve_is_named_until_a_good_one_comes(
    names, q, qd, stamp, reason, words
):
    joints = stream(0)
    joints.add(stamp, names, np.array(q, float), None if qd is None else np.array(qd, float))
    problem = joints.problem(T0)
    assert problem.reason == reason
    assert words in problem.detail
    assert joints.counts[reason] == 1
    joints.add(T0 + 10 * MS, STATE.names, *line(T0 + 10 * MS))
    assert joints.problem(T0 + 10 * MS) is None


@pytest.mark.parametrize(
    ('now_ms', 'reason'), [(0, None), (200, None), (201, 'stale'), (-50, None), (-51, 'future')]
)
def test_age_against_now(now_ms, reason):
    problem = stream(0).problem(T0 + now_ms * MS)
    assert (problem and problem.reason) == reason


def test_nothing_and_only_foreign_joints_are_missing():
    joints = JointStream(replace(STATE, topic='states'))
    assert str(joints.problem(T0)) == 'joint_states: missing: nothing has come on states'
    joints.add(T0, ('head', 'neck'), np.zeros(2), None)
    assert joints.problem(T0).detail.endswith('but messages that name head, neck')
    assert joints.counts['foreign'] == 1
