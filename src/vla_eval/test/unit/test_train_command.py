"""`./vla train`: small runs from nothing, resumed, finished, refused."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_eval.bench._bags.made import Made, Script, joints
from vla_eval.commands import train
from vla_eval.core.errors import DatasetFormatError
from vla_eval.core.lerobot.dataset import LerobotDataset
from vla_eval.core.lerobot.lessons import Lessons
from vla_eval.core.lerobot.to_dataset import Conversion
from vla_policy.core.checkpoint import Checkpoint

ROOT = Path(__file__).parents[4]


@pytest.fixture
def root(tmp_path, monkeypatch):
    (tmp_path / 'config').symlink_to(ROOT / 'config')
    monkeypatch.setenv('VLA_ROOT', str(tmp_path))
    return tmp_path


def words(root, out='runs/train-flow', **options) -> list[str]:
    options = {'out': root / out, 'workers': 2, 'demonstrations': 18, 'steps': 2} | options
    return [w for name, value in options.items() for w in (f'--{name}', str(value))]


@pytest.mark.timeout(300)
def test_from_nothing_to_a_checkpoint_then_resumed_then_finished(root, capsys):
    assert train.main(words(root, demonstrations=17)) == 0
    first = capsys.readouterr().out
    assert re.search(r'\bloss\b.*\d', first)
    assert Checkpoint.read(root / 'runs' / 'train-flow').config.head == 'flow'
    assert train.main(words(root, demonstrations=17)) == 0
    assert 'training is finished' in capsys.readouterr().out

    folder = root / 'runs' / 'train-flow' / 'work' / 'demonstrations'
    (folder / 'episode-000003.safetensors').unlink()
    (root / 'runs' / 'train-flow' / 'config.yaml').unlink()
    kept = {path: path.stat().st_mtime_ns for path in folder.glob('episode-*')}
    assert train.main(words(root, demonstrations=17)) == 0
    assert 'resuming demonstrations from 16 of 17' in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_another_checkpoint_is_not_overwritten_unasked(root, capsys):
    folder = root / 'checkpoints' / 'flow'
    folder.mkdir(parents=True)
    (folder / 'config.yaml').write_text('head: flow\n')
    assert train.main(words(root, out='checkpoints/flow')) == 2
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert '--force' in said


def test_a_wrong_setting_is_one_line(root, capsys):
    path = root / 'settings.yaml'
    path.write_text('pictures: many\n')
    assert train.main([*words(root), '--config', str(path)]) == 1
    assert capsys.readouterr().err.count('\n') == 1


CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
WORDS = ((2.0, 'open'), (2.0, 'close'), (2.0, 'open again'))


def lerobot(folder: Path, **script) -> Path:
    """Return a LeRobotDataset of a made-up bag."""
    Made(folder / 'bag', CONTRACT, Script(words=WORDS, **script)).write()
    Conversion([folder / 'bag'], CONTRACT, folder / 'set').run()
    return folder / 'set'


@pytest.mark.timeout(300)
def test_a_lerobot_dataset_trains_and_resumes(root, capsys):
    data = lerobot(root, moving=('finger',))
    assert train.main(words(root, data=data, steps=3)) == 0
    said = capsys.readouterr().out
    assert re.search(r'\bloss\b.*\d', said)
    assert 'object' not in said  # nobody told where objects are
    config = Checkpoint.read(root / 'runs' / 'train-flow').config
    assert (config.training['episodes'], config.training['sentences_per_frame']) == (3, 1)
    assert {'open', 'close', 'again'} & set(config.vocabulary)
    assert train.main(words(root, data=data, steps=3)) == 0
    assert 'training is finished' in capsys.readouterr().out


def test_lessons_are_what_was_commanded_next(tmp_path):
    lessons = Lessons(LerobotDataset(lerobot(tmp_path, moving=('finger',))), CONTRACT, 16)
    shown = lessons.demonstration(LerobotDataset(tmp_path / 'set').episodes[0])
    finger = CONTRACT.state.names.index('finger')
    # command of frame i of the first episode: the script's joints 0.05 s ahead
    times = 0.05 + np.arange(20) / 10
    bits = np.array([joints(CONTRACT, t, ('finger',))[finger] > 0.02 for t in times], float)
    assert 0 < bits.mean() < 1
    column = CONTRACT.action.columns.index('gripper')
    for i in range(20):
        for k in range(16):
            assert shown.chunks[i, 0, k, column] == bits[min(i + 1 + k, 19)]
    np.testing.assert_allclose(
        shown.chunks[..., :3], np.broadcast_to(shown.tool_position[0], (20, 1, 16, 3)), atol=1e-5
    )
    np.testing.assert_array_equal(shown.gripper, bits)


def test_data_that_does_not_fit_is_one_line(root, capsys):
    data = lerobot(root)  # the whole arm swings: the tool turns
    assert train.main(words(root, data=data)) == 1
    assert 'the tool turns by' in capsys.readouterr().err
    file = data / 'meta' / 'info.json'
    info = json.loads(file.read_text())
    info['features']['observation.state']['shape'] = [7]
    file.write_text(json.dumps(info))
    assert train.main(words(root, data=data)) == 1
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert 'observation.state: 7 wide; 8 expected' in said
    assert not (root / 'runs' / 'train-flow' / 'config.yaml').exists()


def test_one_episode_is_too_few(tmp_path):
    Made(tmp_path / 'bag', CONTRACT, Script(moving=('finger',))).write()
    Conversion([tmp_path / 'bag'], CONTRACT, tmp_path / 'set').run()
    with pytest.raises(DatasetFormatError, match='two or more episodes'):
        Lessons(LerobotDataset(tmp_path / 'set'), CONTRACT, 16)
