"""The expert: memoryless, bounded, from any state; its chunk has the contract's columns."""

from dataclasses import replace

import numpy as np
import pytest

from vla_core import rotations
from vla_core.contract import Action
from vla_core.observation import Observation
from vla_sim.core import expert, language, layout, rollout, seeds
from vla_sim.core.errors import TaskError
from vla_sim.core.expert import Situation
from vla_sim.core.scripted import Scripted
from vla_sim.core.tasks.push import DIRECTIONS


def situations(count):
    """States at random, fingers at random, in layouts for each goal."""
    goals = language.goals()
    for seed in range(count):
        rng = seeds.stream(seed, 'situation')
        goal = goals[seed % len(goals)]
        world = layout.draw(rng, goal).world(1, float(rng.uniform(0.0, 0.04)))
        tool = tuple(rng.uniform([0.25, -0.25, 0.02], [0.65, 0.25, 0.25]).tolist())
        yield Situation.of(world)._replace(tool=tool), goal


def test_no_step_is_longer_than_a_quarter_metre_a_second():
    for now, goal in situations(72):
        plan = rollout.rows(now, goal)
        path = np.vstack([now.tool, plan[:, :3]])
        assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= expert.STEP + 1e-9
        assert set(plan[:, 3]) <= {0.0, 1.0}


def test_it_stays_above_the_table_and_within_reach():
    for now, goal in situations(72):
        plan = rollout.rows(now, goal, horizon=60)
        assert plan[:, 2].min() > 0.015
        assert np.hypot(plan[:, 0], plan[:, 1]).max() < 0.75


def pockets(count):
    """Situations a few mm off the spot behind an object to push, fingers shut."""
    goals = language.goals('push')
    for seed in range(count):
        rng = seeds.stream(seed, 'pocket')
        goal = goals[seed % len(goals)]
        world = layout.draw(rng, goal).world(1, 0.0)
        thing = world.objects[goal.target].position
        along = np.array(DIRECTIONS[goal.direction])
        away = expert.CORNER + expert.THICKNESS[goal.direction] + expert.PUSH_CLEARANCE
        off = rng.uniform([-0.010, -0.010], [0.012, 0.010])
        x, y = np.array(thing[:2]) + along * (off[0] - away) + along[::-1] * off[1]
        yield Situation.of(world)._replace(tool=(x, y, float(rng.uniform(0.03, 0.09)))), goal


def test_a_policy_that_aims_a_centimetre_off_is_not_told_to_climb():
    """Answers that change with less than a policy can see leave it going up and down for ever."""
    for now, goal in pockets(120):
        plan = rollout.rows(now, goal)
        assert plan[:6, 2].max() <= now.tool[2] + 0.008
        assert plan[5, 2] < expert.PUSH_Z + 0.02


def test_over_the_object_the_way_down_is_closed():
    for now, goal in pockets(24):
        x, y, _ = now.objects[goal.target]
        plan = rollout.rows(now._replace(tool=(x, y, 0.07)), goal)
        assert plan[0, 2] > 0.08


def test_fingers_on_the_object_to_push_climb_clear_of_it_before_they_go_behind():
    """Pressed on its edge the tool no longer slides: going sideways first never ends."""
    for now, goal in pockets(24):
        x, y, z = now.objects[goal.target]
        along = DIRECTIONS[goal.direction]
        pressed = (x - 0.026 * along[0], y - 0.026 * along[1], z + 0.03)
        plan = rollout.rows(now._replace(tool=pressed), goal)[:, :3]
        behind = (
            -((plan[:, :2] - (x, y)) @ along) > expert.CORNER + expert.THICKNESS[goal.direction]
        )
        assert plan[: int(np.argmax(behind)), 2].max() > z + 0.04
        assert plan[:2, 2].min() > pressed[2] + 0.01


@pytest.mark.parametrize('target', language.NAMES)
def test_an_object_that_nobody_named_is_set_down_first(target):
    now, _ = next(situations(1))
    held = next(name for name in now.objects if name != target)
    tool = (0.45, 0.0, 0.12)
    objects = {**now.objects, held: (0.45, 0.0, 0.118)}
    now = now._replace(tool=tool, finger=0.0205, finger_velocity=0.0, objects=objects)
    assert expert.held(now) == held
    plan = rollout.rows(now, language.Goal('pick', target), horizon=60)
    let_go = int(np.argmax(plan[:, 3] == 1.0))
    assert plan[let_go, 3] == 1.0
    assert plan[let_go, 2] < 0.04


def test_the_chunk_has_the_contracts_columns(simulator, contract):
    episode = simulator.reset('place', 8)
    world = simulator.snapshot()
    chunk = rollout.rollout(world, episode.goal, contract)
    assert chunk.columns == contract.action.columns
    assert chunk.contract_digest == contract.digest
    assert chunk.t0_ns == world.time_ns + contract.rates.step_ns
    assert chunk.observation_stamp_ns == world.time_ns
    np.testing.assert_allclose(
        rotations.from_6d(chunk.actions[0, 3:9]), simulator.T_base_tool().R, atol=1e-3
    )
    assert np.linalg.norm(chunk.actions[0, :3] - world.tool) <= expert.STEP + 1e-9


def test_a_contract_without_tool_poses_is_refused(simulator, contract):
    episode = simulator.reset('place', 8)
    action = Action(contract.action.groups[1:])
    with pytest.raises(TaskError, match=r'tool\.x'):
        rollout.rollout(simulator.snapshot(), episode.goal, replace(contract, action=action))


def test_the_scripted_policy_does_what_the_observation_says(simulator, contract):
    simulator.reset('place', 8)
    asked = []

    def world(stamp_ns):
        asked.append(stamp_ns)
        return simulator.snapshot()

    positions, velocities = simulator.joint_state()
    observation = Observation(
        stamp_ns=simulator.now_ns,
        sequence=7,
        epoch=3,
        contract_digest=contract.digest,
        base_frame='base_link',
        views={},
        state_names=contract.state.names,
        state=positions,
        state_velocity=velocities,
        state_stamp_ns=simulator.now_ns,
        T_base_tool=simulator.T_base_tool(),
        instruction='lift the green one',
    )
    chunk = Scripted(contract, world).infer(observation, None)
    expected = rollout.rollout(
        simulator.snapshot(), language.Goal('pick', 'green block'), contract
    )
    assert asked == [observation.stamp_ns]
    assert (chunk.sequence, chunk.epoch, chunk.instruction) == (7, 3, 'lift the green one')
    np.testing.assert_array_equal(chunk.actions, expected.actions)
