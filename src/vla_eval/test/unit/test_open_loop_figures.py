"""Figures of an evaluation by bags, against sums that are done another way."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate
from scipy.spatial.transform import Rotation

from vla_core.chunk import ActionChunk
from vla_core.command import ChunkCounts, GateCounts
from vla_core.contract import Action, Group, load
from vla_core.latency import Latency
from vla_eval.core.openloop import (
    accuracy,
    compare,
    figures,
    page,
    report_json,
    smoothness,
)
from vla_eval.core.openloop.measured import measure
from vla_eval.core.openloop.paths import Geometry, JointPath, angles
from vla_eval.core.openloop.phases import PHASES, phases
from vla_eval.core.openloop.recorded import Epochs
from vla_eval.core.openloop.trace import Shift, Trace

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
GEOMETRY = Geometry(CONTRACT)
SECOND = 1_000_000_000
BEGIN_NS = 100 * SECOND
STEP_NS = SECOND // 10
REST = np.array([0.0, 0.2, 0.0, 1.6, 0.0, 1.2, 0.0, 0.04])
DOWN = np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])  # 6D of the identity


def path_of(joints) -> JointPath:
    """Return a path at 100 Hz of joints(seconds)."""
    seconds = np.arange(0.0, 4.0, 0.01)
    times = BEGIN_NS + (seconds * SECOND).round().astype(np.int64)
    return JointPath(times, np.stack([joints(s) for s in seconds]))


def tool_at(joints) -> tuple[np.ndarray, np.ndarray]:
    """Return point (3,) and rotation matrix of the tool, by MuJoCo alone."""
    import mujoco

    model = mujoco.MjModel.from_xml_path(str(CONTRACT.model.mjcf))
    data = mujoco.MjData(model)
    for name, value in zip(CONTRACT.output.joints, joints, strict=True):
        data.joint(name).qpos[0] = value
    mujoco.mj_kinematics(model, data)
    base = data.body(CONTRACT.model.base_link)
    R = base.xmat.reshape(3, 3)
    site = data.site(CONTRACT.model.tool)
    return R.T @ (site.xpos - base.xpos), R.T @ site.xmat.reshape(3, 3)


def chunk_at(start_ns: int, rows: np.ndarray, sequence: int = 1, epoch: int = 1) -> ActionChunk:
    return ActionChunk(
        t0_ns=start_ns + STEP_NS, step_ns=STEP_NS, observation_stamp_ns=start_ns,
        sequence=sequence, epoch=epoch, contract_digest=CONTRACT.digest,
        columns=CONTRACT.action.columns, actions=rows,
    )  # fmt: skip


def rows_of(path: JointPath, start_ns: int, horizon: int = 8, offset=(0, 0, 0), turn=None):
    """Return the rows that follow a path, moved by an offset and turned about the tool."""
    rows = []
    for k in range(1, horizon + 1):
        q = path.at(np.array([start_ns + k * STEP_NS]))[0]
        point, R = tool_at(q)
        R = R if turn is None else R @ turn
        rows.append([*(point + offset), *R[:, 0], *R[:, 1], float(q[-1] > 0.03)])
    return np.array(rows)


def moving(seconds: float) -> np.ndarray:
    joints = REST.copy()
    joints[0] += 0.3 * np.sin(seconds)
    joints[5] += 0.1 * seconds
    return joints


def trace_of(chunks, path, **changes) -> Trace:
    empty = JointPath(np.empty(0, np.int64), np.empty((0, 8)))
    values = {
        'name': 'bag', 'about': {}, 'begin_ns': BEGIN_NS, 'seconds': 4.0, 'offset_ns': 0,
        'words': ((BEGIN_NS, 'reach for the red block'),), 'chunks': tuple(chunks),
        'received_ns': tuple(c.observation_stamp_ns for c in chunks), 'observations': len(chunks),
        'refusals': Counter(), 'staleness_ms': {}, 'committed': 0, 'measured': path,
        'commanded': empty, 'recorded': (), 'recorded_ms': {}, 'dry': path, 'clipped': Counter(),
        'refused': Counter(), 'gate': GateCounts(), 'counts': ChunkCounts(len(chunks)),
        'stages_ms': {},
    }  # fmt: skip
    return Trace(**{**values, **changes})


def test_a_chunk_that_follows_what_was_executed_is_off_by_nothing():
    path = path_of(moving)
    start = BEGIN_NS + SECOND
    rows = accuracy.Rows([chunk_at(start, rows_of(path, start))], GEOMETRY)
    found = accuracy.against(rows, path, by_column=True)
    assert np.abs(found.position).max() < 2e-5  # linear between samples 10 ms apart
    assert np.abs(found.angle).max() < 2e-5
    assert not found.gripper.any()
    assert found.columns.shape == (1, 8, 10)
    assert np.abs(found.columns).max() < 2e-5


def test_an_offset_and_a_turn_are_found_where_they_are():
    path = path_of(moving)
    start = BEGIN_NS + SECOND
    turn = Rotation.from_rotvec([0.0, 0.0, 0.25]).as_matrix()
    rows = rows_of(path, start, offset=(0.01, 0.0, -0.02), turn=turn)
    rows[3:, -1] = 0.0  # told to close
    found = accuracy.against(accuracy.Rows([chunk_at(start, rows)], GEOMETRY), path, True)
    np.testing.assert_allclose(found.position, np.hypot(0.01, 0.02), atol=2e-5)
    np.testing.assert_allclose(found.angle, 0.25, atol=2e-5)
    np.testing.assert_array_equal(found.gripper[0], [0, 0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(found.columns[0, :, 0], 0.01, atol=2e-5)


def test_rows_beyond_what_was_executed_are_not_judged():
    path = path_of(moving)
    start = BEGIN_NS + round(3.5 * SECOND)
    found = accuracy.against(
        accuracy.Rows([chunk_at(start, rows_of(path, BEGIN_NS))], GEOMETRY), path
    )
    assert found.known[0].tolist() == [True] * 4 + [False] * 4


def test_rows_meant_for_when_other_words_were_in_force_are_not_judged():
    path = path_of(moving)
    start = BEGIN_NS + SECOND
    chunks = [
        chunk_at(start, rows_of(path, start)),
        chunk_at(start + SECOND, rows_of(path, start)),
    ]
    change = start + 4 * STEP_NS  # the row for that very moment is the next words' already
    words = ((BEGIN_NS, 'reach for the red block'), (change, ''), (change + STEP_NS, 'push'))
    found = measure(
        trace_of(chunks, path, words=words, recorded=tuple(chunks)), CONTRACT, GEOMETRY
    )
    for distance in (found.error, found.measured_error, found.recorded_error):
        assert distance.known[0].tolist() == [True] * 3 + [False] * 5
        assert distance.known[1].all()


def test_rotations_are_compared_as_rotations():
    rng = np.random.default_rng(1)
    for size in (1e-7, 1e-3, 1.0, 3.1):
        axis = rng.normal(size=(20, 3))
        axis *= size / np.linalg.norm(axis, axis=1, keepdims=True)
        a = Rotation.random(20, random_state=rng)
        b = a * Rotation.from_rotvec(axis)
        flips = rng.choice([-1.0, 1.0], size=(20, 1))
        found = angles(a.as_quat(scalar_first=True), flips * b.as_quat(scalar_first=True))
        np.testing.assert_allclose(found, size, rtol=1e-6)


def test_chunks_that_say_the_same_of_the_same_time_agree():
    path = path_of(moving)
    starts = [BEGIN_NS + k * STEP_NS for k in range(5, 9)]
    chunks = [chunk_at(s, rows_of(path, s), k) for k, s in enumerate(starts)]
    found = accuracy.successive(accuracy.Rows(chunks, GEOMETRY))
    assert np.isnan(found.position[0]).all()  # nothing came before
    assert np.isnan(found.position[1:, -1]).all()  # the last row lies beyond the chunk before
    assert np.nanmax(found.position) < 1e-9
    chunks[2] = chunk_at(starts[2], rows_of(path, starts[2], offset=(0.0, 0.03, 0.0)), 2)
    found = accuracy.successive(accuracy.Rows(chunks, GEOMETRY))
    np.testing.assert_allclose(found.position[2:, :-1], 0.03, atol=1e-9)
    chunks[2] = dataclasses.replace(chunks[2], epoch=2)
    found = accuracy.successive(accuracy.Rows(chunks, GEOMETRY))
    assert np.isnan(found.position[2:]).all()  # other words: nothing to agree about


def test_jerk_is_the_third_derivative():
    rate = 100.0
    t = np.arange(0, 2, 1 / rate)
    points = np.stack([0.1 * t**3, np.zeros_like(t), 0.02 * t**3], axis=1)
    assert smoothness.rms_jerk(points, rate) == pytest.approx(6 * np.hypot(0.1, 0.02), rel=1e-6)
    slow = np.stack([0.1 * np.sin(4 * t)], axis=1)
    noisy = slow + 3e-5 * np.random.default_rng(0).normal(size=slow.shape)
    middle = slice(30, -30)  # a filter rings at its ends
    want = np.sqrt(np.mean((0.1 * 64 * np.cos(4 * t[middle])) ** 2))
    found = smoothness.rms_jerk(smoothness.smoothed(noisy, rate)[middle], rate)
    assert found == pytest.approx(want, rel=0.35)
    assert smoothness.rms_jerk(noisy[middle], rate) > 10 * want


def test_what_lies_between_episodes_is_no_motion():
    """The same motion twice, the scene set up anew between: jerk and arc length of one."""
    seconds = np.arange(0.0, 1.5, 0.01)
    joints = np.stack([moving(4.0 * s) for s in seconds])
    times = BEGIN_NS + (seconds * SECOND).round().astype(np.int64)
    once = JointPath(times, joints)
    for pause_s in (0.05, 0.5):
        again_ns = round((1.5 + pause_s) * SECOND)
        twice = JointPath(np.append(times, times + again_ns), np.append(joints, joints, axis=0))
        words = (
            (BEGIN_NS, 'reach'),
            (times[-1] + SECOND // 100, ''),
            (BEGIN_NS + again_ns, 'push'),
        )
        one = measure(trace_of([], once), CONTRACT, GEOMETRY).motions['measured']
        two = measure(trace_of([], twice, words=words), CONTRACT, GEOMETRY).motions['measured']
        assert two.jerk == pytest.approx(one.jerk, rel=1e-6)
        assert two.arc_length == pytest.approx(one.arc_length, rel=1e-6)
        assert two.jerks_ns[-1] - two.jerks_ns[0] > again_ns
        still = np.isnan(two.points).any(axis=1).sum()
        assert still == pytest.approx(100 * pause_s, abs=3)


def arc_by_quadrature(duration: float) -> float:
    """Return the spectral arc length of v(t) = sin^2(pi t / T), its spectrum in closed form."""

    def spectrum(f):
        x = f * duration  # |V(f)| / V(0) of a Hann window
        return abs(np.sinc(x) / (1.0 - x * x)) if abs(x - 1.0) > 1e-9 else 0.5

    grid = np.arange(0.0, 10.0, 1e-4)
    values = np.array([spectrum(f) for f in grid])
    end = grid[np.flatnonzero(values >= 0.05)[-1]]

    def element(f):
        slope = (spectrum(f + 1e-6) - spectrum(f - 1e-6)) / 2e-6
        return np.hypot(1.0 / end, slope)

    return -integrate.quad(element, 1e-6, end - 1e-6, limit=200)[0]


@pytest.mark.parametrize('duration', [0.8, 2.0])
def test_the_spectral_arc_length_is_the_length_of_that_arc(duration):
    rate = 100.0
    t = np.arange(0.0, duration, 1 / rate)
    speed = np.sin(np.pi * t / duration) ** 2
    found = smoothness.arc_length(speed, rate)
    assert found == pytest.approx(arc_by_quadrature(duration), rel=0.02)
    assert smoothness.arc_length(7.0 * speed, rate) == pytest.approx(found)
    twice = np.concatenate([speed, speed])  # two movements for one
    assert smoothness.arc_length(twice, rate) < found - 0.3
    assert smoothness.arc_length(0.0 * speed, rate) is None


def test_phases_follow_the_fingers():
    def joints(seconds):
        opening = np.interp(seconds, [1.0, 1.4, 2.5, 2.8], [0.04, 0.02, 0.02, 0.04])
        return np.array([*REST[:-1], opening])

    times = BEGIN_NS + (np.array([0.5, 1.2, 2.0, 2.65, 3.5]) * SECOND).astype(np.int64)
    found = [PHASES[k] for k in phases(times, path_of(joints), GEOMETRY)]
    assert found == ['free', 'closing', 'holding', 'opening', 'free']


def test_figures_are_means_over_chunks():
    path = path_of(moving)
    starts = [BEGIN_NS + k * STEP_NS for k in (5, 20)]
    offsets = (0.01, 0.03)
    chunks = [
        chunk_at(s, rows_of(path, s, offset=(o, 0, 0)), k)
        for k, (s, o) in enumerate(zip(starts, offsets, strict=True))
    ]
    far = chunk_at(starts[0], rows_of(path, starts[0], offset=(0.11, 0, 0)), 0)
    shifts = {'no-vision': (Shift(chunks[0], far),)}
    run = measure(trace_of(chunks, path, shifts=shifts, recorded=(chunks[1],)), CONTRACT, GEOMETRY)
    found = figures.summary([run])
    assert found['reference'] == 'measured'
    assert [r['count'] for r in found['error']['by_row']] == [2] * 8
    for row in found['error']['by_row']:
        assert row['position_m'] == pytest.approx(0.02, abs=2e-5)
    assert found['error']['by_column']['tool.x'] == pytest.approx([0.02] * 8, abs=2e-5)
    assert found['sensitivity']['no-vision']['position_m']['mean'] == pytest.approx(0.1)
    assert found['recorded']['matched'] == found['recorded']['unchanged'] == 1
    assert found['recorded']['error']['mean']['position_m'] == pytest.approx(0.03, abs=2e-5)
    assert found['phases']['free']['chunks'] == 2
    json.dumps(found, allow_nan=False)


def offset_run(offsets) -> object:
    """Return a run whose chunk k is off by offsets[k], five chunks a second."""
    path = path_of(moving)
    starts = [BEGIN_NS + 2 * k * STEP_NS for k in range(len(offsets))]
    chunks = [
        chunk_at(s, rows_of(path, s, horizon=2, offset=(o, 0, 0)), k)
        for k, (s, o) in enumerate(zip(starts, offsets, strict=True))
    ]
    return measure(trace_of(chunks, path), CONTRACT, GEOMETRY)


def figure_of(comparison, name):
    return next(f for f in comparison['figures'] if f['name'] == name)


def test_two_policies_are_compared_by_the_second():
    rng = np.random.default_rng(2)
    hard = np.repeat([0.01, 0.05, 0.02, 0.04], 5)[:17]  # some seconds are harder, for both
    noise = rng.normal(0, 0.0003, (2, 17))
    first, second = offset_run(hard + noise[0]), offset_run(hard + 0.004 + noise[1])
    found = compare.policies([first], [second], ('one', 'two'), 7)
    error = figure_of(found, 'error, m')
    assert error['units'] == 4
    assert error['difference'] == pytest.approx(0.004, abs=3e-4)
    low, high = error['ci95']
    assert 0.003 < low < error['difference'] < high < 0.005  # pairs: what is hard cancels
    apart = figure_of(compare.bags(first, second, 7), 'error, m')
    assert apart['ci95'][0] < 0.0 < apart['ci95'][1]  # without pairs it does not
    assert compare.policies([first], [second], ('one', 'two'), 7) == found
    same = figure_of(compare.policies([first], [first], ('one', 'one'), 7), 'error, m')
    assert (same['difference'], same['ci95']) == (0.0, None)


def test_a_run_that_begins_anew_with_the_same_words_is_another_epoch():
    epochs = Epochs()
    epochs.words()
    assert not epochs.begins(2)  # the words' own
    assert epochs.in_force(plan_of(2))
    assert not epochs.begins(2)
    assert epochs.begins(3)
    assert not epochs.in_force(plan_of(2))  # told late, of what is over
    assert epochs.in_force(plan_of(3))
    epochs.words()
    assert not epochs.in_force(plan_of(3))
    assert not epochs.begins(4)


def plan_of(epoch: int) -> ActionChunk:
    return chunk_at(BEGIN_NS, np.array([[0.4, 0.0, 0.2, *DOWN, 1.0]]), epoch=epoch)


def test_a_robot_that_is_told_joints_has_errors_of_joints():
    names = CONTRACT.output.joints[:-1]
    arm = Group('arm', 'joint_position', names)
    gripper = CONTRACT.action.groups[1]
    contract = dataclasses.replace(CONTRACT, action=Action((arm, gripper)))
    geometry, path = Geometry(contract), path_of(moving)
    start = BEGIN_NS + SECOND
    times = start + STEP_NS * np.arange(1, 7)
    rows = path.at(times)
    rows[:, -1] = 1.0
    rows[:, 2] += 0.04
    chunk = ActionChunk(
        t0_ns=int(times[0]), step_ns=STEP_NS, observation_stamp_ns=start, sequence=1, epoch=1,
        contract_digest=contract.digest, columns=contract.action.columns, actions=rows,
    )  # fmt: skip
    run = measure(trace_of([chunk], path), contract, geometry)
    found = figures.summary([run])
    assert found['error']['mean']['position_m'] is None
    assert found['error']['mean']['joints'] == pytest.approx(0.04)
    assert found['error']['by_column'][names[2]] == pytest.approx([0.04] * 6)
    assert found['error']['by_column'][names[0]] == pytest.approx([0.0] * 6, abs=1e-9)
    assert [row['count'] for row in found['error']['by_row']] == [1] * 6
    assert found['smoothness']['executed']['jerk'] > 0.0  # of the tool, by the model
    values = report_json.build(
        [run], policy='mine', strategy='sync', ablate='', latency=Latency(), clock='virtual',
        provenance={'seed': 1}, wall={},
    )  # fmt: skip
    assert '0.0400' in page.build(values, [run], 100.0)
