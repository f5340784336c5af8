"""The lifecycle node inside one process: hooks, silence, cleanup, parameters, contract."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from rclpy.lifecycle import TransitionCallbackReturn as Answer
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import Trigger
from vla_ros_toys import Toy

from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, frame_prefix_knob, knob

pytestmark = pytest.mark.ros

TABLETOP = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'


@dataclass(frozen=True)
class PlainParams(NodeParams):
    contract: str = contract_knob()
    frame_prefix: str = frame_prefix_knob()
    level: int = knob(1, 'Level.', low=0, high=9)
    size: int = knob(1, 'Size.', low=1, read_only=True)

    def __post_init__(self):
        super().__post_init__()
        if self.level == 7:
            raise ValueError('level 7 is left out')


class Plain(SuiteNode):
    """Writes down which hooks were called."""

    NAME, PARAMS = 'plain', PlainParams

    def __init__(self, **options):
        self.calls = []
        super().__init__(**options)

    def on_setup(self, params):
        self.calls.append('setup')
        self.out = self.advertise(String, 'out', 'reliable')
        self.subscribe(String, 'in', lambda _: None, 'reliable')
        self.serve(Trigger, 'ask', self.on_ask)
        self.every(0.01, self.on_time)

    def on_ask(self, request, response):
        response.success = True
        return response

    def on_time(self):
        if 'time' not in self.calls:
            self.calls.append('time')

    def on_start(self):
        self.calls.append('start')

    def on_stop(self, reason):
        self.calls.append(f'stop {reason}')

    def on_teardown(self):
        self.calls.append('teardown')

    def on_params(self, params):
        self.calls.append(f'level {params.level}')


@pytest.fixture
def plain(graph):
    overrides = [
        Parameter('contract', value=str(TABLETOP)),
        Parameter('frame_prefix', value='left'),
    ]
    return graph.add(Plain(parameter_overrides=overrides))


def configured(node):
    assert node.trigger_configure() == Answer.SUCCESS
    return node


def test_hooks_are_called_in_order(graph, plain):
    assert plain.begin()
    assert plain.active
    graph.until(lambda: 'time' in plain.calls, 'timer')
    plain.end('terminated')
    assert plain.calls == ['setup', 'start', 'time', 'stop terminated', 'teardown']
    plain.end('terminated')
    assert plain.calls[-1] == 'teardown'
    assert len(plain.calls) == 5


def test_contract_and_frames_are_at_hand(plain):
    configured(plain)
    assert plain.contract.robot == 'tabletop'
    assert plain.frame('tool') == 'left/tool'
    assert plain.now_ns() > 0


def test_publishers_are_silent_while_inactive(graph, plain):
    configured(plain)
    heard = graph.listen(String, '/out', 'reliable')
    graph.until(lambda: plain.out.get_subscription_count() == 1, 'match')
    plain.out.publish(String(data='inactive'))
    plain.trigger_activate()
    plain.out.publish(String(data='active'))
    plain.trigger_deactivate()
    plain.out.publish(String(data='inactive again'))
    plain.trigger_activate()
    plain.out.publish(String(data='sentinel'))
    graph.until(lambda: heard and heard[-1].data == 'sentinel', 'sentinel')
    assert [msg.data for msg in heard] == ['active', 'sentinel']


def test_cleanup_takes_everything_down_and_configure_makes_it_again(graph, plain):
    for _ in range(3):
        configured(plain)
        assert graph.call(Trigger, '/ask', Trigger.Request()).success
        assert plain.count_publishers('/out') == 1
        assert plain.count_subscribers('/in') == 1
        plain.trigger_cleanup()
        graph.until(lambda: not graph.probe.count_services('/ask'), 'no service')
        graph.until(lambda: not graph.probe.count_publishers('/out'), 'no publisher')
        graph.until(lambda: not graph.probe.count_subscribers('/in'), 'no subscription')
        graph.until(lambda: not graph.probe.count_publishers('/diagnostics'), 'no diagnostics')
    assert plain.calls.count('teardown') == 3


def set_one(node, name, value):
    return node.set_parameters([Parameter(name, value=value)])[0]


def test_a_parameter_may_change_while_the_node_works(plain):
    plain.begin()
    assert set_one(plain, 'level', 5).successful
    assert plain.params.level == 5
    assert plain.calls[-1] == 'level 5'


@pytest.mark.parametrize(
    ('name', 'value', 'reason'),
    [
        ('level', 11, 'level: an integer, 0 .. 9 expected, got 11 (Level.)'),
        ('level', 'x', "level: an integer, 0 .. 9 expected, got 'x' (Level.)"),
        ('level', 7, 'parameters: level 7 is left out'),
        ('size', 2, 'size: fixed while the node is configured; clean it up first'),
    ],
)
def test_a_wrong_change_is_refused_and_changes_nothing(plain, name, value, reason):
    plain.begin()
    before = plain.params
    result = set_one(plain, name, value)
    assert not result.successful
    assert result.reason == reason
    assert plain.params == before
    assert plain.get_parameter(name).value == getattr(before, name)


def test_a_read_only_parameter_may_change_before_configure(plain):
    assert set_one(plain, 'size', 2).successful
    assert configured(plain).params.size == 2
    plain.trigger_cleanup()
    assert set_one(plain, 'size', 3).successful
    assert configured(plain).params.size == 3


@pytest.mark.parametrize(
    ('contract', 'words'),
    [
        ('', 'contract: the file of a robot contract expected, got none'),
        ('/nowhere/robot.yaml', '/nowhere/robot.yaml: No such file'),
    ],
)
def test_a_contract_that_is_not_there_is_refused(graph, capfd, contract, words):
    node = graph.add(Plain(parameter_overrides=[Parameter('contract', value=contract)]))
    assert not node.begin()
    assert node.calls == []
    assert words in capfd.readouterr().err
    assert node.failure is None


def test_what_a_refused_setup_had_made_is_taken_down(graph):
    overrides = [Parameter('break_in', value='setup')]
    node = graph.add(Toy(parameter_overrides=overrides))
    assert not node.begin()
    assert isinstance(node.failure, RuntimeError)
    graph.until(lambda: not graph.probe.count_publishers('/out'), 'no publisher')


def test_a_refused_start_leaves_the_node_inactive(graph):
    node = graph.add(Toy(parameter_overrides=[Parameter('break_in', value='start')]))
    configured(node)
    assert node.trigger_activate() == Answer.FAILURE
    assert not node.active
    assert node.configured
