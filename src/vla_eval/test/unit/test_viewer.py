"""What a page shows of a run: the story, the robot's geometry, a bag's pace, who may connect."""

import socket
import struct
import time
import urllib.request
from pathlib import Path

import mujoco
import numpy as np
import pytest
import viser
import zstandard

from vla_core.chunk import ActionChunk
from vla_core.command import ChunkCounts, ExecutorStatus, GateCounts, Mode
from vla_core.contract import load
from vla_core.timing import MS, SECOND, Timing
from vla_eval.bench._bags.viewer import camera
from vla_eval.core.bags.values import Message
from vla_eval.core.viewer import panels, shapes
from vla_eval.core.viewer.page import Page
from vla_eval.core.viewer.playback import Playback
from vla_eval.core.viewer.robot import RobotModel
from vla_eval.core.viewer.server import ServerError, close_server, open_server
from vla_eval.core.viewer.sights import Sights
from vla_eval.core.viewer.story import KEPT_EVENTS, Story

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope='module')
def contract():
    return load(ROOT / 'config' / 'robots' / 'tabletop.yaml')


def status(second, mode=Mode.RUNNING, epoch=1, words='pick up the red block', **fields):
    return ExecutorStatus(second * SECOND, mode, epoch, words, 'rtc', **fields)


def chunk(contract, epoch):
    columns = contract.action.columns
    return ActionChunk(
        SECOND, MS, SECOND, 1, epoch, contract.digest, columns, np.zeros((2, len(columns)))
    )


def texts(story):
    return [event.text for event in story.events]


# ---- the story


def test_a_stop_its_reason_and_its_end_are_events():
    story = Story()
    story.see_status(status(1))
    story.see_status(status(2, Mode.STOPPED, stop_reason='requested'))
    story.see_status(status(3, Mode.IDLE))
    assert texts(story) == ['stopped: requested', 'stop cleared']
    assert story.events[0].grade == 'bad'


def test_clips_are_counted_into_one_event_with_the_checks_that_did_it():
    story = Story()
    story.see_status(status(1))
    story.see_clips(('jerk',))
    story.see_status(status(2, gate=GateCounts(clipped=3)))
    story.see_status(status(3, gate=GateCounts(clipped=5)))
    assert texts(story) == ['clipped: jerk']
    assert story.events[0].ticks == 5


def test_new_words_begin_the_path_anew_and_forget_the_chunk(contract):
    story = Story()
    story.see_status(status(1))
    story.see_chunk(chunk(contract, 1))
    story.see_joints(SECOND, {'joint1': 0.1})
    story.see_tool(np.zeros(3))
    story.see_status(status(2, epoch=2, words='push the blue cylinder left'))
    assert story.chunk is None
    assert not story.executed
    assert texts(story) == ['words: push the blue cylinder left']
    story.see_chunk(chunk(contract, 1))  # it was under way
    assert story.chunk is None


def test_a_restarted_executor_is_one_event_and_the_plan_of_the_dead_one_goes(contract):
    story = Story()
    story.see_status(status(1, epoch=4, gate=GateCounts(ticks=100, clipped=7)))
    story.see_chunk(chunk(contract, 4))
    story.see_status(status(2, gate=GateCounts(ticks=1)))
    assert texts(story) == ['executor restarted']
    assert story.chunk is None


def test_a_chunk_that_came_before_the_first_status_dies_with_its_epoch(contract):
    story = Story()
    story.see_chunk(chunk(contract, 1))
    story.see_status(status(1, epoch=2))
    assert story.chunk is None


def test_no_plan_is_shown_while_stopped_nor_after_its_last_row(contract):
    story = Story()
    story.see_status(status(1))
    story.see_chunk(chunk(contract, 1))  # rows at 1.0 and 1.001 s
    assert story.plan is not None
    story.see_status(status(1, Mode.STOPPED, stop_reason='requested'))
    assert story.plan is None
    story.see_status(status(1))
    assert story.plan is not None
    story.see_status(status(2))
    assert story.plan is None


def test_streams_that_stand_still_are_told_by_name():
    story = Story()
    story.see_picture('scene', 2 * SECOND, np.zeros((2, 2, 3), np.uint8))
    story.see_picture('wrist', 5 * SECOND, np.zeros((2, 2, 3), np.uint8))
    story.see_joints(3 * SECOND, {'joint1': 0.1})
    assert not story.behind()  # nothing goes on beside them
    story.see_status(status(6))
    assert dict(story.behind()) == {'picture of scene': 4.0, 'measured joints': 3.0}


def test_events_and_latencies_stay_bounded():
    story = Story()
    for k in range(1, 500):
        timing = Timing(captured_ns=k * SECOND, first_row_ns=k * SECOND + 80 * MS)
        story.see_status(status(k, epoch=k, words=f'{k}', executed=((k, timing),)))
    assert len(story.events) == KEPT_EVENTS
    assert len(story.latencies) < 500
    assert story.latencies[-1][1]['capture_to_command'] == 80


def test_refusals_say_why():
    story = Story()
    story.see_status(status(1))
    counts = ChunkCounts(received=2, refused=1)
    story.see_status(status(2, chunks=counts, last_refusal='not finite'))
    assert texts(story) == ['chunk refused: not finite']


# ---- the robot


def test_bodies_and_tool_are_where_the_simulator_has_them(contract):
    model = mujoco.MjModel.from_xml_path(str(contract.model.mjcf))
    data = mujoco.MjData(model)
    joints = {'joint1': 0.4, 'joint2': -0.3, 'joint4': 1.1, 'joint6': 0.7, 'finger': 0.02}
    robot = RobotModel(contract)
    robot.move({**dict.fromkeys(contract.model.posture, 0.0), **joints})
    for name, position in {**joints, 'finger_mimic': 0.02}.items():
        data.qpos[model.joint(name).qposadr[0]] = position
    mujoco.mj_forward(model, data)
    np.testing.assert_allclose(robot.tool(), data.site('tool').xpos, atol=1e-9)
    for name, T in robot.bodies().items():
        np.testing.assert_allclose(T.t, data.body(name).xpos, atol=1e-9, err_msg=name)


def test_the_path_of_a_chunk_is_where_its_rows_have_the_tool(contract):
    columns = contract.action.columns
    rows = np.zeros((4, len(columns)))
    rows[:, columns.index('tool.x')] = [0.1, 0.2, 0.3, 0.4]
    planned = ActionChunk(SECOND, MS, SECOND, 1, 1, contract.digest, columns, rows)
    path = RobotModel(contract).tool_path(planned)
    np.testing.assert_array_equal(path, [[0.1, 0, 0], [0.2, 0, 0], [0.3, 0, 0], [0.4, 0, 0]])


def test_a_chunk_of_joints_is_drawn_by_kinematics_and_moves_nothing(contract):
    robot = RobotModel(contract)
    before = robot.tool()
    columns = ('joint1', 'joint2')
    planned = ActionChunk(SECOND, MS, SECOND, 1, 1, '', columns, np.array([[0.0, 0.0], [1.0, 0]]))
    path = robot.tool_path(planned)
    turned = np.cos(1.0) * path[0, 0] - np.sin(1.0) * path[0, 1]  # joint1 turns about z
    assert path[1, 0] == pytest.approx(turned)
    np.testing.assert_array_equal(robot.tool(), before)


def test_hulls_of_collisions_are_not_drawn_and_a_capsule_has_two_ends():
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body name="b">'
        '<geom type="capsule" size="0.1 0.3" rgba="1 0 0 1"/>'
        '<geom type="box" size="1 2 3" group="3"/></body></worldbody></mujoco>'
    )
    found = list(shapes.shapes(model))
    assert sorted(s.kind for s in found) == ['cylinder', 'sphere', 'sphere']
    assert sorted(s.T_body_shape.t[2] for s in found) == [-0.3, 0.0, 0.3]


# ---- page, bag, server


def test_words_of_others_cannot_be_markup():
    shown = panels.state(status(1, words='<script>alert(1)</script>'), '<b>')
    assert '<script>' not in shown
    assert '<b>' not in shown


def test_the_answer_to_a_button_is_shown_before_any_status_too():
    assert 'stop: no executor answers' in panels.state(None, 'stop: no executor answers')


def test_the_state_of_a_silent_executor_and_what_stands_still_are_called_old():
    assert ' old' not in panels.state(status(1), '')
    shown = panels.state(status(1), '', 7.0, [('picture of wrist', 3.0)])
    assert 'the executor is silent; its last word: 7 s old' in shown
    assert 'picture of wrist: 3 s old' in shown


def messages(*seconds):
    return [Message('/t', 'k', b'', int(s * SECOND), 0) for s in seconds]


def times(found):
    return [m.log_ns / SECOND for m in found]


def test_a_bag_is_played_at_its_pace_paused_and_set_back():
    play = Playback(lambda: messages(10, 11, 12, 13), 10 * SECOND, 13 * SECOND)
    assert times(play.due(0)) == [10]
    assert times(play.due(1 * SECOND)) == [11]
    play.paused = True
    assert times(play.due(50 * SECOND)) == []
    play.paused, play.speed = False, 2.0
    assert times(play.due(51 * SECOND)) == [12, 13]
    assert play.over
    assert play.position == 3.0
    assert play.go_to(1.0)
    assert times(play.due(51 * SECOND)) == [10, 11]
    assert not play.go_to(2.5)


@pytest.mark.parametrize(
    ('host', 'address'), [('127.0.0.1', '0100007F'), ('127.0.0.2', '0200007F')]
)
def test_the_server_listens_where_it_was_told_and_refuses_pages_of_other_sites(host, address):
    """The second address stands for one of another machine's network."""
    websockets = pytest.importorskip('websockets.sync.client')
    server = open_server(host)
    try:
        port = server.get_port()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f'http://{host}:{port}/', timeout=10
        ) as answer:
            assert b'<html' in answer.read(200_000).lower()
        assert _listening(port) == {address}
        from websockets.exceptions import InvalidStatus

        url = f'ws://{host}:{port}'
        for origin in ('http://elsewhere.example', f'http://elsewhere.example:{port}', 'null'):
            with pytest.raises(InvalidStatus, match='403'):
                websockets.connect(url, origin=origin, proxy=None)
        websockets.connect(url, origin=f'http://{host}:{port}', proxy=None).close()
    finally:
        close_server(server)


def test_a_browser_that_joins_is_shown_the_present_at_once(contract):
    websockets = pytest.importorskip('websockets.sync.client')
    server = open_server()
    try:
        page, story, sights = Page(server, contract, None, 'test'), Story(), Sights(contract)
        url = f'ws://127.0.0.1:{server.get_port()}'
        for words in ('first words', 'other words'):
            story.see_status(status(1, words=words))
            with websockets.connect(
                url, subprotocols=[f'viser-v{viser.__version__}'], max_size=None, proxy=None
            ) as socket:
                socket.send(camera())
                wait_for(lambda: server.get_clients(), 'a browser')
                page.draw(story, sights)
                until_told(socket, words)
            wait_for(lambda: not server.get_clients(), 'the end of it')
            page.draw(story, sights)
    finally:
        close_server(server)


def until_told(socket, words):
    """Take messages in until one holds the words."""
    while words.encode() not in unpacked(socket.recv(timeout=10)):
        pass


def unpacked(frame):
    """Return the messages in a frame of viser: two sizes, then zstd, then arrays as they are."""
    size, packed = struct.unpack_from('<QQ', frame)
    return zstandard.ZstdDecompressor().decompress(frame[16 : 16 + packed], max_output_size=size)


def wait_for(condition, what):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def _listening(port):
    """Return the hexadecimal IPv4 addresses on which a TCP port is listened on."""
    rows = [line.split() for line in Path('/proc/net/tcp').read_text().splitlines()[1:]]
    local = [row[1].split(':') for row in rows if row[3] == '0A']
    return {address for address, number in local if int(number, 16) == port}


def test_a_port_that_is_taken_is_refused_in_one_line():
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f'--port {port}: address already in use'):
            open_server(port=port)
