"""Where things lie in a checkout."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Folders of one checkout; everything that is made lies under `.vla/` or `runs/`."""

    root: Path

    @property
    def state(self) -> Path:
        return self.root / '.vla'

    @property
    def venv(self) -> Path:
        return self.state / 'venv'

    @property
    def python(self) -> Path:
        return self.venv / 'bin' / 'python'

    @property
    def build(self) -> Path:
        return self.state / 'build'

    @property
    def install(self) -> Path:
        return self.state / 'install'

    @property
    def logs(self) -> Path:
        return self.state / 'log'

    @property
    def sources(self) -> Path:
        return self.root / 'src'

    @property
    def requirements(self) -> Path:
        return self.root / 'requirements'

    @property
    def runs(self) -> Path:
        return self.root / 'runs'
