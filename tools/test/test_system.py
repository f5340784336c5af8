"""System packages: Chromium comes where root asks, and its absence fails nothing."""

import os

import pytest

from vla_cli.setup import system

INSTALLS = """
with open(os.environ['FAKE_LOG'], 'a') as log:
    log.write(' '.join(sys.argv[1:]) + '\\n')
if sys.argv[1] == os.environ['FAKE_FAILS']:
    sys.exit(100)
if sys.argv[1] == 'install':
    target = os.path.join(os.path.dirname(sys.argv[0]), 'chromium')
    os.symlink(sys.argv[0], target)
"""


@pytest.fixture
def apt(tmp_path, monkeypatch, program):
    """Play apt-get; return the calls so far."""
    program('apt-get', INSTALLS, tmp_path / 'bin')
    program('env', 'os.execvp(sys.argv[2], sys.argv[2:])', tmp_path / 'bin')
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'))
    monkeypatch.setenv('FAKE_LOG', str(tmp_path / 'calls'))
    monkeypatch.setenv('FAKE_FAILS', '')
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    return lambda: (tmp_path / 'calls').read_text().splitlines()


def test_chromium_is_installed_once(apt, tmp_path):
    system.offer_chromium(tmp_path / 'log')
    assert system.chromium() == str(tmp_path / 'bin/chromium')
    system.offer_chromium(tmp_path / 'log')
    assert [call.split()[0] for call in apt()] == ['update', 'install']


@pytest.mark.parametrize('fails', ['update', 'install'])
def test_without_a_package_there_is_no_chromium_and_no_error(apt, tmp_path, monkeypatch, fails):
    monkeypatch.setenv('FAKE_FAILS', fails)
    system.offer_chromium(tmp_path / 'log')
    assert system.chromium() is None


def test_nothing_is_installed_for_a_person_unasked(apt, tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    system.offer_chromium(tmp_path / 'log')
    assert system.chromium() is None
    assert not (tmp_path / 'calls').exists()
