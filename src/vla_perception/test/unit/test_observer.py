"""The observer core: what makes an observation, and what makes none, and why."""

import numpy as np
import pytest

from vla_core.errors import ContractError
from vla_core.se3 import SE3
from vla_core.timing import MS
from vla_perception.core.errors import NotReady, PerceptionError
from vla_perception.core.observer import ObserverSettings


def close(a, b):
    np.testing.assert_allclose(a.matrix, b.matrix, atol=1e-9)


def refusal(rig, ms):
    with pytest.raises(NotReady) as caught:
        rig.assemble(ms)
    return caught.value


def test_an_observation_is_of_one_moment(rig, contract):
    rig.speed = 0.5
    rig.all_until(1000)
    o = rig.assemble(1010)
    assert o.stamp_ns == rig.at(1000) == o.state_stamp_ns
    assert o.assembled_ns == rig.at(1010)
    assert (o.epoch, o.instruction, o.sequence) == (3, 'pick up the red block', 1)
    assert (o.contract_digest, o.base_frame) == (contract.digest, 'base_link')
    assert o.state_names == contract.state.names
    np.testing.assert_allclose(o.state, rig.positions(1000))
    np.testing.assert_allclose(o.state_velocity, np.full(8, 0.5))
    close(o.T_base_tool, rig.tool(1000))
    assert list(o.views) == ['scene', 'wrist']
    close(o.views['scene'].T_base_camera, rig.scene_in_base)
    close(o.views['wrist'].T_base_camera, rig.tool(1000) @ rig.wrist_in_tool)
    for key, view in o.views.items():
        np.testing.assert_array_equal(view.image, rig.picture(key, 1000))
        np.testing.assert_array_equal(view.K, rig.intrinsics(key))
        assert view.stamp_ns == rig.at(1000)


def test_each_stream_is_taken_at_its_own_capture(rig):
    rig.speed = 0.5
    rig.setting()
    rig.joints(903, 1033)
    rig.transforms(906, 1036)
    rig.pictures(1000, keys=['scene'])
    rig.pictures(985, keys=['wrist'])
    o = rig.assemble(1040)
    assert o.stamp_ns == rig.at(1000)
    assert o.views['wrist'].stamp_ns == rig.at(985)
    np.testing.assert_allclose(o.state, rig.positions(1000), atol=1e-12)
    np.testing.assert_allclose(o.T_base_tool.t, rig.tool(1000).t, atol=1e-6)
    wrist = rig.tool(985) @ rig.wrist_in_tool
    np.testing.assert_allclose(o.views['wrist'].T_base_camera.matrix, wrist.matrix, atol=1e-6)


def test_pictures_are_handed_on_without_a_copy_and_cannot_be_written_to(rig):
    rig.all_until(1000)
    image = rig.picture('scene', 77)
    rig.joints(1030, 1130)
    rig.transforms(1030, 1130)
    rig.core.add_image('scene', rig.at(1100), image)
    rig.pictures(1100, keys=['wrist'])
    view = rig.assemble(1110).views['scene']
    assert np.shares_memory(view.image, image)
    with pytest.raises(ValueError, match='read-only'):
        view.image[0, 0, 0] = 1


def test_crop_turn_and_resize_follow_the_contract(make_rig):
    rig = make_rig(scene={'crop': (8, 0, 80, 60), 'rotation': 90, 'width': 30, 'height': 40})
    rig.sizes['scene'] = (96, 96)
    rig.all_until(1000)
    view = rig.assemble(1010).views['scene']
    assert view.image.shape == (40, 30, 3)
    # A clockwise turn of the picture: its right is the source's up, its down the source's right.
    R = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    close(view.T_base_camera, rig.scene_in_base @ SE3(R))
    # The ray through the source's principal point still goes through the view's.
    u, v = 95 / 2 - 8, 95 / 2
    centre = [(60 - 1 - v + 0.5) / 2 - 0.5, (u + 0.5) / 2 - 0.5]
    np.testing.assert_allclose(view.K[:2, 2], centre)


# Missing and broken inputs


@pytest.mark.parametrize(
    ('skip', 'reason', 'stream', 'words'),
    [
        ('context', 'no_context', 'status', 'no executor status has come'),
        ('scene.picture', 'missing', 'scene', 'no picture has come on camera/scene/image_raw'),
        ('wrist.picture', 'missing', 'wrist', 'no picture has come on camera/wrist/image_raw'),
        ('scene', 'missing', 'scene', 'no CameraInfo has come on camera/scene/camera_info'),
        ('wrist', 'missing', 'wrist', 'no CameraInfo has come on camera/wrist/camera_info'),
        ('joint_states', 'missing', 'joint_states', 'nothing has come on joint_states'),
        ('tf', 'no_transform', 'tf', 'base_link <- tool: not connected|nothing has come'),
        ('static', 'no_transform', 'tf', "nothing has come of frame 'scene_optical_frame'"),
    ],
)
def test_a_missing_input_makes_none_and_is_named(rig, skip, reason, stream, words):
    rig.all_until(1000, skip=[skip])
    # By now nothing more is waited for.
    with pytest.raises(NotReady, match=words) as caught:
        rig.assemble(1030)
    assert (caught.value.reason, caught.value.stream) == (reason, stream)
    # What is missing comes: the same moment is observed.
    rig.all_until(1000)
    assert rig.assemble(1031).stamp_ns == rig.at(1000)


def test_problems_lists_every_input_that_is_wrong(rig):
    found = [(p.stream, p.reason) for p in rig.core.problems(rig.at(0))]
    assert found == [
        ('status', 'no_context'),
        ('scene', 'missing'),
        ('wrist', 'missing'),
        ('joint_states', 'missing'),
    ]
    rig.all_until(1000)
    assert rig.core.problems(rig.at(1010)) == []


@pytest.mark.parametrize('key', ['scene', 'wrist'])
@pytest.mark.parametrize(('age_ms', 'reason'), [(300, None), (301, 'stale')])
def test_pictures_may_not_be_older_than_their_largest_age(rig, key, age_ms, reason):
    rig.all_until(1000)
    rig.joints(1030, 1320)
    rig.transforms(1030, 1320)
    now_ms = 1000 + age_ms
    other = 'wrist' if key == 'scene' else 'scene'
    if reason is None:
        assert rig.assemble(now_ms).stamp_ns == rig.at(1000)
        return
    rig.pictures(1300, keys=[other])
    error = refusal(rig, now_ms)
    assert (error.reason, error.stream) == ('stale', key)
    assert error.detail == 'the newest is 301 ms old, at most 300 ms expected'


def test_joint_states_may_not_be_older_than_theirs(rig):
    rig.all_until(1000)
    error = refusal(rig, 1000 + 20 + 201)
    assert (error.reason, error.stream) == ('stale', 'joint_states')


def test_joint_states_must_reach_the_picture(rig):
    rig.all_until(1000)
    rig.assemble(1010)
    rig.transforms(1030, 1110)
    rig.pictures(1090)
    error = refusal(rig, 1111)
    assert (error.reason, error.stream) == ('out_of_sync', 'joint_states')
    assert '70 ms away' in error.detail


def test_a_transform_that_is_too_old_is_named_with_its_age(rig):
    rig.all_until(1000)
    rig.assemble(1010)
    rig.joints(1030, 1110)
    rig.pictures(1100)
    error = refusal(rig, 1125)
    assert (error.reason, error.stream) == ('no_transform', 'tf')
    assert 'base_link <- tool: the newest base_link -> tool is 80 ms older' in error.detail


def test_cameras_that_see_different_moments_make_none(rig):
    rig.all_until(1000, skip=['wrist.picture'])
    rig.pictures(949, keys=['wrist'])
    error = refusal(rig, 1030)
    assert (error.reason, error.stream) == ('out_of_sync', 'wrist')
    assert '51 ms away' in error.detail


def test_pictures_from_the_future_make_none(rig):
    rig.all_until(1000)
    error = refusal(rig, 900)
    assert (error.reason, error.stream) == ('future', 'scene')
    assert error.detail == 'stamped 100 ms ahead; the clocks must agree'


@pytest.mark.parametrize('info_first', [True, False])
@pytest.mark.parametrize('size', [(97, 96), (96, 48)])
def test_a_picture_of_another_size_than_camera_info_is_refused(rig, size, info_first):
    rig.all_until(900, skip=[] if info_first else ['scene', 'scene.picture'])
    rig.joints(900, 1020)
    rig.transforms(900, 1020)
    rig.core.add_image('scene', rig.at(1000), np.zeros((size[1], size[0], 3), np.uint8))
    rig.pictures(1000, keys=['wrist'])
    rig.setting()
    error = refusal(rig, 1010)
    assert (error.reason, error.stream) == ('wrong_size', 'scene')
    assert error.detail == f'{size[0]}x{size[1]} pixels came, CameraInfo says 96x96'
    assert rig.core.cameras['scene'].counts['wrong_size'] == 1
    rig.pictures(1010)
    assert rig.assemble(1020).stamp_ns == rig.at(1010)


def test_a_source_that_changes_its_size_leaves_its_old_pictures(rig):
    rig.all_until(1000)
    rig.sizes['scene'] = (192, 192)
    rig.setting()
    assert refusal(rig, 1010).reason == 'wrong_size'
    rig.pictures(1005)
    view = rig.assemble(1020).views['scene']
    assert view.image.shape == (96, 96, 3)
    np.testing.assert_allclose(view.K[:2, :2], np.diag([40.0, 40.0]))


@pytest.mark.parametrize(
    ('K', 'frame', 'reason', 'words'),
    [
        (np.zeros((3, 3)), '', 'uncalibrated', 'focal lengths'),
        (np.full((3, 3), np.nan), '', 'uncalibrated', 'focal lengths'),
        (np.eye(2), '', 'uncalibrated', 'focal lengths'),
        (np.eye(3), 'camera', 'wrong_frame', "'scene_optical_frame' expected"),
    ],
)
def test_camera_info_that_cannot_serve_is_named(rig, K, frame, reason, words):
    rig.all_until(1000)
    rig.core.add_camera_info('scene', K, 96, 96, frame)
    error = refusal(rig, 1010)
    assert (error.reason, error.stream) == (reason, 'scene')
    assert words in error.detail
    rig.core.add_camera_info('scene', np.eye(3), 96, 96, 'scene_optical_frame')
    rig.assemble(1020)


def test_a_crop_outside_the_source_is_named(make_rig):
    rig = make_rig(scene={'crop': (0, 0, 97, 90)})
    rig.all_until(1000)
    error = refusal(rig, 1010)
    assert (error.reason, error.stream) == ('wrong_size', 'scene')
    assert '96x96 pixels, but the contract crops (0, 0, 97, 90)' in error.detail


def test_camera_info_that_could_not_be_read_is_named_until_one_can(rig):
    rig.all_until(1000)
    rig.core.cameras['wrist'].refuse_info('unreadable', 'k: finite numbers expected')
    rig.pictures(1005)
    error = refusal(rig, 1010)
    assert (error.reason, error.stream) == ('unreadable', 'wrist')
    assert error.detail == 'CameraInfo on camera/wrist/camera_info: k: finite numbers expected'
    rig.setting()
    rig.assemble(1020)


def test_a_picture_that_could_not_be_read_is_named_until_one_can(rig):
    rig.all_until(1000)
    rig.core.cameras['wrist'].refuse('unreadable', 'encoding yuv9 came, rgb8 expected')
    error = refusal(rig, 1010)
    assert str(error) == 'wrist: unreadable: encoding yuv9 came, rgb8 expected'
    rig.pictures(1005)
    rig.assemble(1020)


def test_a_picture_without_a_stamp_is_named(rig):
    rig.all_until(1000)
    rig.core.add_image('wrist', 0, rig.picture('wrist', 1))
    assert (refusal(rig, 1010).reason, refusal(rig, 1010).stream) == ('no_stamp', 'wrist')


@pytest.mark.parametrize(
    'image', [np.zeros((96, 96), np.uint8), np.zeros((96, 96, 3)), np.zeros((0, 96, 3), np.uint8)]
)
def test_what_is_no_picture_is_refused_at_once(rig, image):
    with pytest.raises(PerceptionError, match='scene: '):
        rig.core.add_image('scene', rig.at(0), image)


def test_an_unknown_camera_is_refused_at_once(rig):
    with pytest.raises(PerceptionError, match="'front': one of scene, wrist expected"):
        rig.core.add_image('front', rig.at(0), rig.picture('scene', 1))


def test_a_depth_camera_is_refused_by_name(make_rig):
    with pytest.raises(ContractError, match='cameras.wrist.kind: color expected, got depth'):
        make_rig(wrist={'kind': 'depth'})


# Moments


def test_each_moment_is_used_once(rig):
    rig.all_until(1000)
    rig.assemble(1010)
    for ms in (1010, 1020, 1200):
        assert refusal(rig, ms).reason == 'waiting'


def test_the_newest_moment_that_is_whole_is_taken(rig):
    rig.setting()
    rig.joints(800, 1020)
    rig.transforms(800, 1020)
    for ms in (800, 900):
        rig.pictures(ms)
    rig.pictures(1000, keys=['scene'])
    assert rig.assemble(1010).stamp_ns == rig.at(900)
    rig.pictures(1000, keys=['wrist'])
    assert rig.assemble(1011).stamp_ns == rig.at(1000)
    assert refusal(rig, 1012).reason == 'waiting'  # 800 is not gone back to


def test_late_and_repeated_pictures_do_not_lead_back(rig):
    rig.all_until(1000)
    assert rig.assemble(1010).sequence == 1
    rig.pictures(950)
    rig.pictures(1000)
    assert refusal(rig, 1020).reason == 'waiting'
    assert rig.core.cameras['scene'].counts == {'new': 1, 'late': 1, 'repeated': 1}
    rig.joints(1030, 1120)
    rig.transforms(1030, 1120)
    rig.pictures(1100)
    o = rig.assemble(1110)
    assert (o.sequence, o.stamp_ns) == (2, rig.at(1100))


def test_a_late_picture_still_serves_its_moment(rig):
    rig.all_until(1000, skip=['wrist.picture'])
    rig.pictures(1100, keys=['wrist'])
    rig.pictures(1005, keys=['wrist'])
    o = rig.assemble(1105)
    assert o.stamp_ns == rig.at(1000)
    assert o.views['wrist'].stamp_ns == rig.at(1005)


@pytest.mark.parametrize(('skip', 'stream'), [('joint_states', 'joint_states'), ('tf', 'tf')])
def test_the_far_side_of_a_moment_is_waited_for(rig, skip, stream):
    rig.all_until(1000, skip=[skip])
    feed = rig.joints if skip == 'joint_states' else rig.transforms
    feed(900, 995, every_ms=5)
    error = refusal(rig, 1005)
    assert (error.reason, error.stream) == ('waiting', stream)
    assert rig.core.pending
    feed(1005, 1005)
    o = rig.assemble(1006)
    assert o.state_stamp_ns == rig.at(1000)
    assert not rig.core.pending


def test_a_far_side_that_does_not_come_leaves_the_newest_sample_with_its_stamp(rig):
    rig.all_until(1000, skip=['joint_states'])
    rig.joints(900, 990)
    assert refusal(rig, 1019).reason == 'waiting'
    assert rig.assemble(1020).state_stamp_ns == rig.at(990)


def test_a_moment_that_waits_does_not_hide_what_is_wrong_with_older_ones(rig):
    rig.setting()
    rig.joints(900, 1110)
    rig.transforms(900, 945)
    rig.pictures(1000)
    rig.pictures(1100)
    assert refusal(rig, 1101).reason == 'no_transform'


def test_without_waiting_the_newest_sample_is_taken_at_once(make_rig):
    rig = make_rig(ObserverSettings(wait_s=0.0))
    rig.all_until(1000, skip=['joint_states'])
    rig.joints(900, 990)
    assert rig.assemble(1000).state_stamp_ns == rig.at(990)


@pytest.mark.parametrize('camera_hz', [7, 10, 12, 15, 30, 60])
def test_observations_come_at_most_at_their_rate(rig, camera_hz):
    rig.setting()
    rng = np.random.default_rng(camera_hz)
    made, reasons, frames = [], set(), 100
    for k in range(frames):
        ms = 1000 * (1 + k / camera_hz) + rng.uniform(-2, 2)
        rig.joints(ms - 10, ms + 10)
        rig.transforms(ms - 10, ms + 10)
        rig.pictures(ms)
        try:
            made.append(rig.assemble(ms + 5).stamp_ns)
        except NotReady as error:
            reasons.add(error.reason)
    assert reasons <= {'waiting'}
    lasting_s = frames / camera_hz
    wanted = lasting_s * min(camera_hz, 10)
    assert wanted - 2 <= len(made) <= wanted + 1
    assert min(np.diff(made)) > 60 * MS


def test_the_context_is_the_newest(rig):
    rig.all_until(1000)
    rig.core.set_context(4, '')
    o = rig.assemble(1010)
    assert (o.epoch, o.instruction) == (4, '')


def test_frames_carry_the_prefix(make_rig):
    rig = make_rig(ObserverSettings(frame_prefix='left'))
    rig.all_until(1000)
    assert "'left/tool'" in refusal(rig, 1030).detail
    for ms in range(900, 1030, 10):
        rig.core.add_transform('left/base_link', 'left/tool', rig.at(ms), rig.tool(ms))
    for parent, child in (('base_link', 'scene'), ('tool', 'wrist')):
        rig.core.add_transform(f'left/{parent}', f'left/{child}_optical_frame', 0, SE3(), True)
    assert rig.assemble(1031).base_frame == 'left/base_link'


# Frozen pictures


def run(rig, from_ms, to_ms, seed_of):
    """Ten observations a second; returns the times and reasons of those that were not made."""
    none = []
    for ms in range(from_ms, to_ms, 100):
        rig.joints(ms - 90, ms + 10)
        rig.transforms(ms - 90, ms + 10)
        for key in rig.sizes:
            rig.pictures(ms, seed=seed_of(key, ms), keys=[key])
        try:
            rig.assemble(ms + 10)
        except NotReady as error:
            none.append((ms, error.reason, error.stream))
    return none


@pytest.mark.parametrize('frozen', ['scene', 'wrist'])
def test_a_picture_that_repeats_while_joints_move_is_frozen(rig, frozen):
    rig.setting()
    rig.speed = 0.2
    assert run(rig, 1000, 2000, lambda key, ms: ms) == []
    none = run(rig, 2000, 3000, lambda key, ms: 1 if key == frozen else ms)
    # frozen_s is 0.5 s: the pictures of 2000 .. 2500 are the same
    assert none == [(ms, 'frozen', frozen) for ms in range(2500, 3000, 100)]
    problem = rig.core.problems(rig.at(2910))[0]
    assert 'the same picture for 900 ms while a joint moved by 0.1' in problem.detail
    assert run(rig, 3000, 3500, lambda key, ms: ms) == []


def test_a_robot_at_rest_before_a_still_scene_may_start(rig):
    rig.setting()
    assert run(rig, 1000, 11_000, lambda key, ms: 1) == []
    rig.speed = 0.2
    rig.positions = lambda ms: np.full(8, 0.2 * (ms - 11_000) / 1000)
    assert run(rig, 11_000, 12_000, lambda key, ms: ms) == []


def test_a_stamp_that_stands_still_is_frozen(rig):
    rig.all_until(1000)
    rig.assemble(1010)
    for ms in range(1100, 1400, 100):
        rig.joints(ms - 70, ms + 20)
        rig.transforms(ms - 70, ms + 20)
        rig.pictures(ms, keys=['scene'])
        rig.core.add_image('wrist', rig.at(1000), rig.picture('wrist', ms))
    error = refusal(rig, 1301)
    assert (error.reason, error.stream) == ('frozen', 'wrist')
    assert error.detail == '4 pictures with one stamp, 301 ms old, at most 300 ms expected'


# Clocks


def test_a_clock_that_goes_back_forgets_what_was_seen(rig):
    rig.all_until(5000)
    first = rig.assemble(5010)
    error = refusal(rig, 1000)
    assert (error.reason, error.stream) == ('clock_back', 'clock')
    assert rig.core.last_reset == 'the clock went back by 4010 ms'
    assert refusal(rig, 1000).reason == 'missing'
    # Only what moves comes again: intrinsics, fixed frames and words are said once.
    rig.joints(900, 1020)
    rig.transforms(900, 1020)
    rig.pictures(1000)
    o = rig.assemble(1010)
    assert o.stamp_ns == rig.at(1000)
    assert o.sequence == first.sequence + 1


def test_a_reset_forgets_and_says_why(rig):
    rig.all_until(1000)
    rig.core.reset('a new episode')
    assert rig.core.last_reset == 'a new episode'
    assert [(p.stream, p.reason) for p in rig.core.problems(rig.at(1010))] == [
        ('scene', 'missing'),
        ('wrist', 'missing'),
        ('joint_states', 'missing'),
    ]
    rig.all_until(1000)
    assert rig.assemble(1010).stamp_ns == rig.at(1000)


def test_one_stamp_far_ahead_does_not_shut_a_camera_out(rig):
    rig.all_until(1000)
    rig.assemble(1010)
    rig.pictures(10_000_000, keys=['scene'])
    made, refused = 0, set()
    for ms in range(1100, 1700, 100):
        rig.joints(ms - 70, ms + 20)
        rig.transforms(ms - 70, ms + 20)
        rig.pictures(ms)
        try:
            made += rig.assemble(ms + 10).stamp_ns == rig.at(ms)
        except NotReady as error:
            refused.add((error.reason, error.stream))
    assert made >= 3
    assert refused == {('future', 'scene')}
