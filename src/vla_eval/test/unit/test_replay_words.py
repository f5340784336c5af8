"""Episodes whose words were given by hand: replayed in their scene, judged by those words."""

from pathlib import Path

import pytest

from vla_core.contract import load
from vla_eval.core.bags import commands, messages
from vla_eval.core.bags.encoder import Encoder, header, time
from vla_eval.core.bags.writer import BagWriter
from vla_eval.core.replay import Replay
from vla_eval.core.robot import VirtualRobot
from vla_sim.core.scripted import Scripted
from vla_sim.core.simulator import Simulator

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
TASK, SEED = 'reach', 41
BEGUN_NS = 1_700_000_000_000_000_000
OUTCOME = 'vla_msgs/msg/SimOutcome'


@pytest.fixture(scope='module')
def simulator():
    made = Simulator(CONTRACT)
    yield made
    made.close()


@pytest.fixture(scope='module')
def given(simulator):
    """Return words for another object than the seed draws, and the commands that follow them."""
    drawn = simulator.reset(TASK, SEED)
    name = 'blue' if 'blue' not in drawn.goal.target else 'red'
    words = f'reach for the {name} one'
    robot = VirtualRobot(CONTRACT, simulator)
    policy = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
    episode = robot.begin(TASK, SEED, words=words)
    assert episode.goal.target != drawn.goal.target
    robot.instruct(words)
    policy.reset(robot.status().epoch)
    sent = []
    while not simulator.outcome().done:
        if robot.at_step:
            robot.look()
            chunk = policy.infer(robot.observe(), robot.executor.plan(robot.now_ns))
            robot.executor.accept(chunk, robot.now_ns)
        command = robot.act()
        if command is not None:
            sent.append((command.stamp_ns, command.positions))
    assert simulator.outcome().success
    return words, sent


def bag(folder, words, sent, outcomes):
    """Write commands and, before them, what the simulator said: (task, seed, words) each."""
    encoder = Encoder()
    writer = BagWriter(folder, {'task': TASK, 'seed': str(SEED), 'instruction': words})
    for topic, kind in (('/sim/outcome', OUTCOME), ('/vla/command', messages.COMMAND)):
        writer.add_topic(topic, encoder.definition(kind))
    none = time(0)
    for k, (task, seed, goal) in enumerate(outcomes):
        now_ns = BEGUN_NS + k
        fields = {
            'header': header(now_ns), 'task': task, 'seed': seed, 'instruction': goal,
            'target': '', 'success': False, 'over': False, 'elapsed': none, 'time_limit': none,
            'detail': '',
        }  # fmt: skip
        writer.write('/sim/outcome', encoder.encode(OUTCOME, fields), now_ns)
    for k, (stamp_ns, row) in enumerate(sent):
        now_ns = BEGUN_NS + stamp_ns
        told = messages.command(now_ns, k, 1, CONTRACT.output.joints, row)
        writer.write('/vla/command', encoder.encode(messages.COMMAND, told), now_ns)
    writer.close()
    return folder


def replayed(simulator, folder):
    return Replay(VirtualRobot(CONTRACT, simulator), commands.read(folder, CONTRACT)).run()


def test_it_is_judged_by_the_words_that_the_simulator_was_given(simulator, given, tmp_path):
    words, sent = given
    said = [(TASK, SEED, 'reach'), ('push', 3, 'other'), (TASK, SEED, words), (TASK, 4, 'other')]
    folder = bag(tmp_path / 'bag', words, sent, said)
    result = replayed(simulator, folder)
    assert result.success
    assert result.instruction == words
    assert (result.gate.ticks, result.gate.clipped, result.gate.refused) == (len(sent), 0, 0)


def test_what_the_policy_heard_is_not_what_is_judged(simulator, given, tmp_path):
    """Other words on `vla/instruction` (an ablation) change nothing of the scene."""
    words, sent = given
    folder = bag(tmp_path / 'bag', 'push the plate', sent, [(TASK, SEED, words)])
    result = replayed(simulator, folder)
    assert result.success
    assert (result.instruction, result.heard) == (words, 'push the plate')


def test_a_bag_without_a_simulators_word_is_judged_by_what_the_seed_draws(
    simulator, given, tmp_path
):
    words, sent = given
    result = replayed(simulator, bag(tmp_path / 'bag', words, sent, []))
    assert result.instruction == simulator.reset(TASK, SEED).instruction
    assert not result.success  # it went to another object, in another scene
