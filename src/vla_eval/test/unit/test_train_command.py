"""`./vla train`: small runs from nothing, resumed, finished, refused."""

import re
from pathlib import Path

import pytest

from vla_eval.commands import train
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
