"""Whatever chunks come: commands stay within limits, and every hold has a reason that is true.

The oracle works on the commands alone, with the numbers of the contract, and keeps its own books
of which chunks were let in.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vla_control.core.errors import ChunkRefused

DRAWN = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
MANY = settings(DRAWN, max_examples=25)  # where the robot is told joints, and a tick is cheap
FEW = settings(DRAWN, max_examples=4)
VALUES = st.one_of(
    st.floats(-0.2, 0.2),
    st.floats(-4.0, 4.0),
    st.sampled_from([0.0, -0.0, 5e-324, 1e-200, 1e6, 1e7, 1e300, np.nan, np.inf, -np.inf]),
)


@st.composite
def adversary(draw):
    """One thing that happens before a tick."""
    kind = draw(
        st.sampled_from(
            ['near'] * 6 + ['wild'] * 4
            + ['again', 'late', 'early', 'old_epoch', 'other_digest', 'narrow', 'one_ns_step',
               'ten_s_step', 'stale', 'stop', 'clear', 'words', 'no_words', 'reset', 'jump']
        )
    )  # fmt: skip
    ticks = draw(st.integers(1, 25))
    seed = draw(st.integers(0, 2**32 - 1))
    values = draw(st.lists(VALUES, min_size=1, max_size=12)) if kind == 'wild' else []
    return kind, ticks, seed, values


def happen(rig, kind, seed, values, last):
    """Do it; return a chunk that was let in, None otherwise."""
    rng = np.random.default_rng(seed)
    rows = rig.glide(speed=rng.uniform(-0.3, 0.3, 3), gripper=float(rng.integers(2)),
                     horizon=int(rng.integers(1, 20)))  # fmt: skip
    changes = {}
    match kind:
        case 'wild':
            for value in values:
                rows[rng.integers(len(rows)), rng.integers(rows.shape[1])] = value
        case 'again':
            changes = {'observation_stamp_ns': last.observation_stamp_ns, 't0_ns': last.t0_ns}
        case 'late':
            changes = {'t0_ns': rig.now_ns - int(rng.integers(20)) * rig.step_ns}
        case 'early':
            changes = {'t0_ns': rig.now_ns + int(rng.integers(3 * 10**9))}
        case 'old_epoch':
            changes = {'epoch': rig.epoch - 1}
        case 'other_digest':
            changes = {'contract_digest': 'other'}
        case 'narrow':
            rows, changes = rows[:, 1:], {'columns': rig.contract.action.columns[1:]}
        case 'one_ns_step':
            changes = {'step_ns': 1}
        case 'ten_s_step':
            changes = {'step_ns': 10 * 10**9}
        case 'stop':
            rig.core.stop('stop', rig.now_ns)
            return None
        case 'words' | 'no_words':
            rig.instruct('' if kind == 'no_words' else f'words {seed}')
            return None
        case 'reset':
            rig.epoch = rig.core.reset(rig.now_ns)
            return None
        case 'jump':
            rig.now_ns += int(rng.integers(-(10**9), 10**9))
            return None
        case 'stale' | 'clear':
            return None
    chunk = rig.chunk(rows, **changes)
    rig.core.accept(chunk, rig.now_ns)
    return chunk


class Books:
    """What must hold of each command beside the limits."""

    def __init__(self, rig, watch):
        self.rig, self.limits, self.before = rig, watch(rig.contract), None

    def restart(self):
        """What comes next starts from where the robot is measured."""
        self.limits.restart()

    def see(self, command):
        self.limits.see(command.positions)
        moving = bool(command.sources)
        assert moving == bool(command.weights)
        if moving:
            assert sum(command.weights) == pytest.approx(1.0)
            assert not command.hold_reason
            assert not command.stop_reason
        else:
            assert command.hold_reason or command.stop_reason, 'a hold without a reason'
        if len(self.limits.seen) > 1:
            step = np.diff(self.limits.seen[-2:], axis=0)[0]
            np.testing.assert_allclose(
                command.velocities, step / (self.rig.tick_ns / 1e9), atol=1e-9
            )
        self.before = command


def attack(rig, watch, events):
    """Run all events, each followed by ticks, and hold every command against the oracle."""
    oracle = Books(rig, watch)
    rig.measure()
    rig.instruct()
    last = rig.send(rig.glide())
    let_in = [last]
    for kind, ticks, seed, values in events:
        if kind == 'clear':
            if not rig.sent or not rig.sent[-1].velocities.any():
                rig.core.clear(rig.now_ns)
                let_in = []
        elif kind in ('words', 'no_words', 'reset', 'jump'):
            before = rig.now_ns
            happen(rig, kind, seed, values, last)
            let_in = [] if kind != 'jump' or rig.now_ns < before else let_in
            if kind == 'reset' or rig.now_ns - before > 180_000_000:  # beyond the watchdog
                oracle.restart()
        else:
            try:
                chunk = happen(rig, kind, seed, values, last)
                let_in += [chunk] if chunk else []
                last = chunk or last
            except ChunkRefused as refusal:
                known = refusal.reason in ('idle', 'short_horizon')
                assert kind != 'near' or known or last in let_in
        rig.measuring = kind != 'stale'
        for k in range(ticks):
            sent = len(rig.sent)
            command = rig.tick()
            if kind == 'jump' and k == 0 and 0 <= rig.now_ns - before < rig.tick_ns:
                assert command is None, 'sooner than one tick after the one before'
                continue
            if command is None:
                oracle.restart()  # it was let go: what comes next starts where it is measured
                assert len(rig.sent) == sent
                assert rig.status().instruction == '' or rig.status().hold_reason or not rig.sent
                continue
            oracle.see(command)
            if command.hold_reason == 'silence':
                in_force = any(c.end_ns > rig.now_ns for c in let_in)
                in_force &= rig.status().strategy != 'sync'  # that one waits for a new picture
                assert not in_force or not rig.measuring or kind == 'jump'
    rig.core.plan(rig.now_ns)
    status = rig.status()
    assert status.gate.ticks >= status.gate.holds + status.gate.refused
    assert status.chunks.received >= status.chunks.refused + status.chunks.expired


OVERLAPPING = ['receding_horizon', 'temporal_ensemble', 'async', 'rtc']
EACH = pytest.mark.parametrize('strategy', [*OVERLAPPING, 'sync'])
STRATEGIES = pytest.mark.parametrize('strategy', OVERLAPPING)


@EACH
@MANY
@given(events=st.lists(adversary(), min_size=1, max_size=14))
def test_no_chunk_gets_past_the_limits_of_a_robot_told_joints(jointed, watch, strategy, events):
    attack(jointed(strategy=strategy), watch, events)


@EACH
@FEW
@given(events=st.lists(adversary(), min_size=1, max_size=8))
def test_no_chunk_gets_past_the_limits(any_rig, watch, strategy, events):
    attack(any_rig(strategy=strategy), watch, events)


@STRATEGIES
@FEW
@given(
    seed=st.integers(0, 2**32 - 1),
    delays=st.lists(st.integers(0, 12), min_size=12, max_size=12),
)
def test_smooth_chunks_with_any_delay_are_followed_without_a_clip_or_a_hold(
    any_rig, strategy, seed, delays
):
    rig = any_rig(strategy=strategy)
    for name, value in rig.contract.model.posture.items():  # elsewhere, it is pulled there
        rig.joints[rig.contract.output.joints.index(name)] = value
    rig.measure()
    rig.instruct()
    start, began = rig.joints.copy(), rig.now_ns
    reach = np.random.default_rng(seed).uniform(-0.03, 0.03, 3)

    def rows():
        times = (rig.now_ns - began + rig.step_ns * np.arange(1, 17)) / 1e9
        return np.stack([rig.row(start, reach * np.sin(t)) for t in times])

    waiting, per_row = [], rig.step_ns // rig.tick_ns
    for k in range(len(delays) * per_row):
        if k % per_row == 0:
            waiting.append((k + delays[k // per_row], rig.chunk(rows())))
        for _, chunk in [w for w in waiting if w[0] == k]:
            rig.core.accept(chunk, rig.now_ns)
        rig.tick()
    status = rig.status()
    assert status.gate.clipped == status.gate.refused == status.gate.holds == 0
    assert status.chunks.refused == 0


@MANY
@given(jitter=st.lists(st.integers(0, 15_000_000), min_size=60, max_size=60))
def test_uneven_ticks_keep_the_limits_of_even_ones(jointed, watch, jitter):
    rig = jointed()
    oracle = Books(rig, watch)
    rig.measure()
    rig.instruct()
    rows = rig.glide(speed=(0.0, 0.0, 0.0))
    rows[2:, 1:4] += 1.0
    rig.send(rows)
    for extra in jitter:
        rig.now_ns += extra
        oracle.see(rig.tick())
