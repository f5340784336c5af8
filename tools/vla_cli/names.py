"""The words that options take, read from the checkout's own files: no list to forget."""

import ast
from pathlib import Path

from vla_cli.places import Places

WEIGHT_FREE = ('hold', 'scripted')


def _modules(folder: Path) -> list[str]:
    return sorted(p.stem for p in folder.glob('*.py') if not p.name.startswith('_'))


def _keys(file: Path, mapping: str) -> list[str]:
    """Return the keys of a mapping that a module spells out, without importing it."""
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.AnnAssign) and getattr(node.target, 'id', '') == mapping:
            found = [n for n in ast.walk(node) if isinstance(n, ast.Dict)]
            return [str(key.value) for key in found[0].keys if isinstance(key, ast.Constant)]
    return []


def strategies(places: Places) -> list[str]:
    """Return the names of the executor's strategies, in their order."""
    core = places.sources / 'vla_control' / 'vla_control' / 'core'
    return _keys(core / 'strategies' / '__init__.py', 'STRATEGIES')


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


def benchmarks(places: Places) -> list[str]:
    """Return the names of the benchmarks."""
    return _modules(places.sources / 'vla_eval' / 'vla_eval' / 'bench')
