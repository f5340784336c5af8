"""What the page costs while one browser looks: two cameras at 10 Hz, joints at 100 Hz."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vla_cli import domain, transport
from vla_cli.places import Places
from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._bags import viewer_robot
from vla_eval.bench._screen import Screen

SECONDS, QUICK_SECONDS = 30, 8
FIRST_DOMAIN = 20  # below it are the domains that a person's own graphs get
MOST_CPU = 0.20
WARM_S = 3.0


class ViewerError(VlaError):
    """The viewer or the robot did not do its part."""


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `viewer_cpu`."""
    seconds = QUICK_SECONDS if options.quick else SECONDS
    with screen.part('viewer') as part:
        share, received = watch(options.root, seconds)
        part.advance(note=f'{100 * share:.0f} % of a core, {received / seconds:.0f} messages/s')
    more = {
        'seconds': seconds,
        'messages_per_s': received / seconds,
        'streams': f'2 cameras x {viewer_robot.CAMERA_HZ} Hz + {viewer_robot.JOINTS_HZ} Hz joints',
    }
    return [Row.judged('viewer_cpu', share, 'core', most=MOST_CPU, more=more)]


def watch(root: Path, seconds: float) -> tuple[float, int]:
    """Return the viewer's share of a core, and the messages that its browser was sent."""
    held = domain.claim({}, root, 'host', first=FIRST_DOMAIN, hidden=True)
    variables = {**transport.variables(Places(root), 'host'), **held.variables()}
    env = {**os.environ, **variables, 'VLA_ROOT': str(root)}
    words = ['-m', 'vla_cli.handover', 'vla_eval.commands.view', '--robot', 'tabletop']
    try:
        with (
            _running([sys.executable, viewer_robot.__file__, str(root)], env),
            _running([sys.executable, *words], env) as view,
        ):
            assert view.stdout is not None
            said = view.stdout.readline()
            if 'http://' not in said:
                raise ViewerError(f'the viewer has ended: {said.strip() or "it said nothing"}')
            return _measured(view.pid, said.split('http://')[1].strip('/\n'), seconds)
    finally:
        held.release()


def _measured(pid: int, address: str, seconds: float) -> tuple[float, int]:
    """Look at the page as a browser does: take every message in, and acknowledge nothing else."""
    import viser
    from websockets.sync.client import connect

    protocol = f'viser-v{viser.__version__}'
    received = 0
    with connect(
        f'ws://{address}',
        subprotocols=[protocol],
        max_size=None,
        proxy=None,  # type: ignore[list-item]
    ) as socket:
        socket.send(camera())
        deadline = time.monotonic() + WARM_S
        while time.monotonic() < deadline:
            _take(socket, deadline)
        begin_s, begin = _cpu_s(pid), time.monotonic()
        while (left := begin + seconds - time.monotonic()) > 0:
            received += _take(socket, time.monotonic() + min(left, 0.5))
        spent_s, took_s = _cpu_s(pid) - begin_s, time.monotonic() - begin
    if received < seconds:  # a viewer that draws nothing costs nothing
        raise ViewerError(f'the page sent {received} messages in {seconds:g} s: it draws nothing')
    return spent_s / took_s, received


def camera() -> bytes:
    """Return the message with which a browser says where it looks from; it counts from then on."""
    import msgspec
    from viser import _messages

    fields = {
        'wxyz': (1.0, 0.0, 0.0, 0.0),
        'position': (1.0, 1.0, 1.0),
        'fov': 1.0,
        'near': 0.01,
        'far': 100.0,
        'image_height': 800,
        'image_width': 1200,
        'look_at': (0.0, 0.0, 0.0),
        'up_direction': (0.0, 0.0, 1.0),
    }
    message = _messages.ViewerCameraMessage(**fields)
    return msgspec.msgpack.encode(message.as_serializable_dict())


def _take(socket: object, until_s: float) -> int:
    with contextlib.suppress(TimeoutError):
        socket.recv(timeout=max(0.0, until_s - time.monotonic()))  # type: ignore[attr-defined]
        return 1
    return 0


@contextmanager
def _running(words: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _cpu_s(pid: int) -> float:
    """Return what a process has spent, user and system, s."""
    fields = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
