"""The words that options take, read from the checkout's own folders: no list to forget."""

from pathlib import Path

from vla_cli.places import Places

WEIGHT_FREE = ('hold', 'scripted')


def _modules(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob('*.py') if not p.name.startswith('_'))


def strategies(places: Places) -> list[str]:
    """Return the names of the executor's strategies."""
    return _modules(places.sources / 'vla_control' / 'vla_control' / 'core' / 'strategies')


def tasks(places: Places) -> list[str]:
    """Return the names of the simulator's tasks."""
    return _modules(places.sources / 'vla_sim' / 'vla_sim' / 'core' / 'tasks')


def robots(places: Places) -> list[str]:
    """Return the names of the robots that have a contract."""
    return sorted(p.stem for p in (places.root / 'config' / 'robots').glob('*.yaml'))


def checkpoints(places: Places) -> list[str]:
    """Return the names of the checkpoints that are shipped."""
    return sorted(p.parent.name for p in (places.root / 'checkpoints').glob('*/config.yaml'))


def policies(places: Places) -> list[str]:
    """Return the names that a policy can be given by; any folder with a checkpoint is one too."""
    return [*checkpoints(places), *WEIGHT_FREE]


def heads(places: Places) -> list[str]:
    """Return the names of the action heads that can be trained."""
    return _modules(places.sources / 'vla_policy' / 'vla_policy' / 'core' / 'heads')
