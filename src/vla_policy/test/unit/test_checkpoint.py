"""Every way in which a checkpoint can be wrong gets one line."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from vla_core.errors import VlaError
from vla_policy.core import preflight
from vla_policy.core.checkpoint import Checkpoint, CheckpointError
from vla_policy.core.registry import load_policy


@pytest.fixture
def folder(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / 'copy')


def edit_config(folder, **changes):
    path = folder / 'config.yaml'
    values = yaml.safe_load(path.read_text())
    values.update(changes)
    path.write_text(yaml.safe_dump(values))


def edit_statistics(folder, change):
    path = folder / 'statistics.json'
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def refusal(folder, contract) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_policy(str(folder), contract, folder.parent)
    text = str(caught.value)
    assert '\n' not in text
    assert str(folder) in text
    return text


def test_a_whole_checkpoint_is_small_and_loads(folder, contract):
    assert load_policy(str(folder), contract, folder.parent)
    assert (folder / 'README.md').read_text().startswith('# flow policy')
    assert len(Checkpoint.read(folder).digest) == 64


@pytest.mark.parametrize('name', ['config.yaml', 'model.safetensors', 'statistics.json'])
def test_missing_file(folder, contract, name):
    (folder / name).unlink()
    assert f'{name}: missing' in refusal(folder, contract)


@pytest.mark.parametrize('keep', [0, 4, 200, -1])
def test_truncated_weights(folder, contract, keep):
    path = folder / 'model.safetensors'
    path.write_bytes(path.read_bytes()[:keep])
    assert 'cut short' in refusal(folder, contract)


def test_a_pickle_is_not_opened(folder, contract):
    torch.save({'weights': torch.zeros(1)}, folder / 'model.safetensors')
    assert 'no safetensors' in refusal(folder, contract)


def test_missing_unknown_and_misshapen_weights(folder, contract):
    path = folder / 'model.safetensors'
    whole = load_file(path)
    name = 'head.enter.weight'
    save_file({k: v for k, v in whole.items() if k != name}, path)
    assert f'{name}: missing' in refusal(folder, contract)
    save_file({**whole, 'head.extra': torch.zeros(1)}, path)
    assert 'head.extra: unknown' in refusal(folder, contract)
    save_file({**whole, name: whole[name][:, :1].contiguous()}, path)
    assert f'{name}: [64, 18] expected, got [64, 1]' in refusal(folder, contract)
    save_file({**whole, name: whole[name] * torch.nan}, path)
    assert f'{name}: finite' in refusal(folder, contract)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'head': 'teleport'}, "head: one of flow expected, got 'teleport'"),
        ({'format': 9}, 'format: 1 expected, got 9'),
        ({'horizon': 'six'}, 'horizon: a whole number'),
        ({'colour': 'red'}, 'colour: unknown'),
        ({'rotation': 'free'}, 'rotation: constant expected'),
        ({'vocabulary': ['red']}, 'vocabulary'),
        ({'sampler': {'method': 'magic', 'steps': 5}}, 'sampler.method: one of euler'),
        ({'sizes': {'text_width': 8}}, 'sizes: missing or unknown'),
    ],
)
def test_a_wrong_config(folder, contract, changes, said):
    edit_config(folder, **changes)
    assert said in refusal(folder, contract)


def test_a_config_that_is_no_yaml_or_would_run_code(folder, contract):
    (folder / 'config.yaml').write_text('a: [')
    assert 'no YAML' in refusal(folder, contract)
    (folder / 'config.yaml').write_text('!!python/object/apply:os.system ["true"]')
    assert 'no YAML' in refusal(folder, contract)


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda s: s.pop('rows'), 'rows: missing'),
        (lambda s: s['state']['mean'].__setitem__(0, float('nan')), 'state.mean: finite'),
        (lambda s: s['state']['std'].__setitem__(0, 0.0), 'state.std: numbers > 0'),
        (lambda s: s['state']['mean'].pop(), 'state.mean: numbers of shape [9]'),
        (lambda s: s['state']['names'].reverse(), 'state.names'),
        (lambda s: s['rotation'].__setitem__(0, [2, 0, 0]), 'rotation: a rotation matrix'),
    ],
)
def test_wrong_statistics(folder, contract, change, said):
    edit_statistics(folder, change)
    assert said in refusal(folder, contract)


def test_statistics_that_are_no_json(folder, contract):
    (folder / 'statistics.json').write_text('{')
    assert 'JSON expected' in refusal(folder, contract)


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (
            {'cameras': {'scene': {'height': 96, 'width': 96}}},
            'cameras.scene: the checkpoint wants 96x96',
        ),
        (
            {'cameras': {'top': {'height': 8, 'width': 8}}},
            'cameras.top: the checkpoint looks through it',
        ),
        ({'state_names': ['a', 'b']}, 'state.names: the checkpoint has 2 (a, b)'),
        ({'columns': [*'abcdefghij']}, "action columns[0]: the checkpoint has 'a'"),
        ({'step_ns': 50_000_000}, 'rates.chunk_step_s: the checkpoint plans rows 0.05 s apart'),
        ({'contract_digest': 'f' * 64}, 'contract digest: the checkpoint was trained for ffffff'),
    ],
)
def test_a_checkpoint_of_another_robot(folder, contract, changes, said):
    edit_config(folder, **changes)
    assert said in refusal(folder, contract)


def test_preflight_names_every_mismatch_without_weights(folder, contract):
    (folder / 'model.safetensors').write_bytes(b'nothing to read')
    checkpoint = Checkpoint.read(folder)
    assert preflight.compare(contract, checkpoint) == []
    edit_config(folder, state_names=['a'], step_ns=1, cameras={'top': {'height': 8, 'width': 8}})
    lines = preflight.compare(contract, Checkpoint.read(folder))
    assert len(lines) == 5  # top, scene, wrist, state, step
    assert all('\n' not in line for line in lines)


def test_a_contract_drawn_with_shadows_is_told_from_one_without(tiny, variant):
    other = variant(model={'render': {'shadows': True, 'samples': 0}})
    (line,) = preflight.compare(other, Checkpoint.read(tiny))
    assert 'model.render' in line


def test_names_are_looked_up_and_unknown_ones_refused(tiny, contract):
    assert load_policy(tiny.name, contract, tiny.parent)
    with pytest.raises(VlaError, match=rf"'nosuch'.*one of {tiny.name} expected"):
        load_policy('nosuch', contract, tiny.parent)
    with pytest.raises(VlaError, match='scripted.*vla_sim'):
        load_policy('scripted', contract, tiny.parent)
