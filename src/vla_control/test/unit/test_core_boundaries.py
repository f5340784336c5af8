"""The core knows no ROS and no wall time."""

import ast
import re
from pathlib import Path

import vla_control.core
from vla_control.core import strategies

CORE = Path(vla_control.core.__file__).parent
ALLOWED = {'vla_core', 'vla_control', 'numpy', 'mujoco', 'mink'}
STDLIB = {'bisect', 'collections', 'dataclasses', 'enum', 'functools', 'math', 'threading',
          'types', 'typing'}  # fmt: skip


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
    seen, left = set(), {'gate.py'}
    while left:
        path = left.pop()
        seen.add(path)
        assert not imported(CORE / path) & {'mujoco', 'mink'}, path
        text = (CORE / path).read_text()
        inner = re.findall(r'^from vla_control\.core\.(\w+) import', text, re.MULTILINE)
        left |= {f'{name}.py' for name in inner} - seen
    assert {'reach.py', 'stop.py', 'motion.py', 'tool.py'} <= seen


def test_each_strategy_is_a_file_of_its_name():
    files = {p.stem for p in (CORE / 'strategies').glob('*.py') if not p.stem.startswith('_')}
    spelt = {'async': 'asynchronous'}  # the word itself is Python's
    assert files == {spelt.get(name, name) for name in strategies.STRATEGIES}
