"""Which changes make a package stale, and which do not."""

import os

import pytest

from vla_cli.places import Places
from vla_cli.setup.keys import key_of, stamped, write_stamp
from vla_cli.setup.workspace import Package, Workspace


@pytest.fixture
def write(tmp_path):
    """Write files of a checkout."""

    def put(**files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return put


@pytest.fixture
def checkout(tmp_path, write):
    """A checkout with a Python package, an interface package and the bringup package."""
    write(
        **{
            'src/vla_a/package.xml': '<package/>',
            'src/vla_a/setup.py': 'setup()',
            'src/vla_a/vla_a/__init__.py': '',
            'src/vla_a/vla_a/core/one.py': 'x = 1',
            'src/vla_a/test/unit/test_one.py': 'x = 1',
            'src/vla_msgs/package.xml': '<package/>',
            'src/vla_msgs/CMakeLists.txt': 'project()',
            'src/vla_msgs/msg/A.msg': 'int32 a',
            'src/vla_bringup/package.xml': '<package/>',
            'launch/a.yaml': 'a',
            'config/robots/r.yaml': 'r',
        }
    )
    return tmp_path


@pytest.fixture
def changed(checkout):
    """Return the packages whose key an action changes."""

    def keys():
        packages = Workspace(Places(checkout), 'tools').packages()
        return {package.name: package.key('tools') for package in packages}

    def after(action):
        before = keys()
        action()
        now = keys()
        return {name for name in now if now[name] != before.get(name)}

    return after


@pytest.mark.parametrize(
    ('file', 'text', 'stale'),
    [
        ('src/vla_a/vla_a/core/one.py', 'x = 2', set()),
        ('src/vla_a/vla_a/core/two.py', 'x = 2', set()),
        ('src/vla_a/vla_a/__pycache__/one.pyc', 'x', set()),
        ('src/vla_a/test/unit/test_two.py', 'x = 2', set()),
        ('config/robots/r.yaml', 'changed', set()),
        ('src/vla_a/setup.py', 'setup(1)', {'vla_a'}),
        ('src/vla_a/package.xml', '<package>1</package>', {'vla_a'}),
        ('src/vla_a/vla_b/__init__.py', '', {'vla_a'}),
        ('src/vla_a/vla_a/assets/new.xml', 'x', {'vla_a'}),
        ('src/vla_msgs/msg/A.msg', 'int64 a', {'vla_msgs'}),
        ('src/vla_msgs/CMakeLists.txt', 'project(b)', {'vla_msgs'}),
        ('launch/b.yaml', 'b', {'vla_bringup'}),
        ('checkpoints/flow/config.yaml', 'c', {'vla_bringup'}),
    ],
)
def test_what_a_linked_build_depends_on(changed, write, file, text, stale):
    assert changed(lambda: write(**{file: text})) == stale


def test_deleted_files_count(changed, checkout):
    assert changed(lambda: (checkout / 'launch/a.yaml').unlink()) == {'vla_bringup'}
    assert changed(lambda: (checkout / 'src/vla_msgs/msg/A.msg').unlink()) == {'vla_msgs'}


def test_a_key_does_not_depend_on_time_or_order(changed, checkout):
    assert changed(lambda: os.utime(checkout / 'src/vla_msgs/msg/A.msg', (0, 0))) == set()
    assert key_of('ab', 'c') != key_of('a', 'bc')


def test_only_what_is_stale_or_gone_is_named(checkout):
    places = Places(checkout)
    workspace = Workspace(places, 'tools')
    for package in workspace.packages():
        folder = places.install / package.name
        (folder / 'share').mkdir(parents=True)
        (places.build / package.name).mkdir(parents=True)
        write_stamp(folder / '.stamp', package.key('tools'))
    assert (workspace.stale(), workspace.gone()) == ([], [])
    (places.install / 'vla_old' / 'share').mkdir(parents=True)
    assert workspace.gone() == ['vla_old']
    (checkout / 'src/vla_msgs/msg/A.msg').write_text('int8 a')
    assert [p.name for p in workspace.stale()] == ['vla_msgs']
    assert len(Workspace(places, 'other tools').stale()) == 3
    (places.build / 'vla_a').rmdir()
    assert [p.name for p in workspace.stale()] == ['vla_a', 'vla_msgs']


def test_packages_that_ros_lacks_come_from_the_compat_folder(checkout, write):
    write(**{'tools/compat/tf2_msgs/package.xml': '<package/>'})
    names = [p.name for p in Workspace(Places(checkout), 'tools', ('tf2_msgs',)).packages()]
    assert names == ['tf2_msgs', 'vla_a', 'vla_bringup', 'vla_msgs']


def test_a_stamp_that_was_never_finished_does_not_count(tmp_path):
    stamp = tmp_path / 'stamp'
    assert not stamped(stamp, 'k')
    (tmp_path / 'stamp.part').write_text('k')
    assert not stamped(stamp, 'k')
    write_stamp(stamp, 'k')
    assert stamped(stamp, 'k')
    assert not stamped(stamp, 'other')


def test_a_package_key_is_its_own(checkout):
    one = Package('vla_a', checkout / 'src/vla_a')
    same_files = Package('vla_z', checkout / 'src/vla_a')
    assert one.key() != same_files.key()
