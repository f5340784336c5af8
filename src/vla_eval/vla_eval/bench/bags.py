"""`./vla bench bags`: what recording, converting, replaying and looking at bags costs."""

from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._bags import convert, record, replay, viewer
from vla_eval.bench._screen import Screen

PARTS = (record, convert, replay, viewer)


def run(options: BenchOptions, screen: Screen) -> list[Row]:
    """See `vla_eval.bench`."""
    return [row for part in PARTS for row in part.measure(options, screen)]
