"""Control ticks: on an absolute grid, in wall time and under /clock."""

import threading
import time

import pytest
from builtin_interfaces.msg import Time
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock as ClockMsg

from vla_ros.convert import stamp
from vla_ros.ticker import Ticker

pytestmark = pytest.mark.ros

MS = 1_000_000


class Ticks:
    """Writes down when it was called; can take long or raise at a given call."""

    def __init__(self, wanted, slow_at=None, slow_s=0.0, raise_at=None):
        self.at = []
        self.done = threading.Event()
        self._wanted, self._slow_at, self._slow_s = wanted, slow_at, slow_s
        self._raise_at = raise_at

    def __call__(self, now_ns):
        self.at.append(now_ns)
        if len(self.at) == self._raise_at:
            raise ValueError('broken')
        if len(self.at) == self._slow_at:
            time.sleep(self._slow_s)
        if len(self.at) >= self._wanted:
            self.done.set()


def fail(error):
    raise AssertionError(error)


@pytest.fixture
def clock():
    return Clock(clock_type=ClockType.ROS_TIME)


def test_the_grid_does_not_drift(clock):
    late = []
    done = threading.Event()

    def callback(now_ns):
        time.sleep(0.0005)  # work: a loop that sleeps one period after it drifts by this much
        late.append(now_ns - 4 * MS * (len(late) + ticker.missed))
        if len(late) == 300:
            done.set()

    ticker = Ticker(clock, 4 * MS, callback, fail)
    ticker.start()
    assert done.wait(20)
    ticker.stop()
    # the scheduler delays single ticks, never all of a hundred
    assert abs(min(late[200:300]) - min(late[:100])) < 2 * MS


def test_points_passed_during_a_long_callback_are_skipped_not_made_up_for(clock):
    ticks = Ticks(8, slow_at=3, slow_s=0.1)
    ticker = Ticker(clock, 20 * MS, ticks, fail)
    ticker.start()
    assert ticks.done.wait(10)
    ticker.stop()
    assert ticker.missed >= 4
    gaps = [b - a for a, b in zip(ticks.at, ticks.at[1:], strict=False)]
    assert gaps[2] >= 100 * MS
    assert sum(ticks.at[7] - ticks.at[0] >= (7 + k) * 20 * MS - 10 * MS for k in (0, 4)) == 2


def test_stop_waits_for_the_callback(clock):
    ticks = Ticks(1, slow_at=1, slow_s=0.2)
    finished = []

    def callback(now_ns):
        ticks(now_ns)
        finished.append(now_ns)

    ticker = Ticker(clock, 10 * MS, callback, fail)
    ticker.start()
    assert ticks.done.wait(10)
    ticker.stop()
    count = len(finished)
    assert count == len(ticks.at)


def test_an_exception_is_handed_over_once_and_ends_it(clock):
    errors, told = [], threading.Event()

    def on_error(error):
        errors.append(error)
        told.set()

    ticks = Ticks(100, raise_at=3)
    ticker = Ticker(clock, 5 * MS, ticks, on_error)
    ticker.start()
    assert told.wait(10)
    ticker.stop()
    assert [str(e) for e in errors] == ['broken']
    assert len(ticks.at) == 3


def test_a_period_of_nothing_is_refused(clock):
    with pytest.raises(ValueError, match='> 0'):
        Ticker(clock, 0, fail, fail)


class Simulated:
    """A node under use_sim_time, and the hand that moves its clock."""

    def __init__(self, graph):
        self._graph = graph
        self.node = graph.add(
            Node('driven', parameter_overrides=[Parameter('use_sim_time', value=True)])
        )
        self._clock = graph.talk(ClockMsg, '/clock', 'reliable')

    def move(self, to_ns):
        self._clock.publish(ClockMsg(clock=stamp(to_ns) if to_ns else Time()))
        self._graph.until(lambda: self.node.get_clock().now().nanoseconds == to_ns, f'{to_ns}')


@pytest.fixture
def simulated(graph):
    return Simulated(graph)


def test_it_follows_clock(graph, simulated):
    ticks = Ticks(1)
    ticker = Ticker(simulated.node.get_clock(), 10 * MS, ticks, fail)
    ticker.start()
    start = 1000 * MS
    for k in range(6):
        simulated.move(start + k * 10 * MS)
        graph.until(lambda k=k: len(ticks.at) == k + 1, f'tick {k}')
    simulated.move(start + 54 * MS)  # no grid point between
    simulated.move(start + 60 * MS)
    graph.until(lambda: len(ticks.at) == 7, 'tick 6')
    ticker.stop()
    assert ticks.at == [start + k * 10 * MS for k in range(7)]
    assert ticker.missed == 0


def test_nothing_ticks_before_the_first_clock(graph, simulated):
    ticks = Ticks(1)
    ticker = Ticker(simulated.node.get_clock(), 10 * MS, ticks, fail)
    ticker.start()
    simulated.move(5 * MS)
    graph.until(lambda: ticks.at, 'first tick')
    ticker.stop()
    assert ticks.at[0] == 5 * MS


def test_a_clock_that_jumps_begins_a_new_grid(graph, simulated):
    ticks = Ticks(1)
    ticker = Ticker(simulated.node.get_clock(), 10 * MS, ticks, fail)
    ticker.start()
    times = [1000 * MS, 1045 * MS, 1050 * MS, 300 * MS, 310 * MS]
    for k, at in enumerate(times):
        simulated.move(at)
        graph.until(lambda k=k: len(ticks.at) == k + 1, f'tick {k}')
    ticker.stop()
    assert ticks.at == times
    assert ticker.missed == 3  # 1010, 1020 and 1030; 1040 is what 1045 answers
