"""A run of one instruction: each way it ends, and what it tells meanwhile."""

import math

import pytest

from vla_control.core.run import Ended, Outcome, Run
from vla_core.command import ExecutorStatus, Mode
from vla_core.timing import Timing


def status(epoch=3, stop_reason='', executed=()):
    return ExecutorStatus(
        1, Mode.RUNNING, epoch, 'go', 's', stop_reason=stop_reason, executed=executed
    )


@pytest.mark.parametrize(
    ('seen', 'now_ns', 'cancelled', 'ended'),
    [
        (status(), 1099, False, None),
        (status(), 1100, False, Ended(Outcome.TIME_LIMIT)),
        (status(), 1050, True, Ended(Outcome.CANCELLED)),
        (status(stop_reason='a wall'), 1050, False, Ended(Outcome.STOPPED, 'a wall')),
        (status(epoch=4), 1050, False, Ended(Outcome.REPLACED, "epoch 4: 'go'")),
        (status(epoch=4, stop_reason='x'), 5000, True, Ended(Outcome.REPLACED, "epoch 4: 'go'")),
        (status(), 5, False, None),  # the clock went back
    ],
)  # fmt: skip
def test_how_it_ends(seen, now_ns, cancelled, ended):
    assert Run(3, 1000, 100).ended(seen, now_ns, cancelled) == ended


def test_chunks_and_latency_of_its_own_epoch():
    run = Run(3, 1000, 100)
    assert math.isnan(run.latency_ms)
    run.see(status(epoch=2, executed=((1, Timing(captured_ns=1, first_row_ns=2)),)))
    assert run.chunks == 0
    timings = [Timing(captured_ns=10**9, first_row_ns=10**9 + ms * 10**6) for ms in (70, 50)]
    run.see(status(executed=tuple(enumerate(timings))))
    assert (run.chunks, run.latency_ms) == (2, 50.0)
