"""Calls back on an absolute time grid, from a thread of its own.

An rclpy timer shares its thread with every callback of the node and falls behind on a loaded
machine; a thread that sleeps to an absolute grid keeps its grid.
"""

import threading
import time
from collections.abc import Callable

from rclpy.clock import Clock, JumpThreshold, ROSClock
from rclpy.duration import Duration

JOIN_S = 2.0
CLOCKS_APART_NS = 1_000_000  # between two readings; less is their own noise


class Ticker:
    """A thread that calls `callback(now_ns)` once per period, now_ns being ROS time.

    In wall time the grid is the monotonic clock's, and now_ns is the ROS time of the grid point,
    not that of the wake-up a little later: what is computed for it is evenly spaced. Under
    `use_sim_time` the grid is that of /clock, begun anew when /clock jumps back. Grid points that
    have passed while the callback ran are skipped and counted, never made up for in a burst.

    Attributes:
        missed: Grid points skipped so far.
    """

    def __init__(
        self,
        clock: Clock,
        period_ns: int,
        callback: Callable[[int], None],
        on_error: Callable[[BaseException], None],
        name: str = 'ticker',
    ) -> None:
        """Prepare; nothing runs before `start`.

        Args:
            clock: The node's clock, `node.get_clock()`.
            period_ns: Spacing of the grid.
            callback: What to do at each grid point.
            on_error: Told of an exception of the callback, which ends the thread: `node.fail`.
            name: Name of the thread.
        """
        if period_ns <= 0:
            raise ValueError(f'a period > 0 expected, got {period_ns} ns')
        self.missed = 0
        self._clock = clock
        self._period_ns = period_ns
        self._callback = callback
        self._on_error = on_error
        self._name = name
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tick."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tick no more; returns when the callback is not running any more."""
        self._stop.set()
        with self._moved:
            self._moved.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)
        self._thread = None

    def _run(self) -> None:
        simulated = isinstance(self._clock, ROSClock) and self._clock.ros_time_is_active
        try:
            (self._follow_clock if simulated else self._follow_wall)()
        except Exception as error:
            self._on_error(error)

    def _follow_wall(self) -> None:
        due = time.monotonic_ns()
        ahead = self._ahead()
        while not self._stop.is_set():
            late = time.monotonic_ns() - due
            if late < 0:
                time.sleep(-late / 1e9)
                continue
            new = self._ahead()
            if abs(new - ahead) > CLOCKS_APART_NS:  # the ROS clock was set, or drifted away
                ahead = new
            self._callback(due + ahead)
            due = self._next(due, time.monotonic_ns())

    def _ahead(self) -> int:
        """Return how far the ROS clock is ahead of the monotonic one."""
        before = time.monotonic_ns()
        return self._clock.now().nanoseconds - (before + time.monotonic_ns()) // 2

    def _follow_clock(self) -> None:
        threshold = JumpThreshold(
            min_forward=Duration(nanoseconds=1),
            min_backward=Duration(nanoseconds=-1),
            on_clock_change=True,
        )
        handle = self._clock.create_jump_callback(threshold, post_callback=self._on_move)
        try:
            due = 0
            while not self._stop.is_set():
                with self._moved:
                    now = self._clock.now().nanoseconds
                    if due == 0 or due - now > self._period_ns:
                        due = now  # the first /clock, or one that jumped back
                    if now < due or now == 0:  # 0: no /clock yet
                        self._moved.wait(0.5)
                        continue
                self._callback(now)
                due = self._next(due, self._clock.now().nanoseconds)
        finally:
            handle.unregister()

    def _next(self, due: int, now: int) -> int:
        """Return the first grid point after both `due` and `now`."""
        behind = max(0, (now - due) // self._period_ns)
        self.missed += behind
        return due + (behind + 1) * self._period_ns

    def _on_move(self, _jump: object) -> None:
        with self._moved:
            self._moved.notify_all()
