"""The gate: one test per refusal, the order of reasons, and limits by an independent oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.gate import Gate
from vla_control.core.settings import MODES, ExecutorSettings

DT = 0.01
Q = np.array([0.1, 0.3, -0.1, 1.3, 0.1, 1.5, 0.2, 0.02])


@pytest.fixture(scope='module')
def gate(contracts):
    def build(**modes):
        return Gate(contracts['tabletop'], ExecutorSettings(modes=modes).modes, 200_000_000)

    return build


def check(gate, request, previous=Q, measured=Q, age_ns=0, begins=False):
    return gate.check(np.asarray(request, float), previous, measured, age_ns, DT, begins)


def moved(joint, by):
    q = Q.copy()
    q[joint] += by
    return q


AT_LIMIT = np.array([2.899, 0.3, -0.1, 1.3, 0.1, 1.5, 0.2, 0.02])
BEYOND = np.array([2.95, 0.3, -0.1, 1.3, 0.1, 1.5, 0.2, 0.02])

CASES = {
    'not_finite': {'request': moved(3, np.nan)},
    'wrong_width': {'request': Q[:7]},
    'position': {'request': BEYOND, 'previous': AT_LIMIT, 'measured': AT_LIMIT},
    'first_step': {'request': Q, 'measured': moved(0, 0.2), 'begins': True},
    'velocity': {'request': moved(1, 0.05)},
    'stale_state': {'request': Q, 'age_ns': 200_000_001},
}


def test_every_check_has_a_case():
    assert set(CASES) == set(MODES)


@pytest.mark.parametrize('name', CASES)
def test_refusal_carries_its_reason_and_stop_latches(gate, name):
    for mode in ('refuse', 'stop'):
        verdict = check(gate(**{name: mode}), **CASES[name])
        assert verdict.positions is None
        assert verdict.refused_by == name
        assert verdict.stop == (mode == 'stop')
        assert verdict.detail
        assert '\n' not in verdict.detail


@pytest.mark.parametrize('name', [n for n, modes in MODES.items() if 'off' in modes])
def test_off_lets_it_pass(gate, name):
    case = CASES[name]
    modes = {name: 'off'} | ({'velocity': 'off'} if name == 'position' else {})
    verdict = check(gate(**modes), **case)
    assert verdict.refused_by is None
    np.testing.assert_array_equal(verdict.positions, case['request'])


@pytest.mark.parametrize('name', ['position', 'velocity'])
def test_clip_says_so(gate, name):
    verdict = check(gate(), **CASES[name])
    assert name in verdict.clipped_by
    assert verdict.refused_by is None


def test_what_is_clean_passes_untouched(gate):
    request = Q + 0.005
    request[7] = Q[7] + 0.001
    verdict = check(gate(), request, begins=True)
    assert verdict.clipped_by == ()
    np.testing.assert_array_equal(verdict.positions, request)


def test_velocity_limit_touched_exactly_is_no_clip(gate):
    verdict = check(gate(), moved(0, 2.0 * DT))
    assert verdict.clipped_by == ()


def test_order_of_reasons(gate):
    everything = {n: 'refuse' for n in MODES}
    request = moved(0, np.nan)
    strict = gate(**everything)
    far = {'measured': Q + 1.0, 'age_ns': 10**9, 'begins': True}
    assert check(strict, request[:5], **far).refused_by == 'wrong_width'
    assert check(strict, request, **far).refused_by == 'not_finite'
    out = moved(0, 9.0)
    assert check(strict, out, **far).refused_by == 'position'
    fast = moved(0, 0.03)
    assert check(strict, fast, **far).refused_by == 'first_step'
    assert check(strict, fast, age_ns=10**9).refused_by == 'velocity'
    assert check(strict, Q, age_ns=10**9).refused_by == 'stale_state'


def test_joint_states_from_the_future_are_as_useless_as_old_ones(gate):
    assert check(gate(), Q, age_ns=-(10**9)).refused_by == 'stale_state'
    assert check(gate(), Q, age_ns=-1000).refused_by is None


def test_all_joints_or_none(gate):
    verdict = check(gate(velocity='refuse'), moved(1, 0.05))
    assert verdict.positions is None


unit = st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8)
wild = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=8, max_size=8)


@settings(max_examples=300)
@given(st.lists(wild, min_size=1, max_size=25), unit)
def test_whatever_is_asked_for_what_is_sent_is_within_all_limits(contracts, gate_once, wishes, at):
    joints = [contracts['tabletop'].limits.joints[n] for n in contracts['tabletop'].output.joints]
    q = np.array([j.lower + u * (j.upper - j.lower) for j, u in zip(joints, at, strict=True)])
    with np.errstate(over='ignore', invalid='ignore'):
        for wish in wishes:
            verdict = gate_once.check(np.array(wish), q, q, 0, DT, False)
            if verdict.positions is None:
                assert verdict.refused_by == 'not_finite'
                assert not all(np.isfinite(wish))
                continue
            for joint, before, after in zip(joints, q, verdict.positions, strict=True):
                assert joint.lower <= after <= joint.upper
                speed = abs(after - before) / DT
                assert speed <= joint.velocity + 1e-9
                # after this tick, braking in steps of a dt must still end inside the limit
                room = (joint.upper - after) if after > before else (after - joint.lower)
                distance = 0.0
                while speed > 0.0:
                    speed = max(0.0, speed - joint.acceleration * DT)
                    distance += speed * DT
                assert distance <= room + 1e-9
            q = verdict.positions


@pytest.fixture(scope='module')
def gate_once(gate):
    return gate()
