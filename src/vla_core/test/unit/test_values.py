"""Observations, chunks and commands: refused when malformed, not writable once they exist."""

import numpy as np
import pytest

from vla_core.chunk import ActionChunk
from vla_core.command import Authority, Command
from vla_core.errors import ChunkError, CommandError, ObservationError
from vla_core.observation import Observation, View
from vla_core.se3 import SE3
from vla_core.takeover import Takeover
from vla_core.timing import MS, Timing


def chunk(**changes):
    values = {
        't0_ns': 1000,
        'step_ns': 100,
        'observation_stamp_ns': 900,
        'sequence': 1,
        'epoch': 0,
        'contract_digest': 'd',
        'columns': ('a', 'b'),
        'actions': np.zeros((4, 2)),
    }
    return ActionChunk(**(values | changes))


def observation(**changes):
    view = View(np.zeros((4, 4, 3), np.uint8), np.eye(3), SE3(), 5)
    values = {
        'stamp_ns': 5,
        'sequence': 0,
        'epoch': 0,
        'contract_digest': 'd',
        'base_frame': 'base_link',
        'views': {'scene': view},
        'state_names': ('j1', 'j2'),
        'state': np.zeros(2),
        'state_velocity': np.zeros(2),
        'state_stamp_ns': 5,
        'T_base_tool': SE3(),
        'instruction': 'reach',
    }
    return Observation(**(values | changes))


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'actions': np.zeros((0, 2))}, 'actions'),
        ({'actions': np.zeros(4)}, 'actions'),
        ({'actions': [['x']]}, 'actions'),
        ({'actions': np.zeros((4, 3))}, 'columns'),
        ({'t0_ns': 0}, 't0'),
        ({'step_ns': 0}, 'step'),
        ({'observation_stamp_ns': -1}, 'observation_stamp'),
    ],
)
def test_malformed_chunks_are_refused_with_the_field(changes, field):
    with pytest.raises(ChunkError) as caught:
        chunk(**changes)
    assert caught.value.field == field


def test_chunk_is_a_copy_that_cannot_be_written():
    source = np.zeros((4, 2))
    made = chunk(actions=source)
    source[0, 0] = 5.0
    assert made.actions[0, 0] == 0.0
    with pytest.raises(ValueError, match='read-only'):
        made.actions[0, 0] = 1.0


def test_chunk_times():
    made = chunk()
    assert (made.row_ns(3), made.end_ns, made.horizon) == (1300, 1400, 4)
    assert made.finite
    assert not chunk(actions=np.full((4, 2), np.nan)).finite


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'stamp_ns': 0}, 'stamp'),
        ({'state_stamp_ns': 0}, 'state_stamp'),
        ({'state': np.zeros(3)}, 'state'),
        ({'state_velocity': np.array([0.0, np.inf])}, 'state_velocity'),
        ({'base_frame': ''}, 'base_frame'),
    ],
)
def test_malformed_observations_are_refused_with_the_field(changes, field):
    with pytest.raises(ObservationError) as caught:
        observation(**changes)
    assert caught.value.field == field


@pytest.mark.parametrize(
    'image', [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)]
)
def test_malformed_images_are_refused(image):
    with pytest.raises(ObservationError, match='image'):
        View(image, np.eye(3), SE3(), 5)


def test_a_read_only_picture_is_kept_without_a_copy():
    image = np.zeros((4, 4, 3), np.uint8)
    image.setflags(write=False)
    assert View(image, np.eye(3), SE3(), 5).image is image


def test_a_picture_that_its_maker_can_still_write_to_is_copied():
    image = np.zeros((4, 4, 3), np.uint8)
    view = View(image, np.eye(3), SE3(), 5)
    image[0, 0, 0] = 9
    assert view.image[0, 0, 0] == 0


def test_command_refuses_what_is_not_finite():
    with pytest.raises(CommandError, match='positions'):
        Command(1, 0, 0, ('j1',), np.array([np.nan]), np.zeros(1), 'hold')


def takeover(**changes):
    values = {
        'stamp_ns': 1,
        'authority': 'human',
        'names': ('a', 'b'),
        'positions': [0.1, 0.2],
        'twist': np.zeros(6),
        'gripper': [],
    }
    return Takeover(**values | changes)


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'authority': 'nobody'}, 'authority'),
        ({'authority': 'shared'}, 'names'),
        ({'stamp_ns': 0}, 'stamp'),
        ({'positions': [0.1]}, 'positions'),
        ({'twist': np.zeros(5)}, 'twist'),
        ({'gripper': [np.nan]}, 'gripper'),
    ],
)
def test_a_malformed_takeover_is_refused_with_the_field(changes, field):
    with pytest.raises(CommandError) as refusal:
        takeover(**changes)
    assert refusal.value.field == field


def test_a_takeover_is_a_copy_that_cannot_be_written():
    twist = np.zeros(6)
    value = takeover(twist=twist)
    twist[0] = 1.0
    assert value.authority is Authority.HUMAN
    assert not value.twist.any()
    with pytest.raises(ValueError, match='read-only'):
        value.twist[0] = 1.0


def test_timing_stages_only_where_both_ends_are_known():
    timing = Timing(captured_ns=10 * MS, received_ns=12 * MS, first_row_ns=30 * MS)
    assert timing.stages_ms() == {'capture_to_command': 20.0}
