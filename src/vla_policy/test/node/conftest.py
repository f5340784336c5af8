"""A graph for each test of the node."""

import os
from importlib.util import find_spec

import pytest

if find_spec('rclpy') is None and 'VLA_FULL_TEST' not in os.environ:
    collect_ignore_glob = ['test_*.py']


@pytest.fixture
def graph(ros_domain):
    """Return an open graph, on the domain that is this test's own."""
    from vla_ros.testing import Graph

    with Graph() as open_graph:
        yield open_graph


@pytest.fixture
def start(graph, contract_file, tiny):
    """Start the policy node; the small checkpoint unless told otherwise."""

    def begin(**params):
        given = {'contract': contract_file, 'policy': tiny, 'checkpoints': tiny.parent}
        return graph.start('vla_policy.ros.node:PolicyNode', **{**given, **params})

    return begin
