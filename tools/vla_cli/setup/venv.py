"""The virtual environment `.vla/venv`: made, filled group by group, repaired for building."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vla_cli.places import Places
from vla_cli.setup import torch
from vla_cli.setup.keys import contents, key_of, stamped, write_stamp
from vla_cli.setup.progress import Step, note
from vla_cli.setup.repair import repair_exports
from vla_cli.setup.ros import RosInstallation

UNFINISHED = '.unfinished'


@dataclass(frozen=True)
class Group:
    """Requirement files that are installed together, and what they are for."""

    name: str
    title: str
    files: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    torch: bool = False

    def stamp(self, venv: Path) -> Path:
        """Return the file that marks the group as installed."""
        return venv / f'.{self.name}.stamp'


RUN = Group(
    'run',
    'ROS 2 Jazzy, build tools and Python packages',
    ('requirements/bare.txt', 'requirements/build.txt', 'requirements.txt'),
    torch=True,
)
RUN_BESIDE_ROS = Group(
    'run',
    'Python packages that ROS does not bring',
    ('requirements.txt',),
    ('requirements/beside-ros.txt',),
    torch=True,
)
BUILT_WITH = ('requirements/bare.txt', 'requirements/build.txt')
TEST_BESIDE_ROS = Group('test', 'test tools', ('requirements/test.txt', 'requirements/ray.txt'))
TEST = Group('test', 'test tools', (*TEST_BESIDE_ROS.files, 'requirements/rerun.txt'))
# What only some commands need, by name: installed when one of them asks for it.
EXTRAS = {
    'ray': Group('ray', 'Ray', ('requirements/ray.txt',)),
    'rerun': Group('rerun', 'Rerun', ('requirements/rerun.txt',)),
}


class Venv:
    """The environment of one checkout, for one Python and one choice of ROS.

    A stamp inside the environment names the content it was made from. While pip works, a marker
    stands beside it: what was interrupted may hold half-written packages that pip takes for
    installed, so it is made anew.
    """

    def __init__(self, places: Places, ros: RosInstallation | None) -> None:
        self._places = places
        self._ros = ros
        self._base = ros.python if ros else sys.executable
        self._interpreter = (Path(self._base).resolve(), sys.version, places.root, ros is not None)

    def groups(self, tests: bool, extras: Sequence[str] = ()) -> list[Group]:
        """Return the groups needed, the demo's first."""
        run, test = (RUN_BESIDE_ROS, TEST_BESIDE_ROS) if self._ros else (RUN, TEST)
        kept = RUN_BESIDE_ROS.constraints if self._ros else ()  # what ROS needs stays
        wanted = [replace(EXTRAS[name], constraints=kept) for name in extras]
        return [run, *([test] if tests else []), *wanted]

    def key(self, group: Group) -> str:
        """Return the content key of a group."""
        files = [self._places.root / name for name in (*group.files, *group.constraints)]
        choice = torch.choice(self._places) if group.torch else None
        return key_of(*self._interpreter, choice, *contents(files, self._places.root))

    def build_key(self) -> str:
        """Return the content key of what the workspace is built with."""
        files = [self._places.root / name for name in BUILT_WITH]
        prefixes = self._ros.prefixes if self._ros else ''
        return key_of(*self._interpreter, prefixes, *contents(files, self._places.root))

    def ready(self, group: Group) -> bool:
        """Tell whether the group is installed as its files say now."""
        stamp = group.stamp(self._places.venv)
        return not self._marker.exists() and stamped(stamp, self.key(group))

    def ensure(self, groups: list[Group]) -> None:
        """Make and fill the environment; does nothing where it is ready."""
        self._make()
        for group in groups:
            if not self.ready(group):
                self._install(group)

    @property
    def _marker(self) -> Path:
        return self._places.venv / UNFINISHED

    def _make(self) -> None:
        made, key = self._places.venv / '.made.stamp', key_of(*self._interpreter)
        if stamped(made, key) and not self._marker.exists() and self._places.python.exists():
            return
        if self._places.venv.exists():
            note('the Python environment is unfinished or for another Python: making it anew')
            made.unlink(missing_ok=True)  # first, while what it says is still true
            shutil.rmtree(self._places.venv)
        options = ['--system-site-packages'] if self._ros else []
        with Step('Python environment') as step:
            step.run(
                [self._base, '-m', 'venv', *options, self._places.venv],
                self._places.logs / 'venv.log',
            )
        write_stamp(made, key)

    def _install(self, group: Group) -> None:
        log = self._places.logs / f'pip-{group.name}.log'
        log.unlink(missing_ok=True)
        root = self._places.root
        pip: list[str | Path] = [self._places.python, '-m', 'pip', '--disable-pip-version-check']
        words: list[str | Path] = []
        for name in group.files:
            words += ['-r', root / name]
        for name in group.constraints:
            words += ['-c', root / name]
        key = self.key(group)
        self._marker.touch()
        if group.torch:
            words += torch.prepare(self._places, pip, log)
        with Step(group.title) as step:
            step.run([*pip, 'install', '--prefer-binary', '--no-input', *words], log)
        if not self._ros:
            repair_exports(self._places.venv, self._places.python)
        write_stamp(group.stamp(self._places.venv), key)
        self._marker.unlink()
