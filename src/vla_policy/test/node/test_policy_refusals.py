"""What the policy node is started with and refuses: one line, status 1."""

import shutil

import pytest

pytestmark = pytest.mark.ros

START_S = 30.0  # importing torch on a loaded machine


@pytest.mark.parametrize(
    ('params', 'said'),
    [
        ({'policy': '/no/such/folder'}, 'no/such/folder'),
        ({'latency_ms': 'fast'}, 'latency_ms'),
        ({'latency_ms': 'uniform:600:700'}, 'latency_ms: less than the 600 ms of a chunk'),
        ({'rtc_beta': 0.0}, 'rtc_beta'),
        ({'rtc_mask': 'fuzzy'}, 'rtc_mask: one of soft, hard expected'),
        ({'ablate': 'no-hearing'}, 'ablate'),
        ({'contract': '/no/such/contract.yaml'}, 'contract.yaml'),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_line(start, params, said):
    node = start(**params)
    assert node.wait(START_S) == 1
    lines = [line for line in node.output.splitlines() if line.strip()]
    assert len(lines) == 1
    assert said in lines[0]


def test_damaged_weights_are_refused_in_one_line(start, tiny, tmp_path):
    folder = shutil.copytree(tiny, tmp_path / 'cut')
    weights = folder / 'model.safetensors'
    weights.write_bytes(weights.read_bytes()[:-1])
    node = start(policy=folder)
    assert node.wait(START_S) == 1
    assert node.output.count('\n') == 1
    assert 'cut short' in node.output
