"""The thread that draws: cameras belong to it, and the physics never waits for them."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vla_core.contract import RobotContract
from vla_sim.core.cameras import Cameras
from vla_sim.core.injection import Faults, Frame
from vla_sim.core.rendering import Configuration

POLL_S = 0.005  # how late a delayed picture may leave
READY_S = 30.0  # the robot goes on without pictures then
PATIENCE_S = 5.0  # a renderer that takes longer is told of


@dataclass(frozen=True)
class Shot:
    """What to draw.

    Attributes:
        configuration: A copy of the scene.
        faults: In force when it was taken.
        seed: Of the episode; another one begins the faults anew.
    """

    configuration: Configuration
    faults: Faults
    seed: int


class Eyes:
    """Draws the newest shot; what could not be drawn in time is skipped."""

    def __init__(
        self,
        contract: RobotContract,
        now_ns: Callable[[], int],
        publish: Callable[[Sequence[Frame]], None],
        on_error: Callable[[BaseException], None],
        warn: Callable[[str], object] = lambda words: None,
    ):
        """Prepare.

        Args:
            contract: The robot's.
            now_ns: The simulator's time.
            publish: Takes the pictures that have arrived; called in the drawing thread.
            on_error: Told of an exception, which ends the thread.
            warn: Told in one line where the renderer makes others wait.
        """
        self._contract = contract
        self._now_ns = now_ns
        self._publish = publish
        self._on_error, self._warn = on_error, warn
        self._waited_for = True  # by `open`, which raises what went wrong
        self._ready = threading.Event()
        self._refused: Exception | None = None
        self._wake = threading.Condition()
        self._shot: Shot | None = None
        self._ended = False
        self.skipped = 0
        self._thread = threading.Thread(target=self._run, name='eyes', daemon=True)

    def open(self) -> None:
        """Start the thread and wait until it can draw; raise what kept it from that.

        After `READY_S` it is waited for no longer: pictures come once it can draw, and what keeps
        it from that is told to `on_error`.
        """
        self._thread.start()
        if not self._ready.wait(PATIENCE_S):
            self._warn(f'the renderer is not ready after {PATIENCE_S:g} s (MUJOCO_GL, EGL?)')
            self._ready.wait(READY_S - PATIENCE_S)
        with self._wake:
            self._waited_for = False
            refused = self._refused
        if refused is not None:
            raise refused

    def look(self, shot: Shot) -> None:
        """Draw this next."""
        with self._wake:
            self.skipped += self._shot is not None
            self._shot = shot
            self._wake.notify()

    def close(self) -> None:
        """End the thread."""
        with self._wake:
            self._ended = True
            self._wake.notify()
        self._thread.join(2.0)

    def _run(self) -> None:
        try:
            cameras = Cameras(self._contract)
        except Exception as error:
            with self._wake:
                self._refused, late = error, not self._waited_for
            if late:
                self._on_error(error)
            return
        finally:
            self._ready.set()
        try:
            self._draw(cameras)
        except Exception as error:
            self._on_error(error)
        finally:
            cameras.close()

    def _draw(self, cameras: Cameras) -> None:
        seed: int | None = None
        while True:
            with self._wake:
                if self._shot is None and not self._ended:
                    self._wake.wait(POLL_S if cameras.waiting else None)
                shot, self._shot = self._shot, None
                if self._ended:
                    return
            if shot is not None:
                if shot.seed != seed:
                    seed = shot.seed
                    cameras.reset(seed)
                cameras.capture(shot.configuration, shot.faults)
            arrived = cameras.arrived(self._now_ns())
            if arrived:
                self._publish(arrived)
