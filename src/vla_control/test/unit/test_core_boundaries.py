"""The core knows no ROS and no wall time."""

import ast
from pathlib import Path

import vla_control.core
from vla_control.core import strategies

CORE = Path(vla_control.core.__file__).parent
ALLOWED = {'vla_core', 'vla_control', 'numpy', 'mujoco', 'mink'}
STDLIB = {'bisect', 'collections', 'dataclasses', 'enum', 'math', 'threading', 'types', 'typing'}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or '').split('.')[0])
    return found


def test_core_imports_neither_ros_nor_a_clock():
    files = list(CORE.rglob('*.py'))
    assert len(files) > 10
    for path in files:
        assert imported(path) <= ALLOWED | STDLIB, path.name


def test_gate_needs_numpy_only():
    assert imported(CORE / 'gate.py') <= {'numpy', 'vla_core', 'vla_control', 'collections',
                                          'dataclasses'}  # fmt: skip
    for name in ('motion.py', 'reasons.py', 'stop.py'):
        assert not imported(CORE / name) & {'mujoco', 'mink'}


def test_each_strategy_is_a_file_of_its_name():
    files = {p.stem for p in (CORE / 'strategies').glob('*.py') if not p.stem.startswith('_')}
    assert files == set(strategies.STRATEGIES)
