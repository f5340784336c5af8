"""A second executor started by mistake: it leaves the robot to the first, in one line."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from vla_stage import eventually

pytestmark = [pytest.mark.ros, pytest.mark.timeout(180)]

SEED = 61
START_S = 60.0
SECOND = (
    'import sys; from vla_ros.run import run; sys.exit(run("vla_control.ros.node:ExecutorNode"))'
)


@pytest.fixture
def second(stage, tmp_path, request):
    """Return what starts another executor beside the graph's: its process and its output."""
    started = []

    def start() -> tuple[subprocess.Popen[bytes], Path]:
        log = tmp_path / 'second.log'
        contract = Path(request.config.rootpath) / 'config/robots/tabletop.yaml'
        with log.open('wb') as output:
            words = ['--ros-args', '-r', '__node:=executor', '-p', f'contract:={contract}']
            process = subprocess.Popen(
                [sys.executable, '-c', SECOND, *words],
                env={**os.environ, **stage.live.graph.variables},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process, log

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_later_executor_ends_with_one_line_and_the_robot_never_notices(stage, second):
    stage.calm()
    scene = stage.begin_and_move('place', SEED)
    mark, first = stage.mark(), stage.status.executor
    process, log = second()
    stage.until(lambda: process.poll() is not None, 'the end of the second executor', START_S)
    assert process.returncode == 1
    said = [line for line in log.read_text().splitlines() if line.strip()]
    assert len(said) == 1, said
    assert f'another executor has this robot ({first}' in said[0]
    statuses = stage.statuses[mark.statuses :]
    others = {s.executor for s in statuses} - {first}
    assert len(others) <= 1
    assert all(s.instruction == scene.words for s in statuses if s.executor == first)
    commands = stage.commands[mark.commands :]
    assert all(b.sequence > a.sequence for a, b in pairwise(commands))  # its own begin at 1
    stage.keeps_limits(mark)
    stage.goes_on(scene.epoch)
    eventually(lambda: len(stage.live.graph.pids()) == 4, 'a whole graph', START_S)
