"""Kinematics: forward against MuJoCo itself, inverse against forward, and what is refused."""

import dataclasses

import mujoco
import numpy as np
import pytest

from vla_control.core.errors import RowRefused
from vla_control.core.kinematics import Kinematics
from vla_core import rotations
from vla_core.errors import ContractError
from vla_core.se3 import SE3

ARMS = ['tabletop', 'tipped']


@pytest.fixture(params=ARMS)
def arm(request, contracts, stances):
    contract = contracts[request.param]
    joints = np.arange(len(contract.output.joints) - 1)  # the gripper's joint is the last
    return contract, Kinematics(contract, joints), stances[request.param]


def tool_by_mujoco(contract, joints) -> SE3:
    model = mujoco.MjModel.from_xml_path(str(contract.model.mjcf))
    data = mujoco.MjData(model)
    for name, value in zip(contract.output.joints, joints, strict=True):
        data.joint(name).qpos[0] = value
    mujoco.mj_kinematics(model, data)
    body, site = data.body(contract.model.base_link), data.site(contract.model.tool)
    T_world_base = SE3(body.xmat.reshape(3, 3), body.xpos)
    return T_world_base.inverse() @ SE3(site.xmat.reshape(3, 3), site.xpos)


def test_forward_is_that_of_mujoco_in_the_base_frame(arm):
    contract, kinematics, stance = arm
    rng = np.random.default_rng(0)
    for _ in range(20):
        q = stance + rng.normal(size=len(stance)) * 0.3
        np.testing.assert_allclose(
            kinematics.forward(q).matrix, tool_by_mujoco(contract, q).matrix, atol=1e-9
        )


def test_a_path_is_followed_to_a_tenth_of_a_millimetre(arm):
    contract, kinematics, stance = arm
    T = kinematics.forward(stance)
    q = stance.copy()
    for k in range(150):
        shift = 0.05 * np.array([np.sin(k / 30), 1 - np.cos(k / 30), 0.5 * np.sin(k / 20)])
        R = T.R @ rotations.exp(0.3 * np.sin(k / 40) * np.array([0.3, 0.2, 1.0]))
        before = q.copy()
        q[:-1] = kinematics.solve(q, T.t + shift, rotations.to_quaternion(R))
        reached = kinematics.forward(q)
        assert np.linalg.norm(reached.t - (T.t + shift)) < 2e-4
        assert np.linalg.norm(rotations.log(reached.R.T @ R)) < 2e-3
        assert np.abs(q - before).max() < 0.1  # the near answer, never another branch
        assert q[-1] == stance[-1]


def test_half_a_turn_about_the_vertical_is_no_trap(contracts, stances):
    # An error vector made of antisymmetric parts vanishes at 180 degrees.
    contract = contracts['tabletop']
    kinematics, stance = Kinematics(contract, np.arange(7)), stances['tabletop']
    T = kinematics.forward(stance)
    R = rotations.exp(np.array([0.0, 0.0, np.deg2rad(179.9)])) @ T.R
    q = np.append(kinematics.solve(stance, T.t, rotations.to_quaternion(R)), 0.04)
    assert np.linalg.norm(rotations.log(kinematics.forward(q).R.T @ R)) < 0.2


def test_answers_stay_within_the_limits_of_the_contract(arm):
    contract, kinematics, stance = arm
    limits = [contract.limits.joints[n] for n in contract.output.joints[:-1]]
    rng = np.random.default_rng(2)
    answers = 0
    for _ in range(60):
        goal = kinematics.forward(stance).t + rng.uniform(-0.4, 0.4, 3)
        quaternion = rng.normal(size=4)
        try:
            q = kinematics.solve(stance, goal, quaternion / np.linalg.norm(quaternion))
        except RowRefused:
            continue
        answers += 1
        assert all(j.lower - 1e-9 <= v <= j.upper + 1e-9 for j, v in zip(limits, q, strict=True))
    assert answers > 3


@pytest.mark.parametrize('where', [[5.0, 0.0, 0.0], [0.0, 0.0, -4.0], [1e6, 1e6, 1e6]])
def test_out_of_reach_is_a_typed_refusal(arm, where):
    _, kinematics, stance = arm
    with pytest.raises(RowRefused) as caught:
        kinematics.solve(stance, np.array(where), np.array([1.0, 0, 0, 0]))
    assert caught.value.reason == 'unreachable'


def test_the_null_space_drifts_to_the_posture(contracts, stances):
    contract = contracts['tabletop']
    kinematics, q = Kinematics(contract, np.arange(7)), stances['tabletop'].copy()
    q[2] = 0.8
    T = kinematics.forward(q)
    steps = []
    for _ in range(500):
        new = kinematics.solve(q, T.t, T.quaternion)
        steps.append(np.abs(new - q[:7]).max())
        q[:7] = new
    assert abs(q[2]) < 0.5
    assert np.linalg.norm(kinematics.forward(q).t - T.t) < 2e-4
    assert max(steps) < 0.02  # 2 rad/s at 100 Hz: never faster than the joint may


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'tool': 'hand'}, "model.tool: the model has no site 'hand'"),
        ({'base_link': 'table'}, "model.base_link: the model has no body 'table'"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(contracts, change, words):
    contract = contracts['tabletop']
    contract = dataclasses.replace(contract, model=dataclasses.replace(contract.model, **change))
    with pytest.raises(ContractError) as caught:
        Kinematics(contract, np.arange(7))
    assert words in str(caught.value)


def test_a_broken_model_is_refused_in_one_line(contracts, tmp_path):
    broken = tmp_path / 'arm.xml'
    broken.write_text('<mujoco><worldbody><body>\n<nonsense/>\n</mujoco>')
    contract = contracts['tabletop']
    model = dataclasses.replace(contract.model, mjcf=broken)
    with pytest.raises(ContractError, match='no MJCF model') as caught:
        Kinematics(dataclasses.replace(contract, model=model), np.arange(7))
    assert '\n' not in str(caught.value)


def test_an_endless_joint_turns_on(contracts, stances):
    contract = contracts['tabletop']
    limits = contract.limits
    first = dataclasses.replace(limits.joints['joint1'], continuous=True)
    joints = {**limits.joints, 'joint1': first}
    endless = dataclasses.replace(contract, limits=dataclasses.replace(limits, joints=joints))
    kinematics = Kinematics(endless, np.arange(7))
    q = stances['tabletop'].copy()
    for angle in (3.1, 3.2, 4.0, 6.5):
        q[0] = angle
        T = kinematics.forward(q + [0.02, 0, 0, 0, 0, 0, 0, 0])
        q[:7] = kinematics.solve(q, T.t, T.quaternion)
        assert np.linalg.norm(kinematics.forward(q).t - T.t) < 2e-4
        assert abs(q[0] - angle) < 0.1  # on this turn, not the one before


def test_no_joint_is_further_from_the_tool_than_the_lever(arm):
    contract, kinematics, stance = arm
    rng = np.random.default_rng(3)
    model = mujoco.MjModel.from_xml_path(str(contract.model.mjcf))
    data = mujoco.MjData(model)
    furthest = 0.0
    for _ in range(200):
        for name in contract.output.joints:
            data.joint(name).qpos[0] = rng.uniform(-3.0, 3.0)
        mujoco.mj_kinematics(model, data)
        tool = data.site(contract.model.tool).xpos
        furthest = max(furthest, np.linalg.norm(data.xanchor - tool, axis=1)[0])
    assert 0.3 * kinematics.lever_m < furthest <= kinematics.lever_m
