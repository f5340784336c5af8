"""`./vla view --rerun`: a bag and a running graph as recordings, read back by Rerun's reader."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('rerun', reason='rerun-sdk is not installed: requirements/rerun.txt')

from rerun.chunk import RrdReader  # noqa: E402
from sensor_msgs.msg import JointState  # noqa: E402

from vla_core.contract import load  # noqa: E402
from vla_core.timing import SECOND  # noqa: E402
from vla_eval.commands import view_rerun  # noqa: E402
from vla_eval.core.bags.reader import Bag  # noqa: E402
from vla_eval.core.bags.simulated import record  # noqa: E402
from vla_eval.core.bags.survey import survey  # noqa: E402
from vla_eval.core.episodes import Trial  # noqa: E402
from vla_eval.core.robot import VirtualRobot  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402
from vla_sim.core.scripted import Scripted  # noqa: E402
from vla_sim.core.simulator import Simulator  # noqa: E402

ROOT = Path(__file__).parents[4]
CONTRACT = load(ROOT / 'config' / 'robots' / 'tabletop.yaml')
MODULE = 'vla_eval.commands.view_rerun'
SENT = 60


def rows(path, entity, component):
    """Return (ROS time in ns, value) of a component."""
    found = []
    for chunk in RrdReader(path).stream():
        batch = chunk.to_record_batch()
        wanted = chunk.entity_path == f'/{entity}' and component in batch.schema.names
        if wanted and not chunk.is_static:
            times = batch.column('ros_time').cast('int64').to_pylist()
            found += zip(times, batch.column(component).to_pylist(), strict=True)
    return sorted(found, key=lambda row: row[0])


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    simulator = Simulator(CONTRACT)
    folder = tmp_path_factory.mktemp('bags') / 'reach'
    expert = Scripted(CONTRACT, lambda stamp_ns: simulator.snapshot())
    robot, messages = VirtualRobot(CONTRACT, simulator), ROOT / 'src' / 'vla_msgs' / 'msg'
    assert record(folder, robot, expert, Trial('reach', 0, 41), messages).success
    simulator.close()
    return folder


def test_a_bag_is_recorded_message_by_message(bag, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    out = tmp_path / 'run.rrd'
    words = ['--robot', 'tabletop', '--bag', str(bag), '--out', str(out)]
    assert view_rerun.main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    topics = survey(Bag(bag)).topics
    joints = rows(out, 'joints', 'Scalars:scalars')
    assert len(joints) == topics[f'/{CONTRACT.state.topic}'].count
    assert np.isfinite([values for _, values in joints]).all()
    for key, camera in CONTRACT.cameras.items():
        pictures = rows(out, f'world/cameras/{key}/picture', 'EncodedImage:blob')
        assert len(pictures) == topics[f'/{camera.topic}'].count
        assert rows(out, f'world/cameras/{key}', 'Transform3D:translation')
    assert len(rows(out, 'chunk', 'Tensor:data')) == topics['/vla/action_chunk'].count


def test_what_is_no_bag_leaves_no_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    words = ['--robot', 'tabletop', '--bag', str(ROOT / 'docs'), '--out', str(tmp_path / 'r.rrd')]
    assert view_rerun.main(words) == 1
    assert capsys.readouterr().err.count('\n') == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def recorder(tmp_path):
    """Start recording a graph, as `./vla view --rerun` does."""
    started = []

    def start(*words):
        command = [sys.executable, '-m', 'vla_cli.handover', MODULE, '--robot', 'tabletop']
        paths = os.pathsep.join([str(ROOT / 'tools'), os.environ.get('PYTHONPATH', '')])
        env = {**os.environ, 'VLA_ROOT': str(ROOT), 'PYTHONPATH': paths}
        command += ['--out', str(tmp_path / 'live.rrd'), *words]
        started.append(
            subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                             env=env)
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.ros
@pytest.mark.rerun
def test_ctrl_c_ends_a_live_recording_and_keeps_what_there_is(recorder, tmp_path):
    names, count = CONTRACT.state.names, 0
    process = recorder()
    with Graph() as graph:
        states = graph.talk(JointState, CONTRACT.state.topic, 'sensor')

        def sent():
            nonlocal count
            count += 1
            values = np.full(len(names), 0.001 * count)
            states.publish(convert.joint_state_to_msg(count * SECOND, names, values, 0.0 * values))
            return count == SENT

        graph.until(sent, 'joint states')
        process.send_signal(signal.SIGINT)
        said, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (130, '')
    assert said.splitlines()[-1] == str(tmp_path / 'live.rrd')
    found = rows(tmp_path / 'live.rrd', 'joints', 'Scalars:scalars')
    assert len(found) > SENT / 2  # best effort, and they are sent faster than they are taken
    for time, values in found:
        np.testing.assert_allclose(values, 0.001 * time / SECOND)


@pytest.mark.ros
@pytest.mark.rerun
def test_a_graph_that_says_nothing_leaves_no_file(recorder, tmp_path):
    process = recorder('--seconds', '1')
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert 'nothing has come' in error
    assert not list(tmp_path.iterdir())
