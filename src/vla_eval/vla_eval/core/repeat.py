"""The command line that repeats an episode."""

import shlex
from collections.abc import Sequence

from vla_eval.core.episodes import Conditions


def command(conditions: Conditions, options: Sequence[str] = ()) -> str:
    """Return the command that repeats one episode, with `{task}` and `{index}` in it.

    Args:
        conditions: Of the episode.
        options: Further words of the command line, e.g. `--graph`.
    """
    c = conditions
    words = ['./vla', 'eval', '--seed', str(c.seed), '--policy', c.policy]
    words += ['--strategy', c.strategy, '--phrasing', c.phrasing]
    words += options
    words += ['--robot', c.contract.stem] if c.contract.stem != 'tabletop' else []
    words += ['--ablate', c.ablate] if c.ablate else []
    words += ['--latency-ms', str(c.latency)] if str(c.latency) != '0' else []
    plain = shlex.join(words).replace('{', '{{').replace('}', '}}')
    return f'{plain} --tasks {{task}} --only {{index}}'
