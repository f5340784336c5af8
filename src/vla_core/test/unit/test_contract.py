"""The robot contract: what it holds, what it refuses in which words, what its digest covers."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from vla_core.contract import load
from vla_core.errors import ContractError

ROBOTS = Path(__file__).parents[4] / 'config' / 'robots'
TABLETOP = ROBOTS / 'tabletop.yaml'


@pytest.fixture
def edited(tmp_path):
    """Return a function that loads the tabletop contract after an edit of its tree."""

    def make(edit):
        tree = yaml.safe_load(TABLETOP.read_text())
        tree['model']['mjcf'] = str(ROBOTS.parent / 'models' / 'tabletop.xml')
        edit(tree)
        path = tmp_path / 'robot.yaml'
        path.write_text(yaml.safe_dump(tree, sort_keys=False))
        return load(path)

    return make


def test_tabletop_is_read():
    contract = load(TABLETOP)
    assert contract.robot == 'tabletop'
    assert contract.action.columns[:3] == ('tool.x', 'tool.y', 'tool.z')
    assert contract.action.columns[-1] == 'gripper'
    assert contract.action.slice_of(contract.action.groups[1]) == slice(9, 10)
    assert contract.rates.control_ns == 10_000_000
    assert contract.limits.joints['finger'].upper == 0.04


REFUSED = {
    'typo in a key': (
        lambda t: t['rates'].update(controll_hz=5),
        'rates.controll_hz',
        'control_hz',
    ),
    'missing key': (lambda t: t['rates'].pop('control_hz'), 'rates.control_hz', 'missing'),
    'typo of a missing key': (
        lambda t: t['rates'].update(control_hs=t['rates'].pop('control_hz')),
        'rates.control_hz',
        "is 'control_hs' a typo",
    ),
    'wrong type': (lambda t: t['rates'].update(control_hz='fast'), 'rates.control_hz', 'number'),
    'true is no number': (lambda t: t['rates'].update(control_hz=True), 'control_hz', 'number'),
    'out of range': (lambda t: t['rates'].update(control_hz=-1.0), 'rates.control_hz', '1..1000'),
    'NaN': (lambda t: t['limits'].update(tool_speed=float('nan')), 'tool_speed', 'finite'),
    'infinite': (lambda t: t['limits'].update(tool_speed=float('inf')), 'tool_speed', 'finite'),
    'duplicate joint': (
        lambda t: t['state']['names'].__setitem__(1, 'joint1'),
        'state.names',
        "'joint1' stands in the list twice",
    ),
    'min above max': (
        lambda t: t['limits']['joints']['joint1'].update(position=[1.0, -1.0]),
        'limits.joints.joint1.position',
        '[lower, upper]',
    ),
    'jerk 0': (
        lambda t: t['limits']['joints']['joint1'].update(jerk=0.0),
        'limits.joints.joint1.jerk',
        '> 0',
    ),
    'joint without limits': (
        lambda t: t['limits']['joints'].pop('joint3'),
        'limits.joints.joint3',
        'missing',
    ),
    'limits of no joint': (
        lambda t: t['limits']['joints'].update(joint9=t['limits']['joints']['joint1']),
        'limits.joints.joint9',
        'state.names',
    ),
    'unknown kind': (
        lambda t: t['action']['groups'][0].update(kind='tool_poses'),
        'action.groups[0].kind',
        'tool_pose',
    ),
    'columns twice': (
        lambda t: t['action']['groups'].append(dict(t['action']['groups'][1])),
        'action.groups',
        "'gripper' twice",
    ),
    'missing model': (
        lambda t: t['model'].update(mjcf='nowhere.xml'),
        'model.mjcf',
        'no file',
    ),
    'no camera': (lambda t: t.update(cameras={}), 'cameras', 'at least one'),
    'a list for a mapping': (lambda t: t.update(rates=[1, 2]), 'rates', 'a mapping expected'),
    'unknown interface': (
        lambda t: t['output'].update(interface='Telepathy'),
        'output.interface',
        'JointTrajectory',
    ),
    'odd rotation': (lambda t: t['cameras']['scene'].update(rotation=45), 'rotation', '0, 90'),
    'half a pixel': (lambda t: t['cameras']['scene'].update(crop=[0, 0, 1.5, 9]), 'crop', 'whole'),
}


@pytest.mark.parametrize('case', REFUSED)
def test_refuses(case, edited):
    edit, field, words = REFUSED[case]
    with pytest.raises(ContractError) as caught:
        edited(edit)
    line = str(caught.value)
    assert field in line
    assert words in line
    assert '\n' not in line


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('robot: [', 'no YAML'),
        ('robot: a\nrobot: b\n', 'given twice (line 2)'),
        ('- 1\n', 'a mapping expected'),
        ('', 'a mapping expected'),
    ],
)
def test_refuses_text(text, words, tmp_path):
    path = tmp_path / 'robot.yaml'
    path.write_text(text)
    with pytest.raises(ContractError) as caught:
        load(path)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_refuses_a_missing_file(tmp_path):
    with pytest.raises(ContractError, match='No such file'):
        load(tmp_path / 'none.yaml')


def test_digest_covers_what_a_policy_sees_and_nothing_else(edited):
    same = edited(lambda t: None).digest
    unseen = {
        'topic': lambda t: t['cameras']['scene'].update(topic='elsewhere'),
        'limit': lambda t: t['limits'].update(tool_speed=0.1),
        'rate': lambda t: t['rates'].update(control_hz=250.0),
        'output': lambda t: t['output'].update(interface='Float64MultiArray'),
    }
    seen = {
        'size': lambda t: t['cameras']['scene'].update(width=128),
        'crop': lambda t: t['cameras']['scene'].update(crop=[0, 0, 10, 10]),
        'render': lambda t: t['model']['render'].update(shadows=True),
        'order': lambda t: t['action']['groups'].reverse(),
        'step': lambda t: t['rates'].update(chunk_step_s=0.05),
    }
    assert all(edited(edit).digest == same for edit in unseen.values())
    assert all(edited(edit).digest != same for edit in seen.values())


@pytest.mark.parametrize('path', sorted(ROBOTS.glob('*.yaml')), ids=lambda p: p.stem)
def test_every_contract_holds_against_the_schema_and_the_loader(path):
    schema = json.loads((ROBOTS / 'robot.schema.json').read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(path.read_text()), schema, jsonschema.Draft202012Validator)
    assert load(path).robot == path.stem


@pytest.mark.parametrize('case', ['typo in a key', 'missing key', 'wrong type', 'unknown kind'])
def test_schema_refuses_what_the_loader_refuses(case):
    schema = json.loads((ROBOTS / 'robot.schema.json').read_text())
    tree = yaml.safe_load(TABLETOP.read_text())
    REFUSED[case][0](tree)
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(tree))
