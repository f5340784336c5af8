"""Rows and way-points: there and back for each kind of group, and what is not executed."""

import dataclasses
import math

import numpy as np
import pytest

from vla_control.core.errors import ChunkRefused, SettingsError
from vla_control.core.rows import RowLayout
from vla_control.core.waypoints import Waypoint, Waypoints
from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.contract.action import Action, Group


def with_groups(contract, *groups):
    return dataclasses.replace(contract, action=Action(groups))


@pytest.mark.parametrize('rotation', ['6d', 'quaternion', 'axis_angle'])
def test_rows_survive_there_and_back(contracts, rotation):
    contract = contracts['tabletop']
    tool, gripper = contract.action.groups
    tool = dataclasses.replace(tool, rotation=rotation)
    contract = with_groups(contract, gripper, tool)
    layout, rng = RowLayout(contract), np.random.default_rng(0)
    q = rng.normal(size=(5, 4))
    q /= np.linalg.norm(q, axis=1)[:, None]
    points = Waypoints(np.arange(5), rng.normal(size=(5, 3)), q, rng.uniform(size=(5, 1)))
    rows = layout.actions(points)
    assert rows.shape == (5, len(contract.action.columns))
    np.testing.assert_array_equal(rows[:, 0], points.gripper[:, 0])
    chunk = ActionChunk(1000, 10, 900, 1, 1, contract.digest, contract.action.columns, rows)
    back = layout.waypoints(chunk)
    np.testing.assert_allclose(back.linear[:5], points.linear)
    for got, want in zip(back.quaternion, q, strict=False):
        np.testing.assert_allclose(
            rotations.from_quaternion(got), rotations.from_quaternion(want), atol=1e-9
        )
    assert back.times_ns.tolist() == [1000, 1010, 1020, 1030, 1040, 1050]
    np.testing.assert_array_equal(back.linear[5], back.linear[4])  # the end holds the last row


def test_joint_rows_keep_the_order_of_columns_and_outputs(contracts):
    layout = RowLayout(contracts['jointed'])
    positions = np.arange(7.0)  # a..f, jaw
    point = layout.waypoint(None, positions, np.array([0.25]))
    row = layout.actions(Waypoints.single(0, point))[0]
    np.testing.assert_array_equal(row, [0.25, 0, 1, 2, 3, 4, 5])  # grip, a..f
    np.testing.assert_array_equal(layout.joints(point), positions[layout.joint_outputs])


@pytest.mark.parametrize(
    ('bad', 'reason'),
    [
        ({0: np.nan}, 'not_finite'),
        ({9: np.inf}, 'not_finite'),
        ({2: 1e300}, 'not_finite'),
        ({3: 0.0, 4: 0.0, 5: 0.0}, 'not_a_rotation'),
    ],
)
def test_rows_that_mean_nothing_are_refused(rig, bad, reason):
    rig = rig()
    rows = rig.glide()
    for column, value in bad.items():
        rows[5, column] = value
    with pytest.raises(ChunkRefused) as caught:
        rig.layout.waypoints(rig.chunk(rows))
    assert caught.value.reason == reason
    if reason == 'not_finite':
        assert 'row 5' in caught.value.detail


def test_what_is_not_executed_is_refused_in_one_line(contracts):
    tabletop, jointed = contracts['tabletop'], contracts['jointed']
    tool, gripper = tabletop.action.groups
    cases = [
        (with_groups(tabletop, Group('tool', 'tool_delta', (), 'base_link', '6d', 'previous'),
                     gripper), 'tool_delta'),
        (with_groups(tabletop, dataclasses.replace(tool, rotation='euler'), gripper), 'euler'),
        (with_groups(tabletop, dataclasses.replace(tool, frame='tool'), gripper), 'base_link'),
        (with_groups(tabletop, tool, dataclasses.replace(tool, name='two'), gripper), 'two'),
        (with_groups(tabletop, gripper), 'joint1, joint2'),
        (with_groups(jointed, *jointed.action.groups, dataclasses.replace(tool, frame='pedestal')),
         'none'),
        (with_groups(jointed, *jointed.action.groups,
                     Group('again', 'joint_position', ('a',))), 'one group only'),
    ]  # fmt: skip
    for contract, word in cases:
        with pytest.raises(SettingsError, match='action.groups') as caught:
            RowLayout(contract)
        assert word in str(caught.value)
        assert '\n' not in str(caught.value)


def test_sampling_is_linear_between_and_held_outside():
    points = Waypoints(
        np.array([10, 20, 40]),
        np.array([[0.0], [1.0], [5.0]]),
        np.tile([1.0, 0, 0, 0], (3, 1)),
        np.zeros((3, 0)),
    )
    got = points.sample(np.array([0, 10, 15, 20, 30, 40, 99]))
    np.testing.assert_allclose(got.linear[:, 0], [0, 0, 0.5, 1, 3, 5, 5])
    assert isinstance(got[4], Waypoint)


def test_endless_joints_go_the_shorter_way_round_from_row_to_row(contracts):
    contract = contracts['endless']
    layout, rows = RowLayout(contract), np.zeros((4, 7))
    rows[:, 1] = [3.0, -3.0, -2.5, 3.0]  # a, which turns without end
    rows[:, 2] = [1.0, -1.0, 1.0, 0.0]  # b, which does not
    chunk = ActionChunk(1000, 10, 900, 1, 1, contract.digest, contract.action.columns, rows)
    linear = layout.waypoints(chunk).linear
    assert layout.angles == (0, 5)
    np.testing.assert_allclose(linear[:4, 0], [3.0, math.tau - 3.0, math.tau - 2.5, 3.0])
    np.testing.assert_allclose(linear[:4, 1], rows[:, 2])
    assert RowLayout(contracts['tabletop']).angles == ()
