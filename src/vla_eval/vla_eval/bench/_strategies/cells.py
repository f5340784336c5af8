"""Which cells there are, and how many episodes each is given."""

from collections.abc import Iterator

from vla_control.core.strategies import STRATEGIES
from vla_eval.core.comparison import LATE, REACTION, SUCCESS, VARIANTS, Cell

TASKS = ('reach', 'push', 'pick', 'place')
LATENCIES_MS = (0, 50, 100, 200, 400)
REACTS = (LATE, 'reach')  # whose target can move without undoing what was done

EPISODES = {LATE: 200}
OTHER_EPISODES = 50
REACTION_EPISODES = 25

QUICK_LATENCIES_MS = (0, 400)
QUICK_EPISODES = {LATE: 6, 'reach': 3}
QUICK_REACTION = 2


def strategies(task: str) -> tuple[str, ...]:
    """Return the strategies compared on a task; the policy of `late_decision` knows variants."""
    return (*STRATEGIES, *VARIANTS) if task == LATE else tuple(STRATEGIES)


def latencies() -> Iterator[tuple[int, bool]]:
    """Return (ms, jitter), fixed ones first; none at all has no jitter."""
    for jitter in (False, True):
        for ms in LATENCIES_MS:
            if ms or not jitter:
                yield ms, jitter


def every() -> list[Cell]:
    """Return all cells, in the order in which they are played."""
    found = []
    for task in (LATE, *TASKS):
        for kind in (SUCCESS, REACTION):
            if kind == REACTION and task not in REACTS:
                continue
            for ms, jitter in latencies():
                for strategy in strategies(task):
                    found.append(Cell(kind, task, strategy, ms, jitter))
    return found


def episodes(cell: Cell, quick: bool) -> int:
    """Return how many episodes a cell is given."""
    if not quick:
        if cell.kind == REACTION:
            return REACTION_EPISODES
        return EPISODES.get(cell.task, OTHER_EPISODES)
    if cell.jitter or cell.latency_ms not in QUICK_LATENCIES_MS:
        return 0
    if cell.kind == REACTION:
        return QUICK_REACTION if cell.task == LATE else 0
    return QUICK_EPISODES.get(cell.task, 0)
