"""`./vla bench control`: what a control tick costs, and how well it keeps its time."""

from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._control import chunks, ensemble, gate, memory, period, scaling
from vla_eval.bench._screen import Screen

PARTS = (ensemble, gate, chunks, period, memory, scaling)


def run(options: BenchOptions, screen: Screen) -> list[Row]:
    """See `vla_eval.bench`."""
    return [row for part in PARTS for row in part.measure(options, screen)]
