"""What the core may import: numpy, MuJoCo, vla_core; nothing of ROS, no other core."""

import ast
import sys
from pathlib import Path

import vla_sim.core

ALLOWED = {'mujoco', 'numpy', 'vla_core', 'vla_sim'}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


def test_the_core_imports_no_ros_and_no_other_core():
    files = list(Path(vla_sim.core.__file__).parent.rglob('*.py'))
    assert len(files) > 15
    for path in files:
        for name in imported(path):
            root = name.split('.')[0]
            assert root in ALLOWED or root in sys.stdlib_module_names, f'{path}: {name}'
            assert not name.startswith('vla_sim.ros'), f'{path}: {name}'
