"""Training: resumable at any step with the same numbers, and refusing what does not belong."""

import io
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from vla_policy.core.training.run import train
from vla_policy.core.training.settings import TrainingError, TrainSettings
from vla_policy.core.training.state import NAME
from vla_policy.core.training.trainer import Trainer, schedule

SETTINGS = TrainSettings(steps=6, pictures=8, warm_up=2, threads=1, save_every=2, validate_every=3)


@pytest.fixture
def trainer(dataset, contract, sizes, tmp_path):
    def make(name='work', settings=SETTINGS):
        return Trainer(dataset, contract, settings, tmp_path / name, sizes)

    return make


@pytest.mark.parametrize('at', [1, 3, 4])
def test_an_interrupted_run_ends_with_the_same_weights(trainer, tmp_path, at):
    whole = trainer('whole')
    assert whole.run()
    first = trainer('parts')
    assert not first.run(stop=lambda: first.step == at)
    second = trainer('parts')
    assert second.step == at
    assert second.run()
    kept = [load_file(tmp_path / name / NAME) for name in ('whole', 'parts')]
    for name, tensor in kept[0].items():
        assert torch.equal(tensor, kept[1][name]), name
    assert second.progress.validation == whole.progress.validation


def test_a_killed_run_goes_on_from_its_last_state(trainer):
    killed = trainer()
    for _ in range(3):
        killed.train_step()
    killed.save()
    killed.train_step()  # never saved
    assert trainer().step == 3


def test_a_run_with_other_settings_is_not_continued(trainer):
    trainer().run(stop=lambda: False)
    with pytest.raises(TrainingError, match=r'seed: .*--fresh'):
        trainer(settings=replace(SETTINGS, seed=1))


def test_a_damaged_state_is_refused(trainer, tmp_path):
    trainer().run()
    path = tmp_path / 'work' / NAME
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(TrainingError, match=NAME):
        trainer()


def test_a_batch_depends_on_seed_and_step_only(trainer):
    batches = trainer().batches
    a, b, other = batches.at(5), batches.at(5), batches.at(6)
    assert torch.equal(a.images['scene'], b.images['scene'])
    assert torch.equal(a.state, b.state)
    assert not torch.equal(a.state, other.state)


def test_labels_are_relative_to_the_tool(trainer, dataset):
    labels = trainer().batches.labels
    chosen = np.array([0, 7])
    rows, gripper = labels.rows(chosen)
    first = labels.frames.episodes[0].arrays
    expected = first['chunks'][0, 1, :, :3] - first['tool_position'][0]
    np.testing.assert_allclose(rows[1], expected, atol=1e-6)
    np.testing.assert_array_equal(gripper[1], first['chunks'][0, 1, :, 9])
    positions = labels.positions(chosen)
    named = first['object_position'][0, 0] - first['tool_position'][0]
    np.testing.assert_allclose(positions[0, :3], named, atol=1e-6)


def test_the_network_is_told_where_the_squares_were_painted(trainer):
    labels = trainer().batches.labels
    everything = np.arange(len(labels.frames))
    pixels = labels.pixels(everything, 'scene').reshape(len(everything), -1, 2, 2)
    images = labels.frames.gather(everything, 'images.scene')
    texts = np.array(labels.frames.texts)[labels.frames.gather(everything, 'sentence')]
    hits = 0
    for i in range(len(everything)):
        u, v = pixels[i, 0, 0]
        colour = images[i, int(v), int(u)].astype(int)
        hits += (colour[0] > colour[1]) == ('red' in texts[i, 0])
    assert hits / len(everything) > 0.95  # a square may lie on top of another


def test_the_rate_rises_and_falls():
    assert schedule(0, 10, 100) == pytest.approx(0.1)
    assert schedule(10, 10, 100) == pytest.approx(1.0)
    assert schedule(55, 10, 100) == pytest.approx(0.5)
    assert schedule(100, 10, 100) == pytest.approx(0.0)


def test_a_run_says_how_it_went_and_the_next_one_that_it_is_finished(dataset, contract, tmp_path):
    settings = replace(SETTINGS, steps=2, pictures=2, validation_frames=2)
    said = io.StringIO()
    console = Console(file=said, width=200)
    out = tmp_path / 'checkpoint'
    assert train(dataset, contract, settings, tmp_path / 'work', out, console) == 0
    assert 'loss ' in said.getvalue()
    assert (out / 'model.safetensors').exists()
    assert train(dataset, contract, settings, tmp_path / 'work', out, console) == 0
    assert 'training is finished' in said.getvalue()


def test_a_resumed_run_says_so(dataset, contract, tmp_path):
    settings = replace(SETTINGS, steps=3, pictures=2, validation_frames=2)
    trainer = Trainer(dataset, contract, settings, tmp_path / 'work')
    trainer.train_step()
    trainer.save()
    said = io.StringIO()
    console = Console(file=said, width=200)
    assert train(dataset, contract, settings, tmp_path / 'work', tmp_path / 'out', console) == 0
    assert 'resuming from step 1' in said.getvalue()


class Impatient(io.StringIO):
    """Presses Ctrl-C as soon as it reads of the first step."""

    def write(self, text):
        if 'step 1/' in text:
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


def test_ctrl_c_ends_a_run_after_the_step_at_hand(dataset, contract, tmp_path):
    settings = replace(SETTINGS, steps=10**6, pictures=2, save_every=10**6)
    before = signal.getsignal(signal.SIGINT)
    said = Impatient()
    console = Console(file=said, width=200)
    status = train(dataset, contract, settings, tmp_path / 'work', tmp_path / 'out', console)
    assert status == 130
    assert 'stopped at step 1' in said.getvalue()
    assert (tmp_path / 'work' / NAME).exists()
    assert not (tmp_path / 'out').exists()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ('text', 'field'),
    [
        ('stepz: 3', 'stepz'),
        ('steps: many', 'steps'),
        ('steps: 0', 'steps'),
        ('head: act2', 'head'),
        ('[1, 2]', 'mapping'),
        ('a: [', 'no YAML'),
    ],
)
def test_wrong_settings_are_refused(tmp_path, text, field):
    path = tmp_path / 'train.yaml'
    path.write_text(text)
    with pytest.raises(TrainingError, match=field):
        TrainSettings.read(path)


def test_the_command_line_wins_over_the_file(tmp_path):
    path = tmp_path / 'train.yaml'
    path.write_text('steps: 30\nlearning_rate: 1\n')
    settings = TrainSettings.read(path, steps=20)
    assert (settings.steps, settings.learning_rate) == (20, 1.0)
