"""The page beside a whole graph, in Chromium: words typed there move the robot to another goal.

Where tool and objects are is the simulator's word; the page has no part in it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from vla_msgs.msg import SimState
from vla_stage import Stage

from vla_core.contract import RobotContract
from vla_eval.core.viewer.robot import RobotModel

pytestmark = [pytest.mark.ros, pytest.mark.browser, pytest.mark.timeout(240)]

SEED = 71
NEAR_M, FAR_M = 0.05, 0.08  # of the tool beside an object, seen from above
PATIENCE_S = 60.0  # a browser that draws without a GPU is slow


class Eye:
    """How far the tool is from the objects, as the simulator has it."""

    def __init__(self, stage: Stage, contract: RobotContract):
        self._states = stage.probe.listen(SimState, 'sim/state', 'reliable', depth=200)
        self._robot = RobotModel(contract)
        stage.until(lambda: self._states, 'the state of the simulator')

    def distance(self, name: str) -> float:
        """Return how far the tool is beside an object, m."""
        state = self._states[-1]
        self._robot.move(dict(zip(state.joint_names, state.joint_positions, strict=True)))
        place = state.object_poses[list(state.object_names).index(name)].position
        return float(np.hypot(*(self._robot.tool()[:2] - [place.x, place.y])))

    def farthest(self, name: str) -> str:
        """Return the object that is farthest from another one."""
        state = self._states[-1]
        places = {
            key: np.array([pose.position.x, pose.position.y])
            for key, pose in zip(state.object_names, state.object_poses, strict=True)
            if key != 'plate'
        }
        return max(places, key=lambda key: float(np.linalg.norm(places[key] - places[name])))


def test_words_typed_on_the_page_move_the_robot_to_another_goal(
    stage: Stage, contract: RobotContract, browser: Any, view: Callable[[], str]
) -> None:
    page = browser.new_page(viewport={'width': 560, 'height': 420})
    page.goto(view())
    eye = Eye(stage, contract)

    def shows(text: str) -> bool:
        page.wait_for_timeout(50)
        return text in page.content()

    first = 'red block'
    stage.begin('reach', SEED, f'reach for the {first}')
    second = eye.farthest(first)
    stage.until(lambda: eye.distance(first) < NEAR_M, f'the {first}')
    assert eye.distance(second) > FAR_M
    stage.until(lambda: shows(f'reach for the {first}'), 'its words on the page', PATIENCE_S)

    epoch = stage.status.epoch
    page.get_by_role('textbox').first.fill(f'reach for the {second}')
    # a real click waits for frames, which a busy machine without a GPU hardly draws
    page.get_by_role('button', name='Send instruction').dispatch_event('click')
    stage.until(lambda: stage.status.epoch > epoch, 'a new epoch', PATIENCE_S)
    assert stage.status.instruction == f'reach for the {second}'
    stage.until(lambda: eye.distance(second) < NEAR_M, f'the {second}', PATIENCE_S)
    stage.until(lambda: shows(f'words: reach for the {second}'), 'the event', PATIENCE_S)
