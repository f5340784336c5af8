"""Fixtures of the command line's tests: waiting with a deadline, programs that play nodes."""

import os
import stat
import sys
import time
from pathlib import Path

import pytest

PRELUDE = f"""#!{sys.executable} -IS
import os, signal, sys, time
"""


@pytest.fixture
def eventually():
    """Wait until a condition holds; fail with what was waited for."""

    def wait(condition, what, within_s=10.0):
        deadline = time.monotonic() + within_s
        while not (value := condition()):
            assert time.monotonic() < deadline, f'not within {within_s} s: {what}'
            time.sleep(0.01)
        return value

    return wait


@pytest.fixture
def program(tmp_path):
    """Write an executable Python program; return its path."""

    def write(name, body, folder=None):
        path = (folder or tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PRELUDE + body)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return write


@pytest.fixture
def exists():
    """Tell whether a process lives (and is no zombie)."""

    def lives(pid):
        try:
            state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
        except OSError:
            return False
        return state not in 'ZX'

    return lives


@pytest.fixture
def bare_environment():
    """The least that a program needs."""
    return {'PATH': os.environ.get('PATH', os.defpath)}
