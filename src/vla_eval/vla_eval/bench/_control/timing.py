"""Timing of small calls: a warm-up, many samples, the garbage collector out of the way."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vla_eval.bench import percentile


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the garbage collector from running meanwhile."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def samples(call: Callable[[], object], count: int, warm: int = 50) -> list[float]:
    """Return what each of `count` calls took, us."""
    clock, took = time.perf_counter_ns, []
    with undisturbed():
        for _ in range(warm):
            call()
        for _ in range(count):
            begin = clock()
            call()
            took.append((clock() - begin) / 1e3)
    return took


def spread(took: list[float], digits: int = 3) -> dict[str, Any]:
    """Return 99th percentile and number of samples, for `Row.more`."""
    return {'p99': round(percentile(took, 99), digits), 'samples': len(took)}
