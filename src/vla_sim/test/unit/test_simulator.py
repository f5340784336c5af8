"""The simulator: the same seed gives the same bits, joints obey limits, bad input is refused."""

import numpy as np
import pytest

from vla_core.timing import SECOND
from vla_sim.core.errors import JointError, SimError, TaskError
from vla_sim.core.simulator import Simulator

TENTH = SECOND // 10


def test_the_same_seed_gives_the_same_bits(contract, drive):
    ends = []
    for _ in range(2):
        simulator = Simulator(contract)
        episode = simulator.reset('pick', 12)
        outcome = drive(simulator, episode.goal)
        picture = simulator.render('scene').tobytes() + simulator.render('wrist').tobytes()
        state = simulator.snapshot()
        ends.append((episode, outcome, picture, state))
        simulator.close()
    first, second = ends
    assert first[0] == second[0]
    assert first[1] == second[1]
    assert first[2] == second[2]
    assert first[3] == second[3]


def test_what_came_before_leaves_no_trace(simulator, drive):
    def play():
        episode = simulator.reset('push', 5)
        drive(simulator, episode.goal, limit=8)
        return simulator.snapshot()

    first = play()
    drive(simulator, simulator.reset('place', 6).goal, limit=20)
    again = play()
    assert first.tool == again.tool
    assert first.objects == again.objects


def test_seeds_and_phrasings_change_what_they_should(simulator):
    one = simulator.reset('pick', 1)
    places = simulator.snapshot().objects
    other_words = simulator.reset('pick', 1, phrasing='held-out')
    assert other_words.goal == one.goal
    assert other_words.instruction != one.instruction
    assert simulator.snapshot().objects == places
    simulator.reset('pick', 2)
    assert simulator.snapshot().objects != places


def test_given_words_decide_what_is_judged(simulator):
    episode = simulator.reset('pick', 1, instruction='Lift the blue can.')
    assert episode.target == 'blue cylinder'
    assert episode.phrasing == 'given'


@pytest.mark.parametrize(
    ('kwargs', 'named'),
    [
        ({'task': 'juggle', 'seed': 1}, 'juggle'),
        ({'task': 'pick', 'seed': 1, 'phrasing': 'loud'}, 'loud'),
        ({'task': 'pick', 'seed': 1, 'instruction': 'sing a song'}, 'sing a song'),
        ({'task': 'pick', 'seed': 1, 'instruction': 'reach for the red block'}, 'reach'),
    ],
)
def test_an_impossible_episode_is_refused(simulator, kwargs, named):
    with pytest.raises(TaskError, match=named):
        simulator.reset(**kwargs)


def test_without_a_reset_there_is_no_episode(contract):
    with pytest.raises(SimError, match='reset'):
        _ = Simulator(contract).episode


@pytest.mark.parametrize(
    ('names', 'positions', 'named'),
    [
        (['joint9'], [0.1], 'joint9'),
        (['finger_mimic'], [0.01], 'finger_mimic'),
        (['joint1', 'joint1'], [0.1, 0.2], 'twice'),
        (['joint1'], [0.1, 0.2], '1 names'),
        ([], [], '0 names'),
        (['joint1', 'joint2'], [0.1, float('nan')], 'joint2'),
    ],
)
def test_a_bad_command_moves_nothing(simulator, names, positions, named):
    simulator.reset('reach', 3)
    before = simulator.joint_state()[0]
    with pytest.raises(JointError, match=named):
        simulator.command(names, positions)
    simulator.advance(simulator.now_ns + TENTH)
    np.testing.assert_allclose(simulator.joint_state()[0], before, atol=1e-4)
    assert simulator.outcome().reason == 'waiting'


def test_a_jump_is_ramped_at_the_velocity_limit(simulator, contract):
    simulator.reset('reach', 3)
    limit = contract.limits.joints['joint1'].velocity
    start = simulator.joint_state()[0][0]
    simulator.command(['joint1'], [start + 1.0])
    for k in range(1, 8):
        simulator.advance(simulator.now_ns + 50_000_000)
        positions, velocities = simulator.joint_state()
        assert positions[0] - start <= limit * 0.05 * k + 1e-3
        assert abs(velocities[0]) < 1.05 * limit
    assert positions[0] - start > 0.3


def test_targets_beyond_a_limit_end_at_it(simulator, contract):
    simulator.reset('reach', 3)
    simulator.command(['finger', 'joint7'], [1.0, 99.0])
    simulator.advance(simulator.now_ns + 4 * SECOND)
    positions = dict(zip(contract.state.names, simulator.joint_state()[0], strict=True))
    assert positions['finger'] == pytest.approx(0.04, abs=1e-3)
    assert positions['joint7'] == pytest.approx(2.9, abs=5e-3)


def test_the_arm_holds_where_it_is(simulator):
    simulator.reset('reach', 4)
    before = simulator.T_base_tool().t
    simulator.advance(simulator.now_ns + 2 * SECOND)
    np.testing.assert_allclose(simulator.T_base_tool().t, before, atol=1e-4)


def test_measured_pose_agrees_with_the_scene(simulator):
    simulator.reset('reach', 4)
    np.testing.assert_allclose(simulator.T_base_tool().t, simulator.snapshot().tool, atol=1e-9)
    np.testing.assert_allclose(simulator.T_base_tool().R, np.diag([-1, 1, -1]), atol=1e-3)


def test_time_goes_on_across_resets(simulator):
    simulator.reset('reach', 1)
    before = simulator.now_ns
    simulator.advance(before + 3 * TENTH)
    simulator.reset('reach', 1)
    assert simulator.now_ns == before + 3 * TENTH
    assert simulator.outcome().steps == 0


def test_the_clock_of_an_episode_starts_with_the_first_command(simulator, contract):
    episode = simulator.reset('pick', 1)
    simulator.advance(simulator.now_ns + episode.limit_ns)
    assert simulator.outcome().reason == 'waiting'
    stay = simulator.joint_state()[0]
    simulator.command(contract.state.names, stay)
    simulator.advance(simulator.now_ns + episode.limit_ns)
    outcome = simulator.outcome()
    assert (outcome.done, outcome.success, outcome.reason) == (True, False, 'time_limit')
    assert outcome.steps == episode.limit
