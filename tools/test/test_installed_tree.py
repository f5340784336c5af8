"""What is installed is what lies in the checkout: no file too few, none that was deleted."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(p.parent.name for p in (ROOT / 'src').glob('*/package.xml'))

pytestmark = pytest.mark.ros


def share(package):
    """Return the share folder of a package in the sourced workspace."""
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if (Path(prefix) / 'share' / package / 'package.xml').exists():
            return Path(prefix) / 'share' / package
    raise AssertionError(f'{package} is not installed')


def tree(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob('*') if path.is_file()}


@pytest.mark.parametrize('package', PACKAGES)
def test_every_package_is_installed_as_it_is(package):
    installed = share(package) / 'package.xml'
    assert installed.read_text() == (ROOT / 'src' / package / 'package.xml').read_text()


@pytest.mark.parametrize('folder', ['launch', 'config', 'checkpoints'])
def test_the_shared_folders_are_the_ones_at_the_top(folder):
    assert tree(share('vla_bringup') / folder) == tree(ROOT / folder)


@pytest.mark.parametrize('kind', ['msg', 'srv', 'action'])
def test_the_interfaces_are_the_ones_defined(kind):
    installed = {p.name for p in (share('vla_msgs') / kind).glob(f'*.{kind}')}
    assert installed == {p.name for p in (ROOT / 'src/vla_msgs' / kind).glob(f'*.{kind}')}


def test_python_packages_are_linked_to_the_checkout(tmp_path):
    names = [p for p in PACKAGES if (ROOT / 'src' / p / 'setup.py').exists()]
    code = (
        'import sys, importlib\nfor n in sys.argv[1:]: print(importlib.import_module(n).__file__)'
    )
    command = [sys.executable, '-c', code, *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    found = [Path(line).resolve() for line in done.stdout.splitlines()]
    assert found == [ROOT / 'src' / n / n / '__init__.py' for n in names]


def test_nothing_is_installed_that_is_gone():
    first = next(p for p in os.environ['AMENT_PREFIX_PATH'].split(os.pathsep) if 'vla_msgs' in p)
    suite = {p.name for p in Path(first).parent.iterdir() if p.name.startswith('vla_')}
    assert suite == set(PACKAGES)
