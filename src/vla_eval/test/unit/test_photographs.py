from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_core.se3 import SE3
from vla_eval.core.photographs import PICTURES, SIZE, Photographer
from vla_sim.core.scene import PLATE
from vla_sim.core.simulator import Simulator

CONTRACT = load(Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml')


@pytest.fixture
def photographer():
    photographer = Photographer(CONTRACT)
    yield photographer
    photographer.close()


def test_a_scene_that_is_only_told_of_is_the_scene(photographer):
    simulator = Simulator(CONTRACT)
    simulator.reset('place', 4)
    world = simulator.snapshot()
    joints = dict(zip(CONTRACT.state.names, simulator.joint_state()[0], strict=True))
    things = {
        name: SE3.from_quaternion(thing.quaternion, thing.position)
        for name, thing in world.objects.items()
    }
    things[PLATE] = SE3(t=world.plate)
    told, true = photographer.configuration(7, joints, things), simulator.configuration()
    assert told.time_ns == 7
    assert told.qpos == pytest.approx(true.qpos, abs=1e-9)
    assert told.mocap_pos == pytest.approx(true.mocap_pos, abs=1e-9)


def test_few_moments_are_drawn_first_and_last_among_them(photographer):
    simulator = Simulator(CONTRACT)
    simulator.reset('reach', 1)
    still = simulator.configuration()
    moments = [(0.1 * k, still) for k in range(3 * PICTURES)]
    pictures = photographer.photograph(moments)
    assert len(pictures) == PICTURES
    assert [pictures[0][0], pictures[-1][0]] == [moments[0][0], moments[-1][0]]
    assert pictures[0][1].shape == (SIZE[1], SIZE[0], 3)
    assert np.ptp(pictures[0][1]) > 100
    assert photographer.photograph(moments[:1])[0][0] == 0.0
    assert photographer.photograph([]) == ()
