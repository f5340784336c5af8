"""Transforms: sent with prefix, read back, refused where malformed."""

import math

import numpy as np
import pytest
import vla_ros_samples as samples
from rclpy.parameter import Parameter
from tf2_msgs.msg import TFMessage

from vla_ros.errors import MessageError
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, dataclass, frame_prefix_knob
from vla_ros.tf import Broadcaster, Transform, prefixed, transforms_from_msg, transforms_to_msg

pytestmark = pytest.mark.ros


@dataclass(frozen=True)
class Params(NodeParams):
    frame_prefix: str = frame_prefix_knob()


class Robot(SuiteNode):
    NAME, PARAMS = 'robot', Params

    def on_setup(self, params):
        self.tf = Broadcaster(self)

    def on_start(self):
        self.tf.send_static([Transform('base_link', 'camera', samples.pose(1), 0)])
        self.tf.send_static([Transform('tool', 'wrist', samples.pose(2), 0)])


def moving(stamp_ns=5):
    return [
        Transform('base_link', 'tool', samples.pose(3), stamp_ns),
        Transform('tool', 'finger', samples.pose(4), stamp_ns),
    ]


@pytest.mark.parametrize(('prefix', 'base'), [('', 'base_link'), ('left/', 'left/base_link')])
def test_sent_transforms_arrive_under_global_names(graph, prefix, base):
    options = {'parameter_overrides': [Parameter('frame_prefix', value=prefix)]}
    robot = graph.add(Robot(namespace='left', **options))
    assert robot.begin()
    late = graph.listen(TFMessage, '/tf_static', 'tf_static_all')
    heard = graph.listen(TFMessage, '/tf', 'tf')
    graph.until(lambda: graph.probe.count_publishers('/tf'), 'match')

    def both():
        robot.tf.send(moving())
        return heard and late

    graph.until(both, 'transforms')
    first = transforms_from_msg(heard[0])
    assert [t.parent for t in first] == [base, prefixed(prefix, 'tool')]
    np.testing.assert_allclose(first[0].T_parent_child.matrix, samples.pose(3).matrix, atol=1e-12)
    # a late joiner gets one message that holds all static transforms
    static = transforms_from_msg(late[-1], static=True)
    assert {t.child for t in static} == {prefixed(prefix, 'camera'), prefixed(prefix, 'wrist')}


@pytest.mark.parametrize(
    ('prefix', 'frame'),
    [('', 'tool'), ('left', 'left/tool'), ('left/', 'left/tool'), ('/a/b/', 'a/b/tool')],
)
def test_a_prefix_is_joined_by_one_slash(prefix, frame):
    assert prefixed(prefix, 'tool') == frame


def test_a_leading_slash_of_old_drivers_is_dropped():
    msg = transforms_to_msg([Transform('/base_link', '/tool', samples.pose(0), 5)])
    assert transforms_from_msg(msg)[0].child == 'tool'


@pytest.mark.parametrize(
    ('change', 'field'),
    [
        (lambda t: setattr(t.header, 'frame_id', ''), 'transforms[1].header.frame_id'),
        (lambda t: setattr(t, 'child_frame_id', ''), 'transforms[1].child_frame_id'),
        (lambda t: setattr(t, 'child_frame_id', 'tool'), 'transforms[1].child_frame_id'),
        (lambda t: setattr(t.header.stamp, 'nanosec', 0), 'transforms[1].header.stamp'),
        (lambda t: setattr(t.header.stamp, 'sec', -1), 'transforms[1].header.stamp'),
        (
            lambda t: setattr(t.transform.translation, 'y', math.nan),
            'transforms[1].transform.translation',
        ),
        (lambda t: setattr(t.transform.rotation, 'w', 3.0), 'transforms[1].transform.rotation'),
    ],
)
def test_a_malformed_transform_is_refused_by_field(change, field):
    msg = transforms_to_msg(moving())
    change(msg.transforms[1])
    with pytest.raises(MessageError) as caught:
        transforms_from_msg(msg)
    assert caught.value.field == field


def test_a_static_transform_needs_no_stamp():
    assert transforms_from_msg(transforms_to_msg(moving(0)), static=True)[0].stamp_ns == 0
