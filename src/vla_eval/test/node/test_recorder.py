"""The recorder beside a toy graph: one bag an episode, services, loss, refusals."""

import hashlib
import signal
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray  # noqa: E402
from rclpy.serialization import deserialize_message  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image, JointState  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from vla_msgs.msg import Command, SimOutcome  # noqa: E402

from vla_core.contract import load  # noqa: E402
from vla_eval.core.bags.reader import Bag  # noqa: E402
from vla_eval.core.bags.survey import survey  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.timeout(120)]

CONTRACT_FILE = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'
CONTRACT = load(CONTRACT_FILE)
NODE = 'vla_eval.ros.recorder:RecorderNode'


@pytest.fixture
def graph(ros_domain):
    """Return an open graph, on the domain that is this test's own."""
    with Graph() as open_graph:
        yield open_graph


def begin(graph, folder, **params):
    """Start a recorder; return it when it listens."""
    node = graph.start(NODE, contract=str(CONTRACT_FILE), folder=str(folder), **params)
    graph.until(lambda: graph.probe.count_subscribers('vla/command'), 'the recorder listens')
    return node


def end(node):
    """End it as a launch does."""
    node.signal(signal.SIGINT)
    assert node.wait() == 0, node.output


class Stage:
    """Words and verdicts of a simulator."""

    def __init__(self, graph):
        self._words = graph.talk(String, 'vla/instruction', 'latched')
        self._outcomes = graph.talk(SimOutcome, 'sim/outcome', 'latched')
        self._commands = graph.talk(Command, 'vla/command', 'command')
        self._graph = graph
        self._bags = 0

    def say(self, words):
        """Put words in force."""
        self._words.publish(String(data=words))

    def judge(self, seed, over=False, success=False):
        """Publish a verdict on `reach`."""
        msg = SimOutcome(task='reach', seed=seed, over=over, success=success, detail='running')
        msg.time_limit.sec = 6
        msg.header.stamp = self._graph.probe.get_clock().now().to_msg()
        self._outcomes.publish(msg)

    def command(self, sequence):
        """Publish a command."""
        msg = Command(sequence=sequence, positions=[0.0] * 8, names=list(CONTRACT.output.joints))
        msg.header.stamp = self._graph.probe.get_clock().now().to_msg()
        self._commands.publish(msg)
        return convert.ns(msg.header.stamp)


def in_order(graph):
    """Spin a moment: streams are not ordered among each other."""
    ticks = []
    timer = graph.probe.create_timer(0.5, lambda: ticks.append(1))
    graph.until(lambda: ticks, 'a tick')
    graph.probe.destroy_timer(timer)


def test_each_episode_has_its_bag(graph, tmp_path):
    node = begin(graph, tmp_path / 'bags', per_episode=True, policy='hold')
    stage = Stage(graph)
    stamps = []
    for seed in (11, 12):
        stage.judge(seed)
        in_order(graph)
        stage.say('reach the red block')
        in_order(graph)
        stamps.append(stage.command(seed))
        in_order(graph)
        stage.judge(seed, over=True, success=seed == 11)
        in_order(graph)
        stage.say('')
        in_order(graph)
    end(node)
    first, second = (Bag(tmp_path / 'bags' / name) for name in ('000', '001'))
    for bag, stamp_ns, seed in ((first, stamps[0], '11'), (second, stamps[1], '12')):
        assert bag.whole
        (command,) = bag.messages(['/vla/command'])
        assert command.publish_ns == stamp_ns
        assert command.log_ns >= stamp_ns
        about = bag.reading.about
        assert (about['task'], about['seed'], about['time_limit_s']) == ('reach', seed, '6')
        assert about['instruction'] == 'reach the red block'
        assert about['contract_digest'] == CONTRACT.digest
        assert about['contract'] == CONTRACT_FILE.read_text()
    assert first.reading.about['outcome'] == 'success'
    assert second.reading.about['outcome'] == 'running'
    held = [m.topic for m in second.messages()]
    assert held.index('/sim/outcome') < held.index('/vla/command')  # latched: said again


def test_a_continuous_bag_loses_nothing(graph, tmp_path):
    node = begin(graph, tmp_path / 'bag')
    joints = graph.talk(JointState, CONTRACT.state.topic, 'sensor')
    sent = []

    def send():
        msg = JointState(name=list(CONTRACT.state.names), position=[0.001 * len(sent)] * 8)
        msg.header.stamp = graph.probe.get_clock().now().to_msg()
        joints.publish(msg)
        sent.append(convert.ns(msg.header.stamp))

    timer = graph.probe.create_timer(0.005, send)
    graph.until(lambda: len(sent) >= 400, '400 joint states')
    graph.probe.destroy_timer(timer)
    in_order(graph)
    end(node)
    bag = Bag(tmp_path / 'bag')
    assert bag.whole
    kept = list(bag.messages(['/joint_states']))
    assert len(kept) > 300  # the first ones were sent before the two had found each other
    assert [m.publish_ns for m in kept] == sent[-len(kept) :]
    logged = [m.log_ns for m in kept]
    assert logged == sorted(logged)
    late_ms = sorted((m.log_ns - m.publish_ns) / 1e6 for m in kept)
    assert late_ms[0] >= 0
    # when they came, not when they were taken in, up to 20 ms later: half of them would be 10 ms
    assert late_ms[len(late_ms) // 4] < 5


def test_a_killed_recorder_leaves_all_but_the_last_moment(graph, tmp_path):
    node = begin(graph, tmp_path / 'bag')
    stage = Stage(graph)
    sent = []
    timer = graph.probe.create_timer(0.02, lambda: sent.append(stage.command(len(sent))))
    graph.until(lambda: len(sent) >= 100, '100 commands')
    node.signal(signal.SIGKILL)
    killed_ns = graph.probe.get_clock().now().nanoseconds
    graph.probe.destroy_timer(timer)
    node.wait()
    bag = Bag(tmp_path / 'bag')
    found = survey(bag)
    assert not bag.whole
    assert killed_ns - found.last_ns < 10**9
    assert found.reading.about['robot'] == 'tabletop'


def test_pictures_become_jpeg_on_request(graph, tmp_path):
    node = begin(graph, tmp_path / 'bag', jpeg=90)
    scene, wrist = CONTRACT.cameras['scene'], CONTRACT.cameras['wrist']
    colour = graph.talk(Image, scene.topic, 'sensor')
    other = graph.talk(Image, wrist.topic, 'sensor')
    ramp = np.linspace(0, 255, 96).astype(np.uint8)
    image = np.stack(
        [np.tile(ramp, (96, 1)), np.tile(ramp[:, None], 96), np.full((96, 96), 60)], 2
    )
    msg = convert.image_to_msg(image.astype(np.uint8), 5 * 10**9, 'optical')
    depth = Image(height=2, width=2, encoding='16UC1', step=4, data=[1] * 8)

    def send():
        colour.publish(msg)
        other.publish(depth)

    timer = graph.probe.create_timer(0.05, send)
    in_order(graph)
    in_order(graph)
    graph.probe.destroy_timer(timer)
    end(node)
    bag = Bag(tmp_path / 'bag')
    packed = list(bag.messages([f'/{scene.topic}/compressed']))
    assert packed
    assert not list(bag.messages([f'/{scene.topic}']))
    assert list(bag.messages([f'/{wrist.topic}']))  # no colour picture: as it came
    assert packed[0].publish_ns == 5 * 10**9
    assert len(packed[0].data) < image.size / 4
    small = deserialize_message(packed[0].data, CompressedImage)
    assert small.header.frame_id == 'optical'
    shown = convert.image_from_msg(small).astype(float)
    assert np.abs(shown - image).mean() < 3  # and red is still red


def test_recording_begins_and_ends_by_service(graph, tmp_path):
    node = begin(graph, tmp_path / 'bag', record=False)
    stage = Stage(graph)
    stage.command(1)
    in_order(graph)
    assert not (tmp_path / 'bag').exists()
    refused = graph.call(Trigger, 'recorder/stop', Trigger.Request())
    assert not refused.success
    begun = graph.call(Trigger, 'recorder/start', Trigger.Request())
    assert begun.success
    assert begun.message == str(tmp_path / 'bag')
    stamp_ns = stage.command(2)
    in_order(graph)
    assert graph.call(Trigger, 'recorder/stop', Trigger.Request()).success
    assert Bag(tmp_path / 'bag').whole
    assert [m.publish_ns for m in Bag(tmp_path / 'bag').messages(['/vla/command'])][-1] == stamp_ns
    again = graph.call(Trigger, 'recorder/start', Trigger.Request())
    assert again.message == str(tmp_path / 'bag_2')  # nothing is overwritten
    end(node)
    assert Bag(tmp_path / 'bag_2').whole


def test_what_plans_in_a_graph_that_is_joined_is_noted(graph, tmp_path):
    node = begin(graph, tmp_path / 'bags', per_episode=True)
    stage = Stage(graph)
    stage.say('reach the red block')
    in_order(graph)
    shipped = CONTRACT_FILE.parents[2] / 'checkpoints'
    told = graph.listen(DiagnosticArray, 'diagnostics', 'reliable')
    given = {'contract': str(CONTRACT_FILE), 'policy': 'flow', 'checkpoints': str(shipped)}
    graph.start('vla_policy.ros.node:PolicyNode', **given)

    def tells():
        return any(s.name == 'policy: model' for m in told for s in m.status)

    graph.until(tells, 'the policy', 60.0)
    in_order(graph)
    stage.say('')
    stage.say('reach the blue block')
    in_order(graph)
    end(node)
    weights = (shipped / 'flow' / 'model.safetensors').read_bytes()
    for name in ('000', '001'):  # known while it was under way, and before it began
        bag = Bag(tmp_path / 'bags' / name)
        assert list(bag.messages())
        assert bag.reading.about['policy'] == 'flow'
        assert bag.reading.about['checkpoint_digest'] == hashlib.sha256(weights).hexdigest()


def test_a_folder_that_cannot_be_written_is_refused(graph, tmp_path):
    (tmp_path / 'file').write_text('')
    node = graph.start(NODE, contract=str(CONTRACT_FILE), folder=str(tmp_path / 'file' / 'bag'))
    assert node.wait() == 1
    told = [line for line in node.output.splitlines() if 'cannot be written' in line]
    assert len(told) == 1
    assert 'Traceback' not in node.output
