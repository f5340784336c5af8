"""Grippers: hysteresis, and a finger that its own limits never clip."""

import numpy as np

from vla_control.core.gate import Gate
from vla_control.core.gripper import Grippers
from vla_control.core.motion import Motion
from vla_control.core.settings import ExecutorSettings


def test_hysteresis_ignores_what_lies_between(rig):
    rig = rig()
    grippers = Grippers(rig.contract, rig.layout, ExecutorSettings())
    bits = []
    for column in (0.5, 0.61, 0.5, 0.41, 0.39, 0.5, 0.6, 0.61):
        grippers.decide(np.array([column]))
        bits.append(int(grippers.bits[0]))
    assert bits == [0, 1, 1, 1, 0, 0, 0, 1]


def test_bit_from_the_nearer_end_also_where_open_is_the_low_end(rig, jointed):
    for build, fingers in ((rig, (0.03, 0.01)), (jointed, (0.01, 0.04))):
        rig = build()
        grippers = Grippers(rig.contract, rig.layout, ExecutorSettings())
        grippers.seen_at(np.array([fingers[0]]))
        assert grippers.bits.tolist() == [1.0]
        grippers.seen_at(np.array([fingers[1]]))
        assert grippers.bits.tolist() == [0.0]


def test_travel_from_end_to_end_is_never_clipped(any_rig):
    rig = any_rig()
    settings = ExecutorSettings(gripper_speed=1.0)
    grippers = Grippers(rig.contract, rig.layout, settings)
    gate = Gate(rig.contract, settings.modes, settings.watchdog_ns)
    finger, motion = int(rig.layout.gripper_outputs[0]), Motion.at_rest(rig.joints)
    for bit in (0.0, 1.0, 0.0, 1.0):
        grippers.bits = np.array([bit])
        for _ in range(75):
            request = motion.positions.copy()
            request[finger] = grippers.step(request[[finger]], motion.velocity[[finger]])[0]
            verdict = gate.check(request, motion, motion.positions, 0)
            assert verdict.clipped_by == ()
            assert verdict.refused_by is None
            motion = verdict.motion
        group = rig.layout.grippers[0]
        assert motion.positions[finger] == (group.open if bit else group.closed)


def test_a_finger_turned_round_on_the_way_is_never_clipped(any_rig):
    rig = any_rig()
    grippers = Grippers(rig.contract, rig.layout, ExecutorSettings(gripper_speed=1.0))
    gate = Gate(rig.contract)
    finger, motion = int(rig.layout.gripper_outputs[0]), Motion.at_rest(rig.joints)
    rng = np.random.default_rng(0)
    for _ in range(60):
        grippers.bits = 1.0 - grippers.bits
        for _ in range(int(rng.integers(1, 30))):
            request = motion.positions.copy()
            request[finger] = grippers.step(request[[finger]], motion.velocity[[finger]])[0]
            verdict = gate.check(request, motion, motion.positions, 0)
            assert verdict.clipped_by == ()
            motion = verdict.motion
