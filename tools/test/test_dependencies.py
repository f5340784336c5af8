"""Every package.xml names what the package imports, so that rosdep and colcon can provide it."""

import ast
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / 'src'
# modules whose rosdep key is another word
KEYS = {
    'yaml': 'python3-yaml',
    'numpy': 'python3-numpy',
    'scipy': 'python3-scipy',
    'cv2': 'python3-opencv',
    'matplotlib': 'python3-matplotlib',
    'rich': 'python3-rich',
    'pytest': 'python3-pytest',
    'hypothesis': 'python3-hypothesis',
    'jsonschema': 'python3-jsonschema',
    'PIL': 'python3-pil',
    'prometheus_client': 'prometheus-client',
}
# imported where they are asked for and said to be missing elsewhere, and the checkout's own tools
NOT_NEEDED = {'ray', 'rerun', 'vla_cli', 'lerobot', 'torchvision', 'mcap_ros2'}
RUN = ('depend', 'exec_depend')
PACKAGES = sorted(p.parent.name for p in SOURCES.glob('*/setup.py'))


def named(package, *tags):
    """Return what a package.xml names under any of some tags."""
    root = ET.parse(SOURCES / package / 'package.xml').getroot()
    return {e.text.strip() for tag in tags for e in root.iter(tag)}


def imported(path):
    """Yield the modules that a file imports by their full names."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module


def modules(folder):
    """Return the foreign modules imported below a folder, with a file that imports each."""
    files = [p for p in folder.rglob('*.py') if 'build' not in p.parts]
    own = {p.stem for p in files} | {p.name for p in folder.rglob('*') if p.is_dir()}
    found = {}
    for path in files:
        for name in imported(path):
            root = name.split('.')[0]
            if root and root not in own and root not in sys.stdlib_module_names:
                found.setdefault(root, path.relative_to(SOURCES))
    return found


def from_pypi():
    """Return the modules that requirements.txt provides: what has no rosdep key."""
    lines = (ROOT / 'requirements.txt').read_text().splitlines()
    return {re.split(r'[<>=\[; ]', line)[0] for line in lines if line and line[0] != '#'}


@pytest.mark.parametrize('package', PACKAGES)
@pytest.mark.parametrize(('folder', 'tags'), [('', RUN), ('test', (*RUN, 'test_depend'))])
def test_what_is_imported_is_named(package, folder, tags):
    known = named(package, *tags) | from_pypi() | NOT_NEEDED | {package}
    found = modules(SOURCES / package / (folder or package))
    missing = {KEYS.get(m, m): str(path) for m, path in found.items()}
    assert {key: path for key, path in missing.items() if key not in known} == {}


def test_the_check_sees_imports_of_every_package():
    assert len(PACKAGES) >= 7
    assert {'numpy', 'yaml'} <= modules(SOURCES / 'vla_core' / 'vla_core').keys()
