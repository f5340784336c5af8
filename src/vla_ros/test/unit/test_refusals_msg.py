"""Malformed messages: one typed error with the field's name, whatever they hold."""

import array
import math
from pathlib import Path

import numpy as np
import pytest
import vla_ros_samples as samples
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_core import contract as contracts
from vla_ros import convert
from vla_ros.errors import MessageError

pytestmark = pytest.mark.ros

NAN, INF = math.nan, math.inf
TABLETOP = Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml'

observation = samples.observation
READERS = {
    'observation': (
        lambda: convert.observation_to_msg(samples.observation(), {}),
        convert.observation_from_msg,
    ),
    'chunk': (lambda: convert.chunk_to_msg(samples.chunk()), convert.chunk_from_msg),
    'command': (lambda: convert.command_to_msg(samples.command()), convert.command_from_msg),
    'status': (lambda: convert.status_to_msg(samples.status()), convert.status_from_msg),
    'joint_state': (
        lambda: convert.joint_state_to_msg(5, ['a', 'b'], np.zeros(2), np.zeros(2)),
        convert.joint_state_from_msg,
    ),
    'camera_info': (
        lambda: convert.camera_info_to_msg(5, 'o', 8, 6, samples.K),
        convert.camera_info_from_msg,
    ),
}


def put(msg, path, value):
    """Set a field by its path, e.g. `views[0].image.step`."""
    *parents, last = path.replace('[', '.[').split('.')
    for part in parents:
        msg = msg[int(part[1:-1])] if part.startswith('[') else getattr(msg, part)
    if last.startswith('['):
        msg[int(last[1:-1])] = value
    else:
        setattr(msg, last, value)


CASES = [
    # kind, what is broken, its value, field named in the refusal
    ('observation', 'header.stamp.sec', -1, 'header.stamp'),
    ('observation', 'header.stamp', convert.stamp(0), 'header.stamp'),
    ('observation', 'header.stamp.nanosec', 10**9, 'header.stamp.nanosec'),
    ('observation', 'header.frame_id', '', 'header.frame_id'),
    ('observation', 'state_stamp', convert.stamp(0), 'state_stamp'),
    ('observation', 'state', [1.0], 'state'),
    ('observation', 'state', [1.0, NAN], 'state'),
    ('observation', 'state_velocity', [1.0, INF], 'state_velocity'),
    ('observation', 'state_velocity', [], 'state_velocity'),
    ('observation', 'state_names', ['joint1', 'joint1'], 'state_names[1]'),
    ('observation', 'state_names', ['joint1', ''], 'state_names[1]'),
    ('observation', 'tool_pose.position.x', NAN, 'tool_pose.position'),
    ('observation', 'tool_pose.orientation.w', 7.0, 'tool_pose.orientation'),
    ('observation', 'tool_pose.orientation.x', NAN, 'tool_pose.orientation'),
    ('observation', 'views[1].key', 'scene', 'views[1].key'),
    ('observation', 'views[0].key', '', 'views[0].key'),
    ('observation', 'views[0].intrinsics', [NAN] * 9, 'views[0].intrinsics'),
    ('observation', 'views[0].intrinsics', [0.0] * 9, 'views[0].intrinsics'),
    ('observation', 'views[1].camera_pose.position.z', INF, 'views[1].camera_pose.position'),
    (
        'observation',
        'views[1].image.header.stamp',
        convert.stamp(0),
        'views[1].image.header.stamp',
    ),
    ('observation', 'views[1].image.encoding', 'yuv422', 'views[1].image.encoding'),
    ('observation', 'views[1].image.step', 3, 'views[1].image.step'),
    ('observation', 'views[1].image.step', 13, 'views[1].image.data'),
    ('observation', 'views[1].image.height', 0, 'views[1].image.height'),
    ('observation', 'views[1].image.width', 0, 'views[1].image.width'),
    ('observation', 'views[1].image.height', 2**32 - 1, 'views[1].image.data'),
    ('observation', 'views[1].image.data', array.array('B'), 'views[1].image.data'),
    ('observation', 'assembled.sec', -3, 'assembled'),
    ('chunk', 't0', convert.stamp(0), 't0'),
    ('chunk', 'step', convert.duration(0), 'step'),
    ('chunk', 'step.sec', -1, 'step'),
    ('chunk', 'observation_stamp', convert.stamp(0), 'observation_stamp'),
    ('chunk', 'columns', [], 'columns'),
    ('chunk', 'columns', ['a'], 'data'),
    ('chunk', 'columns', ['a', 'a'], 'columns[1]'),
    ('chunk', 'horizon', 0, 'horizon'),
    ('chunk', 'horizon', 4, 'data'),
    ('chunk', 'horizon', 2**32 - 1, 'data'),
    ('chunk', 'data', [], 'data'),
    ('chunk', 'data', [0.0] * 5 + [NAN], 'data'),
    ('chunk', 'data', [0.0] * 5 + [-INF], 'data'),
    ('chunk', 'timing.inferred.sec', -1, 'timing.inferred'),
    ('command', 'header.stamp', convert.stamp(0), 'header.stamp'),
    ('command', 'names', ['a', 'a'], 'names[1]'),
    ('command', 'positions', [0.0], 'positions'),
    ('command', 'positions', [0.0, NAN], 'positions'),
    ('command', 'velocities', [0.0, NAN], 'velocities'),
    ('command', 'weights', [1.0], 'weights'),
    ('command', 'weights', [-1.0, 2.0], 'weights'),
    ('command', 'weights', [0.5, 0.6], 'weights'),
    ('command', 'weights', [NAN, 1.0], 'weights'),
    ('status', 'header.stamp', convert.stamp(0), 'header.stamp'),
    ('status', 'mode', 'dancing', 'mode'),
    ('status', 'executed[1].timing.captured.sec', -5, 'executed[1].timing.captured'),
    ('joint_state', 'header.stamp', convert.stamp(0), 'header.stamp'),
    ('joint_state', 'name', [], 'name'),
    ('joint_state', 'name', ['a', 'a'], 'name[1]'),
    ('joint_state', 'position', [0.0], 'position'),
    ('joint_state', 'position', [0.0, NAN], 'position'),
    ('joint_state', 'velocity', [0.0], 'velocity'),
    ('camera_info', 'k', [0.0] * 9, 'k'),
    ('camera_info', 'k', [NAN] * 9, 'k'),
    ('camera_info', 'width', 0, 'width'),
    ('camera_info', 'd', [INF], 'd'),
]


@pytest.mark.parametrize(('kind', 'path', 'value', 'field'), CASES)
def test_refused_by_field(kind, path, value, field):
    make, read = READERS[kind]
    msg = make()
    read(msg)
    put(msg, path, value)
    with pytest.raises(MessageError) as caught:
        read(msg)
    assert caught.value.field == field
    assert '\n' not in str(caught.value)
    assert str(caught.value).startswith(field)


@pytest.fixture(scope='module')
def tabletop():
    return contracts.load(TABLETOP)


def fitting(contract):
    """Return an observation message that the contract allows."""
    n = len(contract.state.names)
    view = samples.observation().views['scene']
    views = {
        key: type(view)(samples.picture(0, c.height, c.width), view.K, view.T_base_camera, 5)
        for key, c in contract.cameras.items()
    }
    value = samples.observation(
        contract_digest=contract.digest,
        views=views,
        state_names=contract.state.names,
        state=np.zeros(n),
        state_velocity=np.zeros(n),
    )
    return convert.observation_to_msg(value, {})


def test_an_observation_must_fit_the_contract(tabletop):
    assert convert.observation_from_msg(fitting(tabletop), tabletop).state.shape == (8,)


@pytest.mark.parametrize(
    ('path', 'value', 'field', 'words'),
    [
        ('contract_digest', 'f' * 64, 'contract_digest', 'ffffffffffff'),
        ('contract_digest', '', 'contract_digest', 'none'),
        ('state_names[7]', 'thumb', 'state_names[7]', "unknown name 'thumb'"),
        ('state_names', ['joint1'], 'state_names', 'joint1, joint2'),
        ('views[0].key', 'ceiling', 'views[0].key', 'one of scene, wrist expected'),
        ('views', [], 'views', "camera 'scene' is missing"),
    ],
)
def test_an_observation_of_another_robot_is_refused(tabletop, path, value, field, words):
    msg = fitting(tabletop)
    put(msg, path, value)
    with pytest.raises(MessageError, match=words) as caught:
        convert.observation_from_msg(msg, tabletop)
    assert caught.value.field == field


def test_names_in_another_order_are_refused(tabletop):
    msg = fitting(tabletop)
    msg.state_names = msg.state_names[::-1]
    with pytest.raises(MessageError, match='in this order') as caught:
        convert.observation_from_msg(msg, tabletop)
    assert caught.value.field == 'state_names'


def test_a_picture_of_another_size_is_refused(tabletop):
    msg = fitting(tabletop)
    msg.views[0].image, msg.views[1].image = msg.views[1].image, msg.views[0].image
    with pytest.raises(MessageError, match=r'\(96, 96\) expected, got \(64, 64\)') as caught:
        convert.observation_from_msg(msg, tabletop)
    assert caught.value.field == 'views[0].image'


def test_a_chunk_of_another_robot_is_refused(tabletop):
    columns = tabletop.action.columns
    good = samples.chunk(
        contract_digest=tabletop.digest, columns=columns, actions=np.zeros((2, len(columns)))
    )
    assert convert.chunk_from_msg(convert.chunk_to_msg(good), tabletop).horizon == 2
    for changes, field in (
        ({'contract_digest': 'abc'}, 'contract_digest'),
        ({'columns': ('other', *columns[1:])}, 'columns[0]'),
        ({'columns': columns[::-1]}, 'columns'),
        ({'columns': columns[1:], 'actions': np.zeros((2, len(columns) - 1))}, 'columns'),
    ):
        msg = convert.chunk_to_msg(good.with_changes(**changes))
        with pytest.raises(MessageError) as caught:
            convert.chunk_from_msg(msg, tabletop)
        assert caught.value.field == field


def test_a_chunk_with_nan_can_be_sent_and_is_refused_where_it_arrives():
    sent = convert.chunk_to_msg(samples.chunk(actions=np.array([[0.0, NAN]])))
    with pytest.raises(MessageError, match='nan at index 1') as caught:
        convert.chunk_from_msg(sent)
    assert caught.value.field == 'data'


@pytest.mark.parametrize('value', [-1, 2**31 * 10**9])
def test_times_that_no_message_holds_are_refused(value):
    with pytest.raises(MessageError):
        convert.stamp(value)


numbers = st.floats(allow_nan=True, allow_infinity=True)


@given(
    horizon=st.integers(0, 2**32 - 1),
    columns=st.lists(st.sampled_from(['', 'a', 'b', 'c']), max_size=4),
    data=st.lists(numbers, max_size=12),
    sec=st.integers(-(2**31), 2**31 - 1),
    nanosec=st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_no_chunk_message_raises_anything_else(horizon, columns, data, sec, nanosec):
    msg = convert.chunk_to_msg(samples.chunk())
    msg.horizon, msg.columns, msg.data = horizon, columns, data
    msg.t0.sec, msg.step.nanosec = sec, nanosec
    try:
        chunk = convert.chunk_from_msg(msg)
    except MessageError:
        return
    assert chunk.actions.shape == (horizon, len(columns))
    assert chunk.finite


@given(
    height=st.integers(0, 2**32 - 1) | st.integers(0, 8),
    width=st.integers(0, 2**32 - 1) | st.integers(0, 8),
    step=st.integers(0, 2**32 - 1) | st.integers(0, 40),
    encoding=st.sampled_from(['rgb8', 'bgr8', 'rgba8', 'bgra8', 'mono8', '', '16UC1', 'RGB8']),
    size=st.integers(0, 320),
)
@settings(max_examples=300, deadline=None)
def test_no_image_message_raises_anything_else(height, width, step, encoding, size):
    msg = convert.image_to_msg(samples.picture(), 5, 'o')
    msg.height, msg.width, msg.step, msg.encoding = height, width, step, encoding
    msg.data = array.array('B', bytes(size))
    try:
        image = convert.image_from_msg(msg)
    except MessageError:
        return
    assert image.shape == (height, width, 3)
    image.sum()


@given(
    position=st.lists(numbers, min_size=3, max_size=3),
    orientation=st.lists(numbers, min_size=4, max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_no_pose_message_raises_anything_else(position, orientation):
    msg = convert.pose_to_msg(samples.pose(0))
    msg.position.x, msg.position.y, msg.position.z = position
    q = msg.orientation
    q.x, q.y, q.z, q.w = orientation
    try:
        T = convert.pose_from_msg(msg)
    except MessageError:
        return
    assert np.isfinite(T.matrix).all()
