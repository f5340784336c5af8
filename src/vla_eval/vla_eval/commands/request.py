"""The options that `demo` and `eval` share, as conditions of a run."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vla_core.contract import load
from vla_core.latency import Latency
from vla_eval.core import provenance, repeat
from vla_eval.core.episodes import Conditions, Trial, trials
from vla_sim.core.language import TEMPLATES

WEIGHT_FREE = ('hold', 'scripted', 'replay')


def add_options(parser: ArgumentParser) -> None:
    """Declare what both commands take; `./vla` has checked the values."""
    parser.add_argument('--episodes', type=int, required=True)
    parser.add_argument('--tasks', required=True)
    parser.add_argument('--seed', required=True)
    parser.add_argument('--strategy', required=True)
    parser.add_argument('--policy', required=True)
    parser.add_argument('--transport', default='host')
    parser.add_argument('--only', type=int)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--force', action='store_true')


@dataclass(frozen=True)
class Request:
    """A run that was asked for.

    Attributes:
        conditions: The same in every episode.
        trials: The episodes.
        out: Folder of the report.
        root: The checkout.
        more: Further keys of the report, see `report.write`.
    """

    conditions: Conditions
    trials: tuple[Trial, ...]
    out: Path
    root: Path
    more: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)

    def provenance(self) -> dict[str, Any]:
        """Return the report's `provenance`."""
        conditions = self.conditions
        weights = None
        if conditions.policy not in WEIGHT_FREE:  # a name, or the path of a folder
            weights = conditions.checkpoints / conditions.policy
        return provenance.collect(
            root=self.root,
            contract=load(conditions.contract),
            policy=conditions.policy,
            checkpoint=weights,
            seed=conditions.seed,
            command=os.environ.get('VLA_COMMAND', 'not run by ./vla'),
            started=datetime.now(UTC).isoformat(timespec='seconds'),
        )

    def repeat(self, *options: str) -> str:
        """Return the command that repeats one episode, with `{task}` and `{index}` in it."""
        return repeat.command(self.conditions, options)


def read(options: Namespace) -> Request:
    """Return the request of parsed options.

    Raises:
        RequestError: a value that `./vla` does not let through.
    """
    root = Path(os.environ.get('VLA_ROOT', '.')).resolve()
    conditions = Conditions(
        contract=root / 'config' / 'robots' / f'{getattr(options, "robot", "tabletop")}.yaml',
        checkpoints=root / 'checkpoints',
        policy=options.policy,
        strategy=options.strategy,
        seed=int(options.seed),
        phrasing=getattr(options, 'phrasing', 'known'),
        ablate=getattr(options, 'ablate', ''),
        latency=Latency.parse(getattr(options, 'latency_ms', '0')),
    )
    tasks = tuple(sorted(options.tasks.split(','), key=list(TEMPLATES).index))
    chosen = trials(tasks, options.episodes, int(options.seed))
    if options.only is not None:
        up_to = trials(tasks, options.only + 1, int(options.seed))
        chosen = tuple(trial for trial in up_to if trial.index == options.only)
    return Request(conditions, chosen, options.out, root)
