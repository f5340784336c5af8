"""The model card: what is generated is generated again, what is written by hand stays."""

import hashlib

import pytest

from vla_policy.core.card import BY_HAND
from vla_policy.core.checkpoint import Checkpoint, save_checkpoint

MEASURED = '\n## Measured\n\nreach 100/100, with the weights of before.\n'


@pytest.fixture
def save(tiny, tmp_path):
    checkpoint = Checkpoint.read(tiny)
    weights = checkpoint.load_model().state_dict()

    def write(scale=1.0):
        scaled = {name: scale * tensor for name, tensor in weights.items()}
        save_checkpoint(tmp_path, checkpoint.config, scaled, checkpoint.statistics)
        return (tmp_path / 'README.md').read_text()

    return write


def test_a_first_card_says_how_to_measure(save):
    by_hand = save().partition(BY_HAND)[2]
    assert '`./vla eval --policy FOLDER --episodes 100`' in by_hand


def test_what_is_written_by_hand_outlives_another_training(save, tmp_path):
    generated = save().partition(BY_HAND)[0]
    (tmp_path / 'README.md').write_text('edited ' + generated + BY_HAND + '\n' + MEASURED)
    again = save()
    assert again == generated + BY_HAND + '\n' + MEASURED
    assert save() == again


def test_it_names_the_weights(save, tmp_path):
    for scale in (1.0, 2.0):
        card = save(scale)
        digest = hashlib.sha256((tmp_path / 'model.safetensors').read_bytes()).hexdigest()
        assert f'SHA-256 `{digest[:16]}`' in card
