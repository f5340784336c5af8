"""A graph for each test."""

import pytest

from vla_ros.testing import Graph


@pytest.fixture
def graph(ros_domain):
    """Return an open graph, on the domain that is this test's own."""
    with Graph() as open_graph:
        yield open_graph
