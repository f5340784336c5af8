"""The tool's speed and box: the shortcut never says more than forward kinematics would."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_control.core.stop import table
from vla_control.core.tool import ToolLimits

EVERYWHERE = (np.full(3, -np.inf), np.full(3, np.inf))


def two_links(q):
    """Tool of a planar arm with links of 0.5 m on a slide."""
    a, b = q[0], q[0] + q[1]
    return np.array([0.5 * (np.cos(a) + np.cos(b)), 0.5 * (np.sin(a) + np.sin(b)), q[2]])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_found_is_what_forward_kinematics_says(seed):
    rng = np.random.default_rng(seed)
    start = rng.uniform(-2, 2, 3)
    velocity = rng.normal(size=3) * 10.0 ** rng.uniform(-4, -1)
    sent = start + velocity
    stop = sent + table(int(rng.integers(2, 40))).travel @ np.stack([velocity, 0.1 * velocity])
    points = np.array([two_links(q) for q in (start, sent, *stop)])
    speeds = np.linalg.norm(np.diff(points, axis=0), axis=1)
    step = speeds.max() * rng.choice([0.5, 0.999, 1.001, 3.0])
    middle = points.mean(0)
    half = np.abs(points - middle).max(0) * rng.choice([0.9, 0.9999, 1.0001, 2.0], 3) + 1e-12
    box = (middle - half, middle + half)
    tool = ToolLimits(two_links, step, box, 0.01, 2.0)
    found = tool.find(start, sent, stop)
    outside = np.maximum(box[0] - points, points - box[1]).max(1)
    right = speeds.max() <= step and outside[1:].max() <= max(outside[0], 0.0)
    assert (found is None) == right
    if found is not None and outside.max() <= 0.0:
        assert found[0] == 'tool_speed'
    elif found is not None and speeds.max() <= step:
        assert found[0] == 'workspace'


def test_far_from_walls_and_slow_it_asks_for_little():
    asked = []

    def forward(q):
        asked.append(q)
        return two_links(q)

    tool, q = (
        ToolLimits(forward, 0.02, (np.full(3, -9.0), np.full(3, 9.0)), 0.01, 2.0),
        np.zeros(3),
    )
    velocity = np.full(3, 1e-4)
    for _ in range(100):
        after = q + velocity
        stop = after + table(20).travel @ np.stack([velocity, np.zeros(3)])
        assert tool.find(q, after, stop) is None
        q = after
    assert len(asked) < 120


def test_standing_is_allowed_anywhere():
    tool = ToolLimits(two_links, 1e-9, (np.full(3, 5.0), np.full(3, 6.0)), 0.01, 2.0)
    q = np.zeros(3)
    assert tool.find(q, q.copy(), np.empty((0, 3))) is None
    assert tool.find(q, q + 0.1, np.empty((0, 3))) is not None


@pytest.mark.parametrize('factor', [1.0, 0.5])
def test_a_stop_may_be_as_fast_as_it_is_already(factor):
    q, velocity = np.zeros(3), np.array([0.01, 0.0, 0.0])
    stop = q + table(10).travel @ np.stack([velocity, np.zeros(3)])
    tool = ToolLimits(two_links, 1e-6, EVERYWHERE, 0.01, 2.0)
    assert tool.allows_stop(q - factor * velocity, q, stop) == (factor == 1.0)
