"""Graphs for the scenarios: one that is shared by all that kill nothing, others on demand."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from vla_core.contract import RobotContract, load

os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'  # read by the setters of messages, on import
sys.path.insert(0, str(Path(__file__).parent / 'support'))

if find_spec('rclpy') is None and 'VLA_FULL_TEST' not in os.environ:
    collect_ignore_glob = ['test_*.py']

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def ros_domain() -> None:
    """Take the place of the domain per test: graphs outlive tests here, and claim their own."""


@pytest.fixture(scope='session')
def workspace() -> None:
    """Say what is missing where the workspace is not in the environment."""
    if 'VLA_ROOT' not in os.environ or 'vla_bringup' not in os.environ.get(
        'AMENT_PREFIX_PATH', ''
    ):
        pytest.skip('the workspace is not in this environment: run ./vla test scenario')


@pytest.fixture(scope='session')
def contract() -> RobotContract:
    """The simulated robot's contract."""
    return load(ROOT / 'config' / 'robots' / 'tabletop.yaml')


@pytest.fixture(scope='session')
def shared_graph(workspace: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A graph with the scripted policy, for scenarios that leave every process alive."""
    from vla_stage import running

    with running(tmp_path_factory.mktemp('shared'), policy='scripted') as live:
        yield live


@pytest.fixture(scope='module')
def shared_stage(shared_graph: Any, contract: RobotContract) -> Iterator[Any]:
    """A probe beside the shared graph."""
    from vla_stage import watched

    with watched(shared_graph, contract) as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Any) -> Iterator[Any]:
    """The shared graph, calm again after the test."""
    yield shared_stage
    shared_stage.calm()
