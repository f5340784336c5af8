"""Tells people which input keeps the observer from its work: diagnostics and a line in the log."""

from rclpy.impl.rcutils_logger import RcutilsLogger

from vla_core.timing import MS, SECOND
from vla_perception.core.errors import NotReady
from vla_perception.core.joint_stream import STREAM as JOINTS
from vla_perception.core.observer import ObserverCore
from vla_ros.diagnostics import Reporter
from vla_ros.watch import transport

SILENT_NS = 1 * SECOND  # without an observation for so long is a fault, on /diagnostics
PATIENCE_NS = 2 * SECOND  # and in the log
START_PATIENCE_NS = 5 * SECOND  # at a start inputs come one after the other
REPEAT_NS = 10 * SECOND  # the same line again


class HealthReport:
    """What is known of each input and of the observations made of them.

    Components: `camera <key>` for each camera, `joint_states`, `tf`, `status`, `observation`.
    Times named steady are those of a clock that never jumps.
    """

    def __init__(self, core: ObserverCore, health: Reporter, logger: RcutilsLogger) -> None:
        self._core = core
        self._health = health
        self._logger = logger
        self._distorted: set[str] = set()
        self._refusal: NotReady | None = None  # since the last observation, other than waiting
        self._last_ns = 0  # steady time of the last observation, or of the beginning
        self._stamp_ns = 0  # of the last observation
        self._made = 0
        self._logged: tuple[str, str] | None = None
        self._logged_ns = 0

    def begin(self, steady_ns: int) -> None:
        """The node became active."""
        self._last_ns, self._stamp_ns = steady_ns, 0
        self._refusal = None

    def made(self, stamp_ns: int, now_ns: int, steady_ns: int) -> None:
        """An observation was published."""
        if self._logged is not None:
            gap_s = (steady_ns - self._last_ns) / SECOND
            self._logger.info(f'observations again, after {gap_s:.1f} s without')
            self._logged = None
        if self._refusal is not None:
            self._refusal = None
            self._inputs(now_ns)
        self._last_ns, self._stamp_ns = steady_ns, stamp_ns
        self._made += 1

    def refused(self, refusal: NotReady, now_ns: int) -> None:
        """No observation could be made; told of at once where the cause is another one."""
        if refusal.reason == 'waiting':
            return
        before, self._refusal = self._refusal, refusal
        if before is None or (before.reason, before.stream) != (refusal.reason, refusal.stream):
            self._inputs(now_ns)

    def distorted(self, key: str, distorted: bool) -> None:
        """Whether a camera's lens bends straight lines."""
        if distorted and key not in self._distorted:
            self._distorted.add(key)
            self._logger.warning(
                f'camera {key}: CameraInfo carries distortion, which is left in the pictures: '
                'give the contract the topic of the rectified ones'
            )

    def look(self, now_ns: int, steady_ns: int, active: bool) -> None:
        """Report everything; called at a steady rate."""
        self._inputs(now_ns)
        gap_ns = steady_ns - self._last_ns
        if not active:
            self._health.ok('observation', 'inactive', made=self._made)
            return
        if gap_ns < SILENT_NS:
            age_ms = max(0, now_ns - self._stamp_ns) / MS
            self._health.ok('observation', made=self._made, age_ms=age_ms)
            return
        problems = self._core.problems(now_ns)
        cause = problems[0] if problems else self._refusal
        why = str(cause) if cause else 'no new picture'
        silent_s = gap_ns / SECOND
        self._health.error('observation', f'none: {why}', made=self._made, silent_s=silent_s)
        if gap_ns >= (PATIENCE_NS if self._stamp_ns else START_PATIENCE_NS):
            key = (cause.stream, cause.reason) if cause else ('', '')
            self._log(key, why, steady_ns)

    def _log(self, key: tuple[str, str], why: str, steady_ns: int) -> None:
        if key == self._logged and steady_ns - self._logged_ns < REPEAT_NS:
            return
        self._logged, self._logged_ns = key, steady_ns
        profile = f' (transport profile {transport()})' if key[1] == 'missing' else ''
        gap_s = (steady_ns - self._last_ns) / SECOND
        self._logger.warning(f'no observation for {gap_s:.0f} s: {why}{profile}')

    def _inputs(self, now_ns: int) -> None:
        problems = {p.stream: p for p in reversed(self._core.problems(now_ns))}
        if self._refusal is not None:
            problems.setdefault(self._refusal.stream, self._refusal)
        for key, camera in self._core.cameras.items():
            lens = {'distorted': True} if key in self._distorted else {}
            self._input(f'camera {key}', problems.get(key), **camera.counts, **lens)
        self._input('joint_states', problems.get(JOINTS), **self._core.joints.counts)
        self._input('tf', problems.get('tf'))
        self._input('status', problems.get('status'))

    def _input(self, component: str, problem: NotReady | None, **values: object) -> None:
        if problem is None:
            self._health.ok(component, **values)
        else:
            self._health.error(component, f'{problem.reason}: {problem.detail}', **values)
