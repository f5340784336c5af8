"""Who may import whom: no core knows ROS, cores meet in vla_core, nodes meet in messages."""

import ast
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / 'src'
SUITE = {
    *('vla_core', 'vla_ros', 'vla_msgs', 'vla_perception', 'vla_policy', 'vla_control'),
    *('vla_sim', 'vla_eval'),
}
ROS = {
    *('rclpy', 'launch', 'launch_ros', 'launch_testing', 'rosbag2_py', 'cv_bridge', 'rpyutils'),
    *('message_filters', 'ament_index_python', 'rosidl_runtime_py', 'rosidl_parser', 'tf2_ros'),
    *('tf2_py', 'tf_transformations', 'diagnostic_updater', 'vla_ros'),
}

# The one table: of the suite, what each core may import beside itself. The nodes of a package
# (its ros/ folder) may import the same, and FOR_NODES.
CORES = {
    'vla_core': set(),
    'vla_perception': {'vla_core'},
    'vla_policy': {'vla_core'},
    'vla_control': {'vla_core'},
    'vla_sim': {'vla_core'},
    'vla_eval': {'vla_core', 'vla_perception', 'vla_policy', 'vla_control', 'vla_sim'},
}
VLA_CORE_NEEDS = {'numpy', 'yaml'}
FOR_NODES = {'vla_ros', 'vla_msgs'}


def imported(path):
    """Yield the full name of every module that a file imports, strings of import_module too."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield '.' * node.level + (node.module or '')
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
            if called in ('import_module', '__import__'):
                yield str(node.args[0].value)


def core_files(package):
    inner = SOURCES / package / package
    return sorted((inner if package == 'vla_core' else inner / 'core').rglob('*.py'))


def knows_ros(name):
    root = name.split('.')[0]
    return root in ROS or root.endswith(('_msgs', '_interfaces')) or 'ros' in name.split('.')


@pytest.mark.parametrize('package', CORES)
def test_a_core_imports_no_ros(package):
    files = core_files(package)
    assert files
    bad = [f'{path}: {name}' for path in files for name in imported(path) if knows_ros(name)]
    assert not bad, '\n'.join(bad)


@pytest.mark.parametrize(('package', 'allowed'), CORES.items())
def test_a_core_imports_of_the_suite_what_the_table_says(package, allowed):
    bad = [
        f'{path}: {name}'
        for path in core_files(package)
        for name in imported(path)
        if (root := name.split('.')[0]) in SUITE and root != package and root not in allowed
    ]
    assert not bad, '\n'.join(bad)


def test_vla_core_needs_little():
    allowed = set(sys.stdlib_module_names) | VLA_CORE_NEEDS | {'vla_core', ''}
    bad = [
        f'{path}: {name}'
        for path in core_files('vla_core')
        for name in imported(path)
        if name.split('.')[0] not in allowed
    ]
    assert not bad, '\n'.join(bad)


@pytest.mark.parametrize('package', [p for p in CORES if p != 'vla_core'])
def test_nodes_meet_only_in_messages(package):
    allowed = CORES[package] | FOR_NODES | {package}
    files = sorted((SOURCES / package / package / 'ros').rglob('*.py'))
    assert files
    bad = []
    for path in files:
        for name in imported(path):
            root, inner = (*name.split('.'), '')[:2]
            of_another = root in SUITE and root != package and inner == 'ros'
            if of_another or (root in SUITE and root not in allowed):
                bad.append(f'{path}: {name}')
    assert not bad, '\n'.join(bad)


def test_the_table_names_every_package_that_has_a_core():
    with_core = {
        p.parent.name for p in SOURCES.glob('*/*/core') if p.parent.name == p.parents[1].name
    }
    assert with_core | {'vla_core'} == set(CORES)
