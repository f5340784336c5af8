"""The page in a real browser: pictures move, words and buttons reach the robot's executor."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import Image  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402
from vla_msgs.msg import ExecutorStatus as StatusMsg  # noqa: E402
from vla_msgs.srv import SetInstruction  # noqa: E402

from vla_core.command import ExecutorStatus, Mode  # noqa: E402
from vla_core.contract import load  # noqa: E402
from vla_core.timing import SECOND  # noqa: E402
from vla_eval.core.viewer.story import Story  # noqa: E402
from vla_eval.ros.viewer.graph import GraphSource  # noqa: E402
from vla_eval.ros.viewer.ingest import Ingest  # noqa: E402
from vla_ros import convert  # noqa: E402
from vla_ros.testing import Graph  # noqa: E402

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[4]
WORDS = 'push the blue cylinder left'


@pytest.fixture
def contract():
    return load(ROOT / 'config' / 'robots' / 'tabletop.yaml')


class Executor:
    """Answers the services of an executor, and tells what is in force."""

    def __init__(self, graph):
        self.words, self.epoch, self.mode, self.stamp = '', 1, Mode.IDLE, 1
        self.stopped = 0
        self._statuses = graph.talk(StatusMsg, 'vla/status', 'status', matched=False)
        node = graph.probe
        node.create_service(SetInstruction, 'vla/set_instruction', self._say)
        node.create_service(Trigger, 'vla/stop', self._stop)
        node.create_service(Trigger, 'vla/clear_stop', self._clear)

    def tell(self):
        self.stamp += SECOND
        reason = 'requested' if self.mode == Mode.STOPPED else ''
        status = ExecutorStatus(
            self.stamp, self.mode, self.epoch, self.words, 'rtc', stop_reason=reason
        )
        self._statuses.publish(convert.status_to_msg(status))

    def _say(self, request, response):
        self.words, self.epoch, self.mode = request.instruction, self.epoch + 1, Mode.RUNNING
        response.accepted, response.epoch = True, self.epoch
        return response

    def _stop(self, _, response):
        self.mode, self.stopped = Mode.STOPPED, self.stopped + 1
        response.success, response.message = True, 'stopped: requested'
        return response

    def _clear(self, _, response):
        self.mode, response.success, response.message = Mode.IDLE, True, 'clear'
        return response


def test_buttons_become_service_calls_and_their_answers_words(contract):
    """The way from a button to the executor and back, without a browser."""
    answers = []
    with Graph() as graph:
        executor = Executor(graph)
        ingest = Ingest(contract, Story())
        source = GraphSource(ingest, answers.append)

        def seen(condition):
            executor.tell()
            source.look()
            ingest.tell()
            return condition()

        def mode():
            return ingest.story.status and ingest.story.status.mode

        try:
            graph.until(lambda: seen(lambda: mode() == Mode.IDLE), 'a status')
            press_until(graph, source.say, seen, lambda: mode() == Mode.RUNNING, WORDS)
            assert executor.words == WORDS
            source.say('push\0')
            assert answers[-1] == 'instruction: not sent: text without a NUL expected'
            press_until(graph, source.stop, seen, lambda: mode() == Mode.STOPPED)
            press_until(graph, source.clear, seen, lambda: mode() == Mode.IDLE)
        finally:
            source.close()
    assert any(text.startswith('instruction: in force') for text in answers)
    assert 'stop: stopped: requested' in answers
    texts = [event.text for event in ingest.story.events]
    assert f'words: {WORDS}' in texts
    assert texts[-2:] == ['stopped: requested', 'stop cleared']


def test_a_graph_that_went_away_is_silent_until_it_is_back(contract):
    with Graph() as graph:
        executor = Executor(graph)
        source = GraphSource(Ingest(contract, Story()), lambda _: None)

        def silent(wanted, tells):
            if tells:
                executor.tell()
            source.look()
            return (source.silent_s > 0) == wanted

        try:
            source.look()
            assert source.silent_s == 0  # nobody was ever heard
            graph.until(lambda: silent(False, True), 'a status')
            graph.until(lambda: silent(True, False), 'silence')
            graph.until(lambda: silent(False, True), 'a status again')
        finally:
            source.close()


def press_until(graph, press, seen, condition, *words):
    """Press again where the first press came before discovery was done."""
    for _ in range(5):
        press(*words)
        try:
            graph.until(lambda: seen(condition), press.__name__, seconds=5.0)
        except AssertionError:
            continue
        return
    raise AssertionError(f'{press.__name__}: no effect')


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_in_chromium_pictures_move_and_typed_words_come_into_force(browser, view, contract):
    address = view()
    with Graph() as graph:
        watch(graph, browser, address, contract)


def watch(graph, browser, address, contract):
    executor, count = Executor(graph), 0
    camera = contract.cameras['scene']
    pictures = graph.talk(Image, camera.topic, 'sensor')
    page = browser.new_page(viewport={'width': 1300, 'height': 1000})
    page.goto(address)

    def shown(condition):
        nonlocal count
        count += 1
        executor.tell()
        grey = np.full((96, 96, 3), count * 7 % 256, np.uint8)
        pictures.publish(convert.image_to_msg(grey, count * SECOND, camera.optical_frame))
        page.wait_for_timeout(50)
        return condition()

    sources = set()

    def moving():
        found = page.evaluate("[...document.querySelectorAll('img')].map(i => i.src)")
        sources.update(src for src in found if src)
        return len(sources) >= 5

    def says(text):
        return lambda: text in page.content()

    graph.until(lambda: shown(says('idle')), 'the state', seconds=60.0)
    graph.until(lambda: shown(moving), 'moving pictures', seconds=60.0)
    box = page.get_by_role('textbox').first
    box.fill(WORDS)
    page.get_by_role('button', name='Send instruction').click()
    graph.until(lambda: shown(lambda: executor.words == WORDS), 'the words', seconds=60.0)
    graph.until(lambda: shown(says('running')), 'the new state', seconds=60.0)
    page.get_by_role('button', name='Stop', exact=True).click()
    graph.until(lambda: shown(lambda: executor.stopped == 1), 'the stop', seconds=60.0)
    graph.until(lambda: shown(says('stopped')), 'the stopped state', seconds=60.0)
    page.get_by_role('button', name='Clear stop').click()
    graph.until(lambda: shown(lambda: executor.mode == Mode.IDLE), 'the end of the stop', 60.0)
