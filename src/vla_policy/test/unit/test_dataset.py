"""Demonstrations on disk: whole or not there, checked on the way in and out."""

from dataclasses import replace

import numpy as np
import pytest

from vla_policy.core.dataset import HELD_OUT, Dataset, Frames, split
from vla_policy.core.demonstration import DatasetError


@pytest.fixture
def empty(tmp_path, contract):
    return Dataset.create(tmp_path / 'demonstrations', contract, 6, 2)


def test_what_was_written_is_read_back(empty, demonstration):
    empty.append_episode(4, demonstration)
    read = empty.episode(4)
    for name, array in demonstration.arrays().items():
        np.testing.assert_array_equal(read.arrays[name], array)
    assert read.texts == demonstration.texts
    assert read.notes == demonstration.notes
    assert not read.arrays['images.scene'].flags.writeable


def test_a_second_run_finds_what_is_missing(empty, contract, demonstration):
    for index in (0, 2):
        empty.append_episode(index, demonstration)
    again = Dataset.create(empty.folder, contract, 6, 2)
    assert again.indices() == [0, 2]
    assert [again.has(i) for i in range(3)] == [True, False, True]


def test_a_write_that_was_cut_off_leaves_no_episode(empty, demonstration):
    empty.append_episode(0, demonstration)
    whole = empty.path_of(0).read_bytes()
    (empty.folder / '.episode-000001.safetensors.99.part').write_bytes(whole[:1000])
    assert empty.indices() == [0]


def test_a_file_cut_short_is_named(empty, demonstration):
    empty.append_episode(0, demonstration)
    path = empty.path_of(0)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r'episode-000000.*cut short'):
        empty.episode(0)


def test_another_contract_is_refused(empty, variant):
    other = variant(rates={'chunk_step_s': 0.2})
    with pytest.raises(DatasetError, match='contract_digest'):
        Dataset.create(empty.folder, other, 6, 2)


def test_another_horizon_is_refused(empty, contract):
    with pytest.raises(DatasetError, match='horizon'):
        Dataset.create(empty.folder, contract, 7, 2)


def test_a_folder_without_demonstrations_is_refused(tmp_path, contract):
    with pytest.raises(DatasetError, match=r'dataset\.json'):
        Dataset.open(tmp_path, contract)


def test_pictures_of_another_size_are_refused(empty, demonstration):
    images = {**demonstration.images, 'wrist': demonstration.images['scene']}
    with pytest.raises(DatasetError, match=r'images\.wrist'):
        empty.append_episode(0, replace(demonstration, images=images))


@pytest.mark.parametrize(
    ('changes', 'field'),
    [
        ({'tool_position': np.full((6, 3), np.nan)}, 'tool_position'),
        ({'gripper': np.full(6, 0.5)}, 'gripper'),
        ({'gripper': np.ones(5)}, 'gripper'),
        ({'sentence': np.full((6, 2), 9)}, 'sentence'),
        ({'texts': ('', 'b')}, 'texts'),
    ],
)
def test_a_malformed_episode_cannot_be_built(demonstration, changes, field):
    with pytest.raises(DatasetError, match=field):
        replace(demonstration, **changes)


def test_frames_number_the_frames_of_all_episodes(empty, demonstration):
    flipped = replace(demonstration, texts=demonstration.texts[::-1])
    empty.append_episode(0, demonstration)
    empty.append_episode(1, flipped)
    frames = Frames(empty, [0, 1])
    assert len(frames) == 12
    chosen = np.array([1, 5, 6, 11])
    tools = demonstration.tool_position
    np.testing.assert_allclose(
        frames.gather(chosen, 'tool_position'), tools[[1, 5, 0, 5]], rtol=1e-6
    )
    words = np.array(frames.texts)[frames.gather(chosen, 'sentence')[:, 0]]
    assert list(words) == [demonstration.texts[0]] * 2 + [flipped.texts[0]] * 2


def test_an_episode_validates_or_trains_never_both(dataset):
    train, held = split(dataset)
    trained = {episode.path for episode in train.episodes}
    validated = {episode.path for episode in held.episodes}
    assert not trained & validated
    assert len(trained | validated) == 51
    assert len(validated) == 51 // HELD_OUT


def test_too_few_episodes_are_refused(empty, demonstration):
    empty.append_episode(0, demonstration)
    with pytest.raises(DatasetError, match='got 1'):
        split(empty)
