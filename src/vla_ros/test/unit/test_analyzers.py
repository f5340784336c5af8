"""The analyzers of config/analyzers.yaml take each node's statuses, each once."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[4]
LAUNCH = yaml.safe_load((ROOT / 'launch' / 'robot.launch.yaml').read_text())['launch']
FOREIGN = {'rviz', 'aggregator'}  # other people's nodes
NODES = {e['node']['name'] for e in LAUNCH if 'node' in e} - FOREIGN


@pytest.fixture(scope='module')
def analyzers():
    found = yaml.safe_load((ROOT / 'config' / 'analyzers.yaml').read_text())
    parameters = found['/**']['ros__parameters']
    return {k: v for k, v in parameters.items() if isinstance(v, dict)}


def takers(analyzers, status):
    return [k for k, v in analyzers.items() if any(re.fullmatch(r, status) for r in v['regex'])]


@pytest.mark.parametrize('namespace', ['', 'left/', 'cell/left/'])
@pytest.mark.parametrize('node', sorted(NODES))
def test_a_status_of_each_node_is_taken_once(analyzers, node, namespace):
    assert takers(analyzers, f'{namespace}{node}: camera wrist') == [node]


def test_nothing_else_is_taken(analyzers):
    assert takers(analyzers, 'their_observer: camera') == []
    assert all(v['type'] == 'diagnostic_aggregator/GenericAnalyzer' for v in analyzers.values())
