"""What is said about the comparison, on the page and in the docs alike."""

from collections.abc import Sequence

from vla_control.core.settings import ExecutorSettings
from vla_control.core.strategies import STRATEGIES
from vla_eval.bench._strategies.cells import (
    EPISODES,
    LATENCIES_MS,
    OTHER_EPISODES,
    REACTION_EPISODES,
    TASKS,
)
from vla_eval.bench._strategies.summary import Summaries, kept
from vla_eval.core.comparison import LATE, SUCCESS, Cell

COMMAND = './vla bench strategies'

CONDITIONS = (
    f'Every strategy plays the same episodes, in virtual time; in full {EPISODES[LATE]} a cell on '
    f'`{LATE}`, {OTHER_EPISODES} a cell on the tabletop tasks, {REACTION_EPISODES} a cell for '
    'reaction times. The latency is the time from an observation to the arrival of its chunk; '
    'meanwhile the model is busy, so it is also the least time between two plans. Four chunk '
    'steps are 400 ms. Jittered: drawn anew for every chunk, uniform between half and one and a '
    'half of the latency.',
    f'`{LATE}`: a post stands on the straight way to the goal; the expert goes round it on '
    'either side and chooses when it is close, so two plans of one policy may disagree, and the '
    'first half of one with the second half of the other leads into the post. The policy is a '
    'small flow-matching network (`checkpoints/benchmarks/late_decision`) that starts from random '
    'noise; for a robot at rest it lays the chunk to where it will usually have arrived, so that '
    'none loses its first rows. Success: the simulated tool point gets to the goal in time and '
    'never into the post. '
    'The tabletop tasks are played by the checkpoint `flow`, which starts from zero noise and '
    'whose words say what to do: nothing is ambiguous there.',
    '`rtc` guides the policy to agree with what is executed anyway. Two variants, on '
    f'`{LATE}` only: `rtc_trained`, the settled rows are an input that the network learned to '
    'continue; `async_rolled`, the policy plans from where the plan will have led it when its '
    'chunk arrives.',
    'Jerk: root mean square over ticks that follow a chunk, from the commanded tool point at the '
    'control rate. Boundary jump: how far the commanded tool velocity over the 0.1 s after a '
    'hand-over to a newer chunk differs from that over the 0.1 s before. Reaction: the target '
    'moves once, by 10 or 12 cm sideways, when the tool is half way to it (past the post on '
    f'`{LATE}`); the time until the commanded tool velocity points to where it is now (within '
    '30 degrees, and half as far off it as off where it was), for five ticks in a row. It holds '
    'the rest of the chunk being followed, the wait for the next picture and the latency.',
)


def conclusions(found: Summaries) -> list[str]:
    """Return what follows from the figures; empty where too little was run."""
    lines = []
    share = kept(found)
    if share is not None:
        lines.append(
            f'On `{LATE}` at 400 ms, the best strategy that overlaps inference and motion is '
            f'`{share[1]}`; it keeps {share[0]:.2f} of the best success at 0 ms (`{share[2]}`).'
        )
    means = {
        s: m for s in STRATEGIES if (m := _mean_success(found, s, (LATE, *TASKS))) is not None
    }
    if len(means) == len(STRATEGIES):
        ranked = sorted(means, key=means.__getitem__, reverse=True)
        told = ', '.join(f'`{s}` {means[s]:.2f}' for s in ranked)
        lines.append(f'Mean success over all tasks and fixed latencies: {told}.')
        lines.append(_default(found))
    return lines


def _default(found: Summaries) -> str:
    """Return where the default strategy is as good as the best; every cell must be there."""
    default = ExecutorSettings().strategy
    ties = [ms for ms in LATENCIES_MS if _ties(found, default, ms)]
    told = [
        f'The default, `{default}`, ties with the best strategy on every task (95 % intervals '
        f'overlap) at {_listed(ties)} ms. It plans without guidance, which takes a pass back '
        'through the network for every step of the solver.'
    ]
    for ms in sorted(set(LATENCIES_MS) - set(ties)):
        best = max(STRATEGIES, key=lambda s: _worst(found, s, ms))
        told.append(f'At {ms} ms take `{best}`: {_worst(found, best, ms):.2f} on its worst task.')
    return ' '.join(told)


def _listed(values: Sequence[int]) -> str:
    return ', '.join(map(str, values)) or 'no'


def _ties(found: Summaries, strategy: str, ms: int) -> bool:
    """Whether no strategy is above this one by more than chance, on any task."""
    return not any(
        found[Cell(SUCCESS, task, other, ms)].ci95[0]
        > found[Cell(SUCCESS, task, strategy, ms)].ci95[1]
        for task in (LATE, *TASKS)
        for other in STRATEGIES
    )


def _worst(found: Summaries, strategy: str, ms: int) -> float:
    """Return the success of a strategy on the task that suits it least."""
    return min(found[Cell(SUCCESS, task, strategy, ms)].rate for task in (LATE, *TASKS))


def _mean_success(found: Summaries, strategy: str, tasks: Sequence[str]) -> float | None:
    cells = [Cell(SUCCESS, task, strategy, ms) for task in tasks for ms in LATENCIES_MS]
    if any(cell not in found for cell in cells):
        return None
    return sum(found[cell].rate for cell in cells) / len(cells)
