"""Where vla_ros may reach: vla_core and ROS, no other package of the suite."""

import ast
from pathlib import Path

import vla_ros

ALLOWED = {'vla_core', 'vla_msgs', 'vla_ros'}
WITHOUT_ROS = ('params.py', 'errors.py')


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module.split('.')[0]


def test_it_imports_no_other_package_of_the_suite():
    files = list(Path(vla_ros.__file__).parent.rglob('*.py'))
    assert len(files) > 10
    for path in files:
        roots = {root for root in imported(path) if root.startswith('vla_')}
        assert roots <= ALLOWED, path


def test_parameters_can_be_described_without_ros():
    for name in WITHOUT_ROS:
        roots = set(imported(Path(vla_ros.__file__).parent / name))
        assert not any(root in ('rclpy', 'rcl_interfaces') for root in roots), name
