"""What tests of the repository share: what `ros` needs, a DDS domain each, a browser, a page."""

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vla_cli import domain, transport
from vla_cli.places import Places
from vla_cli.setup import system

ROOT = Path(__file__).parent
CHROMIUM = system.chromium()
BROWSER_ARGUMENTS = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader']
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
    """Turn a skipped `ros` test into a failed one in the full run, those of other things apart."""
    outcome = yield
    report = outcome.get_result()
    spared = any(item.get_closest_marker(name) for name in ('root', 'browser', 'rerun'))
    counts = item.get_closest_marker('ros') and not spared
    if report.skipped and counts and os.environ.get('VLA_FULL_TEST'):
        report.outcome = 'failed'
        report.longrepr = f'a ros test was skipped in the full run: {report.longrepr}'


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say why a test needed its second try; else only its name is told."""
    for report in terminalreporter.stats.get('rerun', []):
        terminalreporter.section(f'second try: {report.nodeid}')
        terminalreporter.write_line(report.longreprtext)


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


@pytest.fixture
def browser() -> Iterator[Any]:
    """A Chromium without a window."""
    if CHROMIUM is None:
        pytest.skip('no Chromium on this machine: the page was not looked at')
    api = pytest.importorskip('playwright.sync_api')
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def view() -> Iterator[Callable[[], str]]:
    """Start `./vla view` beside the graph of the environment; return the page's address."""
    started = []

    def start() -> str:
        words = ['-m', 'vla_cli.handover', 'vla_eval.commands.view', '--robot', 'tabletop']
        paths = os.pathsep.join([str(ROOT / 'tools'), os.environ.get('PYTHONPATH', '')])
        env = {**os.environ, 'VLA_ROOT': str(ROOT), 'PYTHONPATH': paths}
        process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, text=True, env=env
        )
        started.append(process)
        assert process.stdout is not None
        found = re.search(r'http://127\.0\.0\.1:\d+/', process.stdout.readline())
        assert found, 'the viewer told no address'
        return found.group()

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=20)
