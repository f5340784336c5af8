"""What every test of the repository shares: what `ros` needs, and a DDS domain per test."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vla_cli import domain, transport
from vla_cli.places import Places

ROOT = Path(__file__).parent
FIRST_TEST_DOMAIN = 20  # below it are the domains that a person's own graphs get


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip `ros` tests where ROS is not there; the full run counts such a skip as a failure."""
    if importlib.util.find_spec('rclpy') is not None:
        return
    for item in items:
        if item.get_closest_marker('ros'):
            item.add_marker(pytest.mark.skip(reason='rclpy is not here: run ./vla test'))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skipped `ros` test into a failed one in the full run."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and item.get_closest_marker('ros') and os.environ.get('VLA_FULL_TEST'):
        report.outcome = 'failed'
        report.longrepr = f'a ros test was skipped in the full run: {report.longrepr}'


@pytest.fixture(autouse=True)
def ros_domain(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int | None]:
    """Put each `ros` test on a DDS domain of its own, reachable from this machine only."""
    if request.node.get_closest_marker('ros') is None:
        yield None
        return
    held = domain.claim({}, ROOT, 'host', first=FIRST_TEST_DOMAIN, hidden=True)
    for name, value in {**transport.variables(Places(ROOT), 'host'), **held.variables()}.items():
        monkeypatch.setenv(name, value)
    yield held.number
    held.release()
