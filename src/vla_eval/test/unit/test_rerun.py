"""A recording for Rerun, read back by Rerun's own reader."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('rerun', reason='rerun-sdk is not installed: requirements/rerun.txt')

from rerun.chunk import RrdReader  # noqa: E402

from vla_core.chunk import ActionChunk  # noqa: E402
from vla_core.command import ExecutorStatus, GateCounts, Mode  # noqa: E402
from vla_core.contract import load  # noqa: E402
from vla_core.se3 import SE3  # noqa: E402
from vla_core.timing import MS, SECOND, Timing  # noqa: E402
from vla_eval.core.viewer.recording import Recording  # noqa: E402
from vla_eval.core.viewer.rerun_file import TIMELINE, RerunError, RerunFile  # noqa: E402
from vla_eval.core.viewer.robot import RobotModel  # noqa: E402
from vla_eval.core.viewer.sights import Optics, Sights  # noqa: E402
from vla_perception.core.sighting import Lens  # noqa: E402

CONTRACT = load(Path(__file__).parents[4] / 'config' / 'robots' / 'tabletop.yaml')
BEGIN = 1_700_000_000 * SECOND
K = np.array([[80.0, 0.0, 47.5], [0.0, 80.0, 47.5], [0.0, 0.0, 1.0]])
SCENE = 'world/cameras/scene'
WORDS = 'push the blue cylinder left'


class Made:
    """A recording under way."""

    def __init__(self, path):
        self.path = path
        self.file = RerunFile(path, tuple(CONTRACT.cameras), 'test')
        self.sights = Sights(CONTRACT)
        self.story = Recording(CONTRACT, self.sights, self.file)

    def read(self, entity, component):
        """Finish it; return (ROS time in ns, value) of a component, in order of time."""
        if not self.path.exists():
            self.file.keep()
        found = []
        for chunk in RrdReader(self.path).stream():
            if chunk.entity_path != f'/{entity}' or chunk.is_static:
                continue
            batch = chunk.to_record_batch()
            if component in batch.schema.names:
                times = batch.column(TIMELINE).cast('int64').to_pylist()
                found += zip(times, batch.column(component).to_pylist(), strict=True)
        return sorted((row for row in found if row[1] is not None), key=lambda row: row[0])


@pytest.fixture
def made(tmp_path):
    made = Made(tmp_path / 'run.rrd')
    yield made
    made.file.drop()


def status(ms, mode=Mode.RUNNING, **fields):
    return ExecutorStatus(BEGIN + ms * MS, mode, 1, WORDS, 'rtc', **fields)


def joints(ms):
    return {name: 0.001 * ms + k for k, name in enumerate(CONTRACT.state.names)}


def picture(value):
    rows = np.full((96, 96, 3), value, np.uint8)
    rows[:48] = 0
    return rows


def test_every_joint_state_stands_at_its_stamp_and_the_tool_where_kinematics_has_it(made):
    for ms in range(0, 200, 10):
        made.story.see_joints(BEGIN + ms * MS, joints(ms))
    wanted = [(BEGIN + ms * MS, list(joints(ms).values())) for ms in range(0, 200, 10)]
    found = made.read('joints', 'Scalars:scalars')
    assert [time for time, _ in found] == [time for time, _ in wanted]
    np.testing.assert_allclose([v for _, v in found], [v for _, v in wanted])
    robot = RobotModel(CONTRACT)
    tool = made.read('tool', 'Scalars:scalars')
    assert len(tool) >= 5
    for time, point in tool:
        robot.move(joints((time - BEGIN) / MS))
        np.testing.assert_allclose(point, robot.tool(), atol=1e-9)


def test_chunks_are_kept_as_numbers_and_as_a_line_until_nobody_follows_them(made):
    columns = CONTRACT.action.columns
    rows = np.arange(3 * len(columns), dtype=float).reshape(3, -1)
    timing = Timing(published_ns=BEGIN + 5 * MS)
    planned = ActionChunk(
        BEGIN, 100 * MS, BEGIN, 7, 1, CONTRACT.digest, columns, rows, WORDS, timing
    )
    made.story.see_status(status(0))
    made.story.see_chunk(planned)
    made.story.see_status(status(50))
    made.story.see_status(status(100, Mode.STOPPED, stop_reason='requested'))
    lines = made.read('world/plan', 'LineStrips3D:strips')
    assert [time for time, _ in lines] == [BEGIN + 5 * MS, BEGIN + 100 * MS]
    tool = rows[:, [columns.index(f'tool.{axis}') for axis in 'xyz']]
    np.testing.assert_allclose(lines[0][1], np.stack([tool[:-1], tool[1:]], axis=1))
    assert lines[1][1] == []
    (numbers,) = made.read('chunk', 'Tensor:data')
    assert numbers[0] == BEGIN + 5 * MS
    np.testing.assert_array_equal(numbers[1][0]['buffer'], rows.ravel())
    assert made.read('chunk', 'columns')[0][1] == list(columns)


def test_words_events_counts_and_latencies_are_on_ros_time(made):
    timing = Timing(captured_ns=BEGIN, first_row_ns=BEGIN + 80 * MS)
    made.story.see_status(status(0))
    made.story.see_status(
        status(90, gate=GateCounts(clipped=3, refused=1), executed=((1, timing),))
    )
    made.story.see_status(status(100, Mode.STOPPED, stop_reason='requested'))
    assert made.read('instruction', 'TextDocument:text') == [(BEGIN, [WORDS])]
    latency = made.read('latency_ms/capture_to_command', 'Scalars:scalars')
    assert latency == [(BEGIN + 80 * MS, [80.0])]
    counts = dict(made.read('gate_ticks', 'Scalars:scalars'))
    assert counts[BEGIN + 90 * MS] == [3, 1, 0, 0]
    texts = made.read('events', 'TextLog:text')
    assert (BEGIN + 100 * MS, ['stopped: requested']) in texts
    assert (BEGIN + 90 * MS, ['clipped (3)']) in texts
    levels = dict(made.read('events', 'TextLog:level'))
    assert levels[BEGIN + 100 * MS] == ['ERROR']


def test_pictures_stand_at_their_capture_and_a_camera_only_where_it_is_known_to_be(made):
    T = SE3.exp(np.array([0.8, 0.0, 0.7, 2.0, 0.1, 0.3]))
    frame = CONTRACT.cameras['scene'].optical_frame
    made.story.see_picture('scene', BEGIN, picture(200))
    made.sights.see_optics('scene', Optics(Lens(K), (96, 96), frame))
    base = CONTRACT.model.base_link
    made.sights.see_transform(base, frame, BEGIN + 100 * MS, T, False)
    made.story.see_picture('scene', BEGIN + 100 * MS, picture(100))
    made.story.see_picture('scene', BEGIN + SECOND, picture(100))  # tf ended long before
    found = made.read(f'{SCENE}/picture', 'EncodedImage:blob')
    assert [time - BEGIN for time, _ in found] == [0, 100 * MS, SECOND]
    image = cv2.imdecode(np.array(found[0][1][0], np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_allclose(image, picture(200), atol=6)
    ((time, pinhole),) = made.read(SCENE, 'Pinhole:image_from_camera')
    assert time == BEGIN + 100 * MS
    np.testing.assert_allclose(np.reshape(pinhole, (3, 3)).T, K)  # column by column
    ((time, place),) = made.read(SCENE, 'Transform3D:translation')
    assert time == BEGIN + 100 * MS
    np.testing.assert_allclose(place[0], T.t, atol=1e-6)
    assert [time - BEGIN for time, _ in made.read(SCENE, 'Clear:is_recursive')] == [SECOND]


def test_a_bent_lens_is_no_pinhole(made):
    frame = CONTRACT.cameras['scene'].optical_frame
    lens = Lens(K, 'plumb_bob', np.array([-0.2, 0.0, 0.0, 0.0, 0.0]))
    made.sights.see_optics('scene', Optics(lens, (96, 96), frame))
    made.sights.see_transform(CONTRACT.model.base_link, frame, 0, SE3(), True)
    made.story.see_picture('scene', BEGIN, picture(100))
    assert len(made.read(f'{SCENE}/picture', 'EncodedImage:blob')) == 1
    assert not made.read(SCENE, 'Pinhole:image_from_camera')


def test_the_file_appears_when_it_is_whole_and_no_port_is_opened(tmp_path):
    before = _listening()
    one = Made(tmp_path / 'one.rrd')
    assert one.story.empty
    one.story.see_joints(BEGIN, joints(0))
    assert not one.story.empty
    assert _listening() == before
    assert not one.path.exists()
    one.file.keep()
    assert [p.name for p in tmp_path.iterdir()] == ['one.rrd']
    two = Made(tmp_path / 'two.rrd')
    two.file.drop()
    assert [p.name for p in tmp_path.iterdir()] == ['one.rrd']


def _listening():
    """Return the listening TCP sockets of this process."""
    own = set()
    for fd in Path('/proc/self/fd').iterdir():
        try:
            own.add(os.readlink(fd))
        except FileNotFoundError:
            continue
    rows = [
        line.split()
        for name in ('tcp', 'tcp6')
        for line in Path(f'/proc/self/net/{name}').read_text().splitlines()[1:]
    ]
    return {row[9] for row in rows if row[3] == '0A' and f'socket:[{row[9]}]' in own}


def test_a_folder_that_is_not_there_is_told_in_one_line(tmp_path):
    with pytest.raises(RerunError, match='--rerun .*nowhere') as caught:
        RerunFile(tmp_path / 'nowhere' / 'run.rrd', (), 'test')
    assert '\n' not in str(caught.value)


def test_a_library_that_is_switched_off_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setenv('RERUN', 'off')
    with pytest.raises(RerunError, match='RERUN'):
        RerunFile(tmp_path / 'run.rrd', (), 'test')
