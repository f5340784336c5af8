"""The transform tree against motions that are known at every moment."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_core.se3 import SE3
from vla_core.timing import MS, SECOND
from vla_perception.core.errors import (
    PerceptionError,
    TransformGap,
    TransformMissing,
    TransformTooOld,
)
from vla_perception.core.frames import EDGE_LIMIT, SAMPLE_LIMIT, FrameBuffer
from vla_perception.core.streams import BACK_AFTER

T0 = 5 * SECOND


class Motion:
    """Constant turning and sliding: the pose at any time is exact, with no interpolation."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.start = SE3.exp(rng.normal(size=6))
        self.omega, self.v = rng.normal(size=3), rng.normal(size=3)

    def at(self, ns):
        s = (ns - T0) / SECOND
        turned = self.start.R @ SE3.exp(np.r_[np.zeros(3), self.omega * s]).R
        return SE3(turned, self.start.t + self.v * s)


def close(a, b, atol=1e-9):
    np.testing.assert_allclose(a.matrix, b.matrix, atol=atol)


def moving(parents, every_ms=10, until_ms=200, tolerance_ms=50):
    """A buffer with one moving edge per (parent, child)."""
    buffer, motions = FrameBuffer(tolerance_ms * MS), {}
    for seed, (parent, child) in enumerate(parents):
        motions[child] = Motion(seed)
        for ns in range(T0, T0 + until_ms * MS + 1, every_ms * MS):
            buffer.add(parent, child, ns, motions[child].at(ns))
    return buffer, motions


@given(st.integers(0, 200 * MS))
def test_between_stamps_the_pose_lies_on_the_motion(offset):
    buffer, motions = moving([('base', 'tool')], every_ms=40)
    close(buffer.lookup('base', 'tool', T0 + offset), motions['tool'].at(T0 + offset))


TREE = [('base', 'a'), ('a', 'b'), ('b', 'tool'), ('a', 'c'), ('c', 'camera')]


@pytest.mark.parametrize('offset_ms', [0, 33.3, 110, 200])
@pytest.mark.parametrize(
    ('target', 'source', 'up', 'down'),
    [
        ('base', 'tool', '', 'a b tool'),
        ('tool', 'base', 'a b tool', ''),
        ('b', 'camera', 'b', 'c camera'),
        ('camera', 'tool', 'c camera', 'b tool'),
        ('a', 'tool', '', 'b tool'),
    ],
)
def test_chains_multiply_along_the_tree(target, source, up, down, offset_ms):
    buffer, motions = moving(TREE)
    ns = T0 + round(offset_ms * MS)
    wanted = SE3()
    for child in reversed(up.split()):
        wanted = wanted @ motions[child].at(ns).inverse()
    for child in down.split():
        wanted = wanted @ motions[child].at(ns)
    close(buffer.lookup(target, source, ns), wanted)
    close(buffer.lookup(source, target, ns), wanted.inverse())


def test_a_static_transform_holds_at_all_times_and_outlives_a_clear():
    buffer, motions = moving([('base', 'tool')])
    T = SE3.exp(np.arange(6) * 0.1)
    buffer.add('tool', 'camera', 0, T, static=True)
    assert buffer.known_until('tool', 'camera') is None
    close(buffer.lookup('base', 'camera', T0 + 7 * MS), motions['tool'].at(T0 + 7 * MS) @ T)
    buffer.clear('test')
    assert buffer.cleared == 'test'
    close(buffer.lookup('tool', 'camera', 1), T)
    with pytest.raises(TransformMissing, match='nothing has come of base -> tool'):
        buffer.lookup('base', 'camera', T0)


def test_out_of_order_transforms_are_put_in_their_place():
    motion, buffer = Motion(1), FrameBuffer(50 * MS)
    for ms in (0, 40, 20, 80, 60):
        buffer.add('base', 'tool', T0 + ms * MS, motion.at(T0 + ms * MS))
    for ms in (10, 30, 70):
        close(buffer.lookup('base', 'tool', T0 + ms * MS), motion.at(T0 + ms * MS))


def test_beside_the_ends_the_last_reading_is_given_up_to_the_tolerance():
    buffer, motions = moving([('base', 'tool')], until_ms=100)
    end = T0 + 100 * MS
    close(buffer.lookup('base', 'tool', end + 50 * MS), motions['tool'].at(end))
    close(buffer.lookup('base', 'tool', T0 - 50 * MS), motions['tool'].at(T0))
    with pytest.raises(TransformTooOld, match='base -> tool is 51 ms older') as caught:
        buffer.lookup('base', 'tool', end + 51 * MS)
    assert (caught.value.age_ns, caught.value.limit_ns) == (51 * MS, 50 * MS)
    assert (caught.value.target, caught.value.source) == ('base', 'tool')
    with pytest.raises(TransformGap, match='51 ms away') as caught:
        buffer.lookup('base', 'tool', T0 - 51 * MS)
    assert caught.value.gap_ns == 51 * MS


def test_a_hole_is_not_bridged():
    buffer = FrameBuffer(50 * MS)
    for ms in (0, 300):
        buffer.add('base', 'tool', T0 + ms * MS, SE3())
    buffer.lookup('base', 'tool', T0 + 260 * MS)
    with pytest.raises(TransformGap):
        buffer.lookup('base', 'tool', T0 + 150 * MS)


def test_known_until_is_the_oldest_of_the_newest():
    buffer, motions = moving([('base', 'a'), ('a', 'tool')])
    buffer.add('base', 'a', T0 + 300 * MS, motions['a'].at(T0))
    assert buffer.known_until('base', 'tool') == T0 + 200 * MS


@pytest.mark.parametrize(
    ('target', 'source', 'words'),
    [
        ('base', 'nobody', "nothing has come of frame 'nobody'"),
        ('nobody', 'base', "nothing has come of frame 'nobody'"),
        ('base', 'island', 'base is under base, island under sea'),
    ],
)
def test_frames_that_are_not_connected_are_refused(target, source, words):
    buffer, _ = moving([('base', 'tool'), ('sea', 'island')])
    with pytest.raises(TransformMissing, match=words):
        buffer.lookup(target, source, T0)


def test_a_loop_is_refused():
    buffer, _ = moving([('a', 'b'), ('b', 'c'), ('c', 'a')])
    with pytest.raises(TransformMissing, match='loop'):
        buffer.lookup('base', 'b', T0)


def test_a_child_that_gets_another_parent_leaves_its_history():
    buffer, _ = moving([('base', 'tool')])
    buffer.add('base', 'other', T0, SE3(), static=True)
    buffer.lookup('base', 'tool', T0)
    T = SE3.exp(np.full(6, 0.2))
    buffer.add('other', 'tool', T0 + 200 * MS, T)
    close(buffer.lookup('base', 'tool', T0 + 200 * MS), T)
    with pytest.raises(TransformGap):
        buffer.lookup('base', 'tool', T0)


def test_stamps_that_go_back_begin_anew_and_say_so():
    buffer, motions = moving([('base', 'tool')])
    early = T0 - 4 * SECOND
    for i in range(BACK_AFTER):
        assert buffer.cleared == ''
        buffer.add('base', 'tool', early + i * MS, motions['tool'].at(early + i * MS))
    assert buffer.cleared == 'base -> tool: its stamps went back'
    ns = early + (BACK_AFTER - 1) * MS
    close(buffer.lookup('base', 'tool', ns), motions['tool'].at(ns))


@pytest.mark.parametrize(
    ('parent', 'child', 'stamp_ns'), [('', 'a', 1), ('a', '', 1), ('a', '/a', 1), ('a', 'b', 0)]
)
def test_what_names_no_transform_is_refused(parent, child, stamp_ns):
    with pytest.raises(PerceptionError, match=r'^tf: '):
        FrameBuffer(MS).add(parent, child, stamp_ns, SE3())


def test_a_leading_slash_is_no_other_frame():
    buffer = FrameBuffer(MS)
    buffer.add('/base', '/tool', 0, SE3(), static=True)
    close(buffer.lookup('base', 'tool', T0), SE3())


def test_memory_is_bounded():
    buffer = FrameBuffer(MS, keep_ns=10**12)
    for i in range(SAMPLE_LIMIT + 1):
        buffer.add('base', 'tool', T0 + i * 10 * MS, SE3())
    with pytest.raises(TransformGap):
        buffer.lookup('base', 'tool', T0)
    for i in range(EDGE_LIMIT - 1):
        buffer.add('base', f'f{i}', 0, SE3(), static=True)
    with pytest.raises(PerceptionError, match="'one_more' refused"):
        buffer.add('base', 'one_more', 0, SE3(), static=True)
