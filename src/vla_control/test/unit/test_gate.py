"""The gate: a test per refusal and mode, the order of reasons, limits by an independent oracle."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.errors import SettingsError
from vla_control.core.gate import Gate
from vla_control.core.kinematics import Kinematics
from vla_control.core.modes import MODES
from vla_control.core.motion import Motion
from vla_control.core.rows import RowLayout

# A bent arm, the tool above the middle of the workspace, the fingers half open.
Q = np.array([0.1, 0.1, -0.1, 1.7, 0.1, 1.3, 0.2, 0.02])
WATCHDOG = 200_000_000


@pytest.fixture(scope='module')
def kinematics(contracts):
    contract = contracts['tabletop']
    return Kinematics(contract, RowLayout(contract).arm_outputs)


@pytest.fixture(scope='module')
def gate(contracts, kinematics):
    """Return a function that builds a gate of the tabletop arm with given modes and limits."""

    def build(modes=None, **limits):
        contract = contracts['tabletop']
        changed = dataclasses.replace(contract.limits, **limits)
        contract = dataclasses.replace(contract, limits=changed)
        return Gate(contract, modes or {}, WATCHDOG, kinematics.tool_point)

    return build


def check(gate, request, motion=None, measured=None, age_ns=0, begins=False):
    motion = Motion.at_rest(Q) if motion is None else motion
    measured = motion.positions if measured is None else measured
    return gate.check(np.asarray(request, float), motion, measured, age_ns, begins)


def moved(joint, by, q=Q):
    q = q.copy()
    q[joint] += by
    return q


def at_speed(gate, direction, ticks=200, start=Q):
    """Return a state that the gate led there by ever asking for more along a direction."""
    motion = Motion.at_rest(start)
    for _ in range(ticks):
        verdict = check(gate, motion.positions + direction, motion)
        assert verdict.refused_by is None, verdict
        motion = verdict.motion
    return motion


BOX = ((0.1, -0.45, -0.02), (0.85, 0.45, 0.6))
FREE = {'workspace': ((-np.inf,) * 3, (np.inf,) * 3), 'tool_speed': np.inf}
AT_LIMIT = moved(0, 2.8999 - Q[0])
SLOW = {'velocity': 0.5, 'acceleration': 200.0, 'jerk': 1e6}
WEAK = {'acceleration': 5.0, 'jerk': 1e9}
CASES = {  # what is asked of the gate, and what is changed about the robot, so that one complains
    'not_finite': ({'request': moved(3, np.nan)}, {}),
    'wrong_width': ({'request': Q[:7]}, {}),
    'position': ({'request': moved(0, 3e-4, AT_LIMIT), 'motion': Motion.at_rest(AT_LIMIT)}, FREE),
    'first_step': ({'request': Q, 'measured': moved(0, 0.2), 'begins': True}, {}),
    'velocity': ({'request': moved(1, 0.006)}, FREE | {'joints': SLOW}),
    'acceleration': ({'request': moved(1, 0.002)}, FREE | {'joints': WEAK}),
    'jerk': ({'request': moved(1, 0.0015)}, FREE),
    'tool_speed': ({'request': moved(0, 5e-4)}, {'tool_speed': 0.01}),
    'workspace': ({'request': moved(0, 5e-4)}, {'workspace': 'to_the_left'}),
    'stale_state': ({'request': Q, 'age_ns': WATCHDOG + 1}, {}),
    'disagreement': ({'request': Q, 'measured': moved(0, 0.31)}, {}),
}


def test_every_check_has_a_case():
    assert set(CASES) == set(MODES)


@pytest.fixture
def complaint(gate, contracts, kinematics):
    """Return a function: the gate and the arguments with which one check complains."""

    def make(name, mode):
        arguments, changes = CASES[name]
        if 'joints' in changes:
            joints = contracts['tabletop'].limits.joints
            joints = {n: dataclasses.replace(j, **changes['joints']) for n, j in joints.items()}
            changes = changes | {'joints': joints}
        if 'workspace' in changes and isinstance(changes['workspace'], str):
            x, y, z = kinematics.tool_point(Q)  # a wall just beside the tool
            changes = {'workspace': ((x - 0.3, y - 0.3, z - 0.3), (x + 0.3, y + 1e-4, z + 0.3))}
        return gate({name: mode}, **changes), arguments

    return make


EACH_MODE = [(name, mode) for name, modes in MODES.items() for mode in modes]


@pytest.mark.parametrize(('name', 'mode'), EACH_MODE)
def test_each_mode_of_each_check_does_what_it_says(complaint, name, mode):
    gate, arguments = complaint(name, mode)
    verdict = check(gate, **arguments)
    if mode in ('refuse', 'stop'):
        assert verdict.motion is None
        assert verdict.refused_by == name
        assert verdict.stop == (mode == 'stop')
        assert verdict.detail
        assert '\n' not in verdict.detail
        return
    assert verdict.refused_by is None
    assert not verdict.stop
    if mode == 'off':
        assert name not in verdict.clipped_by
        np.testing.assert_array_equal(verdict.motion.positions, arguments['request'])
        return
    assert name in verdict.clipped_by
    if name not in ('first_step', 'disagreement', 'acceleration'):
        assert verdict.clipped_by == (name,)
    before = arguments.get('motion', Motion.at_rest(Q)).positions
    went, asked = verdict.motion.positions - before, arguments['request'] - before
    if name in ('first_step', 'disagreement'):
        asked = arguments['measured'] - before  # it is led back to where the robot is
    assert (went * asked >= -1e-15).all()
    assert (np.abs(went) <= np.abs(asked) + 1e-15).all()


@pytest.mark.parametrize(
    ('name', 'fastest'),
    [('position', 0.0), ('velocity', 0.5), ('acceleration', 2.0), ('jerk', 2.0), ('workspace', 0)],
)
def test_a_clip_goes_as_far_as_the_limit_allows(complaint, name, fastest):
    gate, arguments = complaint(name, 'clip')
    motion = arguments.get('motion', Motion.at_rest(Q))
    toward = np.sign(arguments['request'] - motion.positions)
    joint = int(np.argmax(np.abs(toward)))
    motion = at_speed(gate, 0.1 * toward, 60, motion.positions)
    speed = motion.velocity[joint] / 0.01
    assert speed == pytest.approx(fastest, rel=1e-3, abs=2e-3)
    if name == 'position':
        assert motion.positions[joint] == pytest.approx(2.9, abs=1e-5)


def test_what_is_clean_passes_untouched(gate):
    motion = at_speed(gate(), np.full(8, 1e-3), ticks=8)
    request = motion.positions + motion.velocity
    verdict = check(gate(), request, motion, begins=True)
    assert verdict.clipped_by == ()
    np.testing.assert_array_equal(verdict.motion.positions, request)
    np.testing.assert_allclose(verdict.motion.velocity, request - motion.positions)


def test_limits_touched_exactly_are_no_clip(gate, contracts, watch):
    joint, dt = contracts['tabletop'].limits.joints['joint1'], 0.01
    g, oracle = gate(**FREE), watch(contracts['tabletop'])
    motion = Motion.at_rest(moved(0, -2.0))
    oracle.rest(motion.positions)
    top, most, jerk = joint.velocity * dt, joint.acceleration * dt**2, joint.jerk * dt**3
    ups, downs = round(most / jerk), 8  # acceleration to its limit, and back to none
    a = np.cumsum([*np.full(ups, jerk), *np.zeros(2), *np.full(downs, -most / downs)])
    v = np.cumsum(a)
    assert 0.5 * top < v[-1] < 0.9 * top
    on = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, 30))  # gently on, to full speed
    v = [*v, *(v[-1] + (top - v[-1]) * on), *np.full(20, top)]
    for speed in v:
        verdict = check(g, moved(0, speed, motion.positions), motion)
        assert verdict.clipped_by == ()
        motion = verdict.motion
        oracle.see(motion.positions)
    assert oracle.worst == pytest.approx([1.0, 1.0, 1.0], abs=1e-6)


def test_order_of_reasons(gate):
    strict = gate(dict.fromkeys(MODES, 'refuse'), tool_speed=1e-6)
    far = {'measured': Q + 1.0, 'age_ns': 10**9, 'begins': True}
    old = {'measured': Q + 1.0, 'age_ns': 10**9}
    nan = moved(0, np.nan)
    assert check(strict, nan[:5], **far).refused_by == 'not_finite'
    assert check(strict, Q[:5], **far).refused_by == 'wrong_width'
    assert check(strict, moved(0, 9.0), **far).refused_by == 'position'
    fast = moved(0, 0.03)
    assert check(strict, fast, **far).refused_by == 'first_step'
    assert check(strict, fast, **old).refused_by == 'velocity'
    quick = moved(0, 0.01)
    assert check(strict, quick, **old).refused_by == 'acceleration'
    sudden = moved(0, 0.0015)
    assert check(strict, sudden, **old).refused_by == 'jerk'
    little = moved(0, 2e-4)
    assert check(strict, little, **old).refused_by == 'tool_speed'
    boxed = gate(dict.fromkeys(MODES, 'refuse'), workspace=((5, 5, 5), (6, 6, 6)))
    found = [check(boxed, moved(0, sign * 2e-4), **old).refused_by for sign in (1, -1)]
    assert sorted(found) == ['stale_state', 'workspace']  # nearer to the box it may go
    assert check(strict, Q, **old).refused_by == 'stale_state'
    assert check(strict, Q, measured=Q + 1.0).refused_by == 'disagreement'
    assert check(strict, Q).refused_by is None


def test_several_clips_are_told_in_order(gate):
    verdict = check(gate(), moved(0, 9.0))
    assert verdict.clipped_by == ('position', 'velocity', 'acceleration', 'jerk')


def test_joint_states_from_the_future_are_as_useless_as_old_ones(gate):
    assert check(gate(), Q, age_ns=-(10**9)).refused_by == 'stale_state'
    assert check(gate(), Q, age_ns=-1000).refused_by is None


@pytest.mark.parametrize('measured', [moved(2, np.nan), moved(2, np.inf), Q[:3], np.float64(0.1)])
def test_what_is_measured_must_be_joints(gate, measured):
    every = {n: 'off' if 'off' in m else m[0] for n, m in MODES.items()}
    for g in (gate(), gate(every)):
        verdict = check(g, Q, measured=measured)
        assert verdict.refused_by in ('not_finite', 'wrong_width')
        assert 'measured' in verdict.detail


@pytest.mark.parametrize('value', [1e300, -1e300, 1.7e308, 5e-324])
def test_no_number_is_too_large_or_small(gate, value):
    with np.errstate(all='raise', under='ignore'):
        verdict = check(gate(), moved(4, value))
        every = {n: 'off' for n, m in MODES.items() if 'off' in m and n != 'position'}
        assert check(gate(every), moved(4, value)).refused_by is None
    assert verdict.refused_by is None
    assert bool(verdict.clipped_by) == (abs(value) > 1)


def test_a_robot_pushed_away_is_followed_where_its_first_step_is_clipped(gate):
    g, pushed = gate({'first_step': 'clip'}), moved(0, 0.25)
    motion, begins = Motion.at_rest(Q), True
    for _ in range(60):
        verdict = check(g, Q, motion, measured=pushed, begins=begins)
        assert verdict.refused_by is None
        assert verdict.clipped_by[0] == 'first_step'
        motion = verdict.motion
    assert abs(motion.positions[0] - pushed[0]) <= 0.15


def test_all_joints_or_none(gate):
    assert check(gate({'velocity': 'refuse'}), moved(1, 0.05)).motion is None


@pytest.mark.parametrize(
    ('modes', 'words'),
    [
        ({'velocty': 'clip'}, 'modes.velocty: one of not_finite'),
        ({'jerk': 'loud'}, "modes.jerk: one of clip, refuse, stop, off expected, got 'loud'"),
        ({'not_finite': 'off'}, 'modes.not_finite: one of refuse, stop expected'),
        ({'stale_state': 'clip'}, 'modes.stale_state'),
    ],
)
def test_unknown_checks_and_modes_are_refused(contracts, modes, words):
    with pytest.raises(SettingsError) as caught:
        Gate(contracts['tabletop'], modes)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


# -- limits, whatever is asked for ---------------------------------------------------------------

unit = st.lists(st.floats(0.0, 1.0), min_size=8, max_size=8)
special = st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 5e-324, 1e300, -1e300])


@st.composite
def wishes(draw):
    """Draw requests: wild ones, steps of any size, and the same again."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    out = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(['wild', 'steps', 'steps', 'far', 'stand', 'brake']))
        size = 10.0 ** rng.uniform(-6, 1)
        wish = rng.normal(size=8) * size
        if kind == 'wild':
            wish[rng.integers(8)] = draw(special)
        out.append((kind, wish, int(rng.integers(1, 30))))
    return out


@settings(max_examples=60, deadline=None)
@given(wishes(), unit)
def test_whatever_is_asked_for_what_is_sent_is_within_all_limits(contracts, watch, wishes, at):
    contract = contracts['tabletop']
    g, oracle = Gate(contract), watch(contract)
    lower, upper = g.limits.lower, g.limits.upper
    motion = Motion.at_rest(lower + np.array(at) * (upper - lower))
    oracle.rest(motion.positions)
    for kind, wish, ticks in wishes:
        for _ in range(ticks):
            request = wish if kind == 'far' else motion.positions + wish
            if kind == 'stand':
                request = motion.positions
            verdict = check(g, request, motion) if kind != 'brake' else None
            if verdict is None or verdict.motion is None:
                assert verdict is None or not np.isfinite(request).all()
                motion = g.brake(motion)
            else:
                motion = verdict.motion
            oracle.see(motion.positions)
    for _ in range(200):
        motion = g.brake(motion)
        oracle.see(motion.positions)
    assert motion.resting


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), after=st.integers(1, 60))
def test_a_stop_begun_at_any_moment_stays_in_the_workspace(gate_once, kinematics, seed, after):
    low, high = np.array(BOX[0]), np.array(BOX[1])
    rng, motion = np.random.default_rng(seed), Motion.at_rest(Q)
    for _ in range(3):
        direction = rng.normal(size=8) * 10.0 ** rng.uniform(-3, 0)
        for _ in range(after):
            verdict = check(gate_once, motion.positions + direction, motion)
            motion = verdict.motion or gate_once.brake(motion)
            tool = kinematics.tool_point(motion.positions)
            assert (tool >= low - 1e-8).all()
            assert (tool <= high + 1e-8).all()
    while not motion.resting:
        motion = gate_once.brake(motion)
        tool = kinematics.tool_point(motion.positions)
        assert (tool >= low - 1e-8).all()
        assert (tool <= high + 1e-8).all()


@pytest.fixture(scope='module')
def gate_once(gate):
    return gate()


def test_a_tool_outside_the_workspace_may_come_back_and_not_go_further(gate, kinematics):
    point = kinematics.tool_point(Q)
    box = (tuple(point + [0.05, -1, -1]), tuple(point + [1, 1, 1]))  # the tool is 5 cm short of it
    g, motion, seen = gate({'workspace': 'refuse'}, workspace=box), Motion.at_rest(Q), []
    for sign in (1.0, -1.0):
        verdict = check(g, moved(1, sign * 2e-4))
        x = kinematics.tool_point(moved(1, sign * 2e-4))[0]
        seen.append((x > point[0], verdict.refused_by))
    assert sorted(seen, key=str) == [(False, 'workspace'), (True, None)]
    assert motion.resting


def test_the_tool_is_never_faster_than_it_may(gate, kinematics):
    g, motion = gate(tool_speed=0.2), Motion.at_rest(Q)
    rng, fastest, clipped = np.random.default_rng(4), 0.0, 0
    for k in range(400):
        if k % 40 == 0:
            direction = rng.normal(size=8) * 0.01
        before = kinematics.tool_point(motion.positions)
        verdict = check(g, motion.positions + direction, motion)
        motion = verdict.motion or g.brake(motion)
        clipped += 'tool_speed' in verdict.clipped_by
        if verdict.motion is not None and not verdict.motion.stopping:
            step = np.linalg.norm(kinematics.tool_point(motion.positions) - before)
            fastest = max(fastest, step / 0.01)
    assert clipped > 20
    assert 0.12 < fastest < 0.2 + 1e-6


def test_without_kinematics_the_tool_is_not_checked(contracts):
    g = Gate(contracts['tabletop'], {'workspace': 'refuse', 'tool_speed': 'refuse'})
    assert check(g, moved(1, 1e-4)).refused_by is None


# -- taking over, braking ------------------------------------------------------------------------


def test_taking_over_at_speed_brakes_within_limits(contracts, watch):
    g, rng = Gate(contracts['tabletop']), np.random.default_rng(0)
    limits = g.limits
    for _ in range(40):
        q = rng.uniform(limits.lower, limits.upper)
        motion = g.take_over(q, rng.normal(size=8) * limits.velocity / 0.01)
        oracle = watch(contracts['tabletop'])
        np.testing.assert_array_equal(motion.positions, q)
        if not motion.resting:  # it moved before, as fast as it does now
            oracle.seen = [q - 2 * motion.velocity, q - motion.velocity]
        oracle.see(motion.positions)
        for _ in range(120):
            motion = g.brake(motion)
            oracle.see(motion.positions)
        assert motion.resting


def test_taking_over_outside_the_limits_only_near_them(contracts):
    g = Gate(contracts['tabletop'])
    motion = g.take_over(moved(0, 2.95 - Q[0]), np.zeros(8))
    assert motion.positions[0] == 2.9
    assert motion.resting
    assert g.take_over(moved(0, 3.2 - Q[0]), np.zeros(8)) is None


def test_a_stop_is_the_same_however_often_it_is_computed(gate, contracts):
    runs = []
    for _ in range(2):
        g = gate()
        motion, rows = at_speed(g, np.full(8, 2e-3), ticks=12), []
        while not motion.resting:
            motion = g.brake(motion)
            rows.append(motion.positions)
        runs.append(np.array(rows).tobytes())
    assert runs[0] == runs[1]


# -- other robots, other modes -------------------------------------------------------------------

ODD = {  # velocity, acceleration, jerk: each of them alone decides, or nothing much does
    'sluggish': (2.0, 1.0, 3.0),
    'jerky': (0.5, 50.0, 50.0),
    'quick': (5.0, 4000.0, 1e6),
    'creeping': (0.01, 10.0, 1000.0),
}


@pytest.mark.parametrize('kind', ODD)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_limits_of_any_proportion_are_kept(contracts, watch, kind, seed):
    contract, rng = contracts['jointed'], np.random.default_rng(seed)
    rates = dict(zip(('velocity', 'acceleration', 'jerk'), ODD[kind], strict=True))
    joints = {n: dataclasses.replace(j, **rates) for n, j in contract.limits.joints.items()}
    contract = dataclasses.replace(
        contract, limits=dataclasses.replace(contract.limits, joints=joints)
    )
    g, oracle, motion = Gate(contract), watch(contract), Motion.at_rest(np.zeros(7))
    oracle.rest(motion.positions)
    for _ in range(6):
        wish = rng.normal(size=7) * 10.0 ** rng.uniform(-3, 1)
        for _ in range(int(rng.integers(1, 40))):
            braking = rng.random() < 0.05
            verdict = check(g, motion.positions + wish, motion)
            motion = g.brake(motion) if braking else verdict.motion
            oracle.see(motion.positions)
    for _ in range(4000):
        motion = g.brake(motion)
        oracle.see(motion.positions)
        if motion.resting:
            break
    assert motion.resting


@pytest.mark.parametrize('off', ['position', 'velocity', 'acceleration', 'jerk'])
def test_what_is_switched_off_is_off_and_the_others_hold(contracts, watch, off):
    contract, rng = contracts['jointed'], np.random.default_rng(1)
    g, oracle, motion = Gate(contract, {off: 'off'}), watch(contract), Motion.at_rest(np.zeros(7))
    if off == 'position':
        oracle.lower[:], oracle.upper[:] = -np.inf, np.inf
    else:
        oracle.limits[('velocity', 'acceleration', 'jerk').index(off)][:] = np.inf
    oracle.rest(motion.positions)
    for _ in range(20):
        wish = rng.normal(size=7) * 10.0 ** rng.uniform(-2, 0)
        for _ in range(30):
            verdict = check(g, motion.positions + wish, motion)
            assert off not in verdict.clipped_by
            motion = verdict.motion
            oracle.see(motion.positions)
