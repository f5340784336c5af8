"""What overlapping chunks predict, against straight lines."""

import numpy as np
import pytest

from vla_control.core.spread import NEWEST, spread


def positions(points):
    return points.linear[:-1, :3]


def line(track, observed, velocity, rows=6):
    """A chunk that goes straight; its row k is meant for observed + 100 (k + 1)."""
    k = np.arange(1, rows + 1)[:, None]
    return track(observed, np.array([1.0, 0.0, 0.0]) * observed + k * 100 * np.array(velocity))


def test_positions_at_one_time_are_those_of_every_chunk_that_covers_it(track):
    speeds = [(1.0, 0.0, 0.0), (1.0, 0.5, 0.0), (1.0, 0.0, -0.2)]
    seen = [0, 230, 430]  # rows at 100..600, 330..830, 530..1030
    tracks = tuple(line(track, s, v) for s, v in zip(seen, speeds, strict=True))
    times, found = spread(tracks, 500, positions)
    wanted = []
    for observed, velocity in zip(seen, speeds, strict=True):
        for t in range(530, 1031, 100):  # rows of the newest
            covering = [s for s in seen if s + 100 <= t <= s + 600]
            if observed in covering and len(covering) > 1:
                position = np.array([observed, 0, 0]) + (t - observed) * np.array(velocity)
                wanted.append((t, *position))
    assert times.tolist() == [w[0] for w in wanted]
    np.testing.assert_allclose(found, [w[1:] for w in wanted], atol=1e-9)
    assert (times == 530).sum() == 3
    assert times.max() == 830


def test_one_chunk_has_no_spread(track):
    for tracks in ((), (line(track, 0, (1, 0, 0)),)):
        times, found = spread(tracks, 0, positions)
        assert (times.shape, found.shape) == ((0,), (0, 3))


def test_chunks_that_do_not_meet_have_none(track):
    times, _ = spread((line(track, 0, (1, 0, 0)), line(track, 600, (1, 0, 0))), 0, positions)
    assert not len(times)


def test_old_chunks_are_left_out(track):
    tracks = tuple(line(track, s, (1, 0, 0), 40) for s in range(0, 2000, 100))
    times, _ = spread(tracks, 2500, positions)
    assert (times == 2600).sum() == NEWEST


@pytest.mark.parametrize(('now', 'left'), [(600, {600}), (601, set())])
def test_times_that_have_passed_are_left_out(track, now, left):
    tracks = line(track, 0, (1, 0, 0)), line(track, 100, (1, 0, 0))
    assert set(spread(tracks, now, positions)[0]) == left


# ---- in the executor


def test_the_executors_spread_is_what_the_chunks_say(any_rig):
    rig = any_rig()
    rig.measure()
    rig.instruct()
    chunks = []
    for speed in ((0.0, 0.0, -0.05), (0.0, 0.02, -0.05)):
        chunks.append(rig.send(rig.glide(speed)))
        rig.tick(rig.step_ns // rig.tick_ns)
    times, found = rig.core.spread(rig.now_ns)
    first, second = (rig.core.tool_path(c) for c in chunks)
    first_ns, second_ns = ([c.row_ns(k) for k in range(c.horizon)] for c in chunks)
    shared = [t for t in second_ns if t in first_ns and t >= rig.now_ns]
    assert times.tolist() == shared * 2
    wanted = [first[first_ns.index(t)] for t in shared]
    wanted += [second[second_ns.index(t)] for t in shared]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.linalg.norm(found[len(shared) - 1] - found[-1]) > 0.002


def test_a_robot_that_is_stopped_has_no_spread(rig):
    rig = rig()
    rig.measure()
    rig.instruct()
    for _ in range(2):
        rig.send(rig.glide())
        rig.tick(5)
    assert len(rig.core.spread(rig.now_ns)[0])
    rig.core.stop('requested', rig.now_ns)
    rig.tick(100)
    assert not len(rig.core.spread(rig.now_ns)[0])
