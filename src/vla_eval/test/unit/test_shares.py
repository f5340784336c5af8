"""The oracle of the fault scenarios: it must see what is too fast, too hard, too abrupt."""

from pathlib import Path

import numpy as np
import pytest

from vla_core.contract import load
from vla_core.timing import SECOND
from vla_eval.core.shares import Sample, commanded, measured, unbroken

TICK_NS = SECOND // 100
GAP_NS = 20 * TICK_NS


@pytest.fixture(scope='module')
def contract():
    return load(Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml')


def samples_of(joint1, start_ns=SECOND, tick_ns=TICK_NS, run=1):
    q = np.zeros((len(joint1), 8))
    q[:, 7] = 0.02
    q[:, 0] = joint1
    return [Sample(start_ns + k * tick_ns, row, run, k) for k, row in enumerate(q)]


def polynomial(order, height):
    """Return positions whose `order`-th derivative is `height` throughout."""
    t = np.arange(8) * 0.01
    return height * t**order / np.prod(np.arange(1, order + 1))


@pytest.mark.parametrize(
    ('order', 'name', 'limit'),
    [(1, 'velocity', 2.0), (2, 'acceleration', 20.0), (3, 'jerk', 1000.0)],
)
def test_a_share_is_that_of_the_derivative(contract, order, name, limit):
    worst = commanded(samples_of(polynomial(order, 1.5 * limit)), contract, GAP_NS)
    assert worst[name] == pytest.approx(1.5)


def test_a_position_past_its_limit_is_more_than_all_of_it(contract):
    assert commanded(samples_of([2.9] * 3), contract, GAP_NS)['position'] == pytest.approx(1.0)
    assert commanded(samples_of([3.0] * 3), contract, GAP_NS)['position'] > 1.0


def test_a_late_tick_earns_no_larger_step(contract):
    late = samples_of(np.arange(5) * 0.03, tick_ns=3 * TICK_NS)  # 1 rad/s by its stamps
    assert commanded(late, contract, GAP_NS)['velocity'] == pytest.approx(1.5)


@pytest.mark.parametrize(
    'second',
    [
        {'run': 2},  # another epoch
        {'start_ns': SECOND // 2},  # a clock that went back
        {'start_ns': 2 * SECOND},  # a silence
    ],
)
def test_where_a_robot_may_be_taken_over_anew_nothing_is_held_together(contract, second):
    both = samples_of([0.0] * 5) + samples_of([1.0] * 5, **{'start_ns': SECOND + 50, **second})
    assert [len(run) for run in unbroken(both, GAP_NS)] == [5, 5]
    assert commanded(both, contract, GAP_NS)['velocity'] == 0.0
    assert len(unbroken([s for s in samples_of([0.0] * 5) if s.count != 2], GAP_NS)) == 2


def test_what_is_measured_is_judged_by_its_stamps(contract):
    speed = 3.0 * np.arange(30) * 0.01
    shares = measured(samples_of(speed), contract)
    assert shares.pop('joint1') == pytest.approx(1.5)
    assert set(shares.values()) == {0.0}


@pytest.mark.parametrize('second', [{'start_ns': 3 * SECOND}, {'start_ns': 1}, {'run': 2}])
def test_of_joints_that_were_put_elsewhere_nothing_is_known(contract, second):
    end_ns = SECOND + 10 * TICK_NS
    both = samples_of([0.0] * 10) + samples_of([1.0] * 10, **{'start_ns': end_ns, **second})
    assert set(measured(both, contract).values()) == {0.0}
    both = samples_of([0.0] * 10) + samples_of([1.0] * 10, start_ns=end_ns)
    assert measured(both, contract)['joint1'] > 1.0
