"""Whether the recorder keeps everything of two cameras and 1 kHz, and what that costs it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vla_cli import domain, transport
from vla_cli.places import Places
from vla_core.errors import VlaError
from vla_eval.bench import BenchOptions, Row
from vla_eval.bench._bags import sender
from vla_eval.bench._screen import Screen
from vla_eval.core.bags.reader import Bag

SECONDS, QUICK_SECONDS = 60, 12
FIRST_DOMAIN = 20  # below it are the domains that a person's own graphs get
MOST_CPU = 0.30
PATIENCE_S = 30.0
RECORDER = (
    "import sys; from vla_ros.run import run; sys.exit(run('vla_eval.ros.recorder:RecorderNode'))"
)


class RecordingError(VlaError):
    """The recorder or the sender did not do its part."""


def measure(options: BenchOptions, screen: Screen) -> list[Row]:
    """Return `record_loss` and `record_cpu`."""
    seconds = QUICK_SECONDS if options.quick else SECONDS
    with screen.part('record') as part, tempfile.TemporaryDirectory(dir=options.out) as folder:
        sent, kept, cpu_share = record(options.root, Path(folder) / 'bag', seconds)
        lost = sum(sent.values()) - sum(kept.values())
        part.advance(note=f'{lost} lost, {100 * cpu_share:.0f} % of a core')
    more = {'sent': sent, 'kept': kept, 'seconds': seconds}
    streams = f'2 x {sender.WIDTH}x{sender.HEIGHT} x {sender.CAMERA_HZ} Hz + {sender.JOINTS_HZ} Hz'
    return [
        Row.judged('record_loss', float(lost), 'messages', most=0.0, more=more),
        Row.judged('record_cpu', cpu_share, 'core', most=MOST_CPU, more={'streams': streams}),
    ]


def record(root: Path, bag: Path, seconds: float) -> tuple[dict[str, int], dict[str, int], float]:
    """Record a sender; return what it sent and what was kept by topic, and the share of a core."""
    held = domain.claim({}, root, 'host', first=FIRST_DOMAIN, hidden=True)
    variables = {**transport.variables(Places(root), 'host'), **held.variables()}
    env = {**os.environ, **variables}
    params = {'contract': root / 'config' / 'robots' / 'tabletop.yaml', 'folder': bag}
    words = [word for key, value in params.items() for word in ('-p', f'{key}:={value}')]
    try:
        with (
            _running([sys.executable, '-c', RECORDER, '--ros-args', *words], env) as recorder,
            _running([sys.executable, sender.__file__, f'{seconds:g}'], env) as robot,
        ):
            after_ns = _answer(robot)['after_ns']
            begin_s = _cpu_s(recorder.pid)
            sent = _answer(robot)['sent']
            spent_s = _cpu_s(recorder.pid) - begin_s
            robot.wait(PATIENCE_S)
            recorder.send_signal(signal.SIGINT)
            _, said = recorder.communicate(timeout=PATIENCE_S)
            if recorder.returncode:
                raise RecordingError(f'the recorder has ended: {_last(said)}')
    finally:
        held.release()
    messages = Bag(bag).messages(sent)
    kept = Counter(message.topic for message in messages if message.publish_ns > after_ns)
    return sent, {topic: kept[topic] for topic in sent}, spent_s / seconds


@contextmanager
def _running(words: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True, env=env)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _answer(robot: subprocess.Popen[str]) -> Any:
    assert robot.stdout is not None
    line = robot.stdout.readline()
    if not line:
        _, said = robot.communicate()
        raise RecordingError(f'the sender has ended: {_last(said)}')
    return json.loads(line)


def _last(said: str) -> str:
    return (said.strip().splitlines() or ['it said nothing'])[-1]


def _cpu_s(pid: int) -> float:
    """Return what a process has spent, user and system, s."""
    fields = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
