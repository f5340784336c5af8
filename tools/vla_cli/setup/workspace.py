"""The colcon workspace: which packages changed, and building exactly those."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vla_cli.places import Places
from vla_cli.setup.keys import contents, files_under, key_of, stamped, write_stamp
from vla_cli.setup.progress import Step

COMPAT = 'tools/compat'
SHARED_BY_BRINGUP = ('launch', 'config', 'checkpoints')
# run by the environment's own Python, which then stands in the scripts that colcon installs
COLCON = 'import sys; from colcon_core.command import main; sys.exit(main())'
BUILD_FILES = {'package.xml', 'setup.py', 'setup.cfg', 'CMakeLists.txt'}
INTERFACES = {'.msg', '.srv', '.action'}


@dataclass(frozen=True)
class Package:
    """A folder with a package.xml."""

    name: str
    folder: Path

    def key(self, *outside: object) -> str:
        """Return the content key of what a symlinked build of this package depends on.

        Python modules are linked, so only their names count for most files; build files and
        interface definitions count whole.
        """
        files = list(files_under(self.folder))
        whole = [f for f in files if f.name in BUILD_FILES or f.suffix in INTERFACES]
        names = [f for f in files if f.suffix != '.py' or f.parent.parent == self.folder]
        if self.name == 'vla_bringup':
            root = self.folder.parent.parent
            names += [f for d in SHARED_BY_BRINGUP for f in files_under(root / d)]
        listing = sorted(os.path.relpath(f, self.folder) for f in names)
        return key_of(self.name, *outside, *listing, *contents(whole, self.folder))


class Workspace:
    """The packages of one checkout, built into `.vla/build` and `.vla/install`."""

    def __init__(self, places: Places, outside_key: str, compat: tuple[str, ...] = ()) -> None:
        """Describe the workspace.

        Args:
            places: The checkout.
            outside_key: Key of what all builds depend on (tools, Python, ROS).
            compat: Names under tools/compat that this ROS lacks.
        """
        self._places = places
        self._outside = outside_key
        self._compat = compat

    def packages(self) -> list[Package]:
        """Return the packages that exist, sorted by name."""
        folders = [f.parent for f in self._places.sources.glob('*/package.xml')]
        folders += [self._places.root / COMPAT / name for name in self._compat]
        return sorted((Package(f.name, f) for f in folders), key=lambda package: package.name)

    def key(self) -> str:
        """Return the key of the whole workspace."""
        return key_of(*(package.key(self._outside) for package in self.packages()))

    def stale(self) -> list[Package]:
        """Return the packages whose build is missing or of other content."""
        return [
            package
            for package in self.packages()
            if not stamped(self._stamp(package), package.key(self._outside))
            or not (self._places.build / package.name).is_dir()
        ]

    def gone(self) -> list[str]:
        """Return names that are built and no longer in the checkout."""
        names = {package.name for package in self.packages()}
        made = [f.name for f in self._places.install.glob('*/') if (f / 'share').is_dir()]
        return sorted(set(made) - names)

    def build(self, env: Mapping[str, str]) -> None:
        """Build what changed, from nothing: deleted files would linger in a build on top."""
        for name in self.gone():
            self._clear(name)
        stale = self.stale()
        if not stale:
            return
        for package in stale:
            self._clear(package.name)
        log = self._places.logs / 'build.log'
        log.unlink(missing_ok=True)
        keys = {package: package.key(self._outside) for package in stale}
        names = [package.name for package in stale]
        title = 'building ' + (', '.join(names) if len(names) < 4 else f'{len(names)} packages')
        with Step(title) as step:
            step.run(self._command(names), log, env, self._places.root)
        for package, key in keys.items():
            write_stamp(self._stamp(package), key)

    def _command(self, names: list[str]) -> list[str | Path]:
        places = self._places
        return [
            *(places.python, '-c', COLCON, '--log-base', places.logs / 'colcon'),
            *('build', '--symlink-install'),
            *('--build-base', places.build, '--install-base', places.install),
            '--base-paths',
            *{p.folder.parent for p in self.packages()},
            *('--packages-select', *names),
            *('--event-handlers', 'console_cohesion+', 'console_direct-'),
            *('--cmake-args', '-G', 'Ninja', '-DBUILD_TESTING=OFF', '--no-warn-unused-cli'),
        ]

    def _stamp(self, package: Package) -> Path:
        return self._places.install / package.name / '.stamp'

    def _clear(self, name: str) -> None:
        # first, while what it says is still true
        (self._places.install / name / '.stamp').unlink(missing_ok=True)
        shutil.rmtree(self._places.install / name, ignore_errors=True)
        shutil.rmtree(self._places.build / name, ignore_errors=True)
