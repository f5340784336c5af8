"""The page: cameras, the robot, what it plans and did, latency, the gate, words and buttons."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import viser

from vla_core.contract import RobotContract
from vla_core.timing import SECOND
from vla_eval.core.viewer import panels
from vla_eval.core.viewer.drawing import EXECUTED, Bodies, Path, along
from vla_eval.core.viewer.pictures import Pictures
from vla_eval.core.viewer.robot import RobotModel, things
from vla_eval.core.viewer.sights import Sights
from vla_eval.core.viewer.story import Story

SLOW = 5  # texts and plots are drawn at every fifth look
EYE, TARGET = (1.35, -1.15, 0.85), (0.33, 0.0, 0.18)  # base frame, m
TABLE = (1.10, 1.10, 0.022)  # of the simulator's scene, m
TABLE_AT = (0.36, 0.0, -0.012)
WOOD = (184, 134, 94)


class Controls(Protocol):
    """What the page's buttons do; called from threads of the server."""

    def say(self, words: str) -> None:
        """Put words in force."""

    def stop(self) -> None:
        """Stop the robot; latched."""

    def clear(self) -> None:
        """Clear the stop."""


class Page:
    """Draws a story; what nobody looks at is not drawn.

    Args:
        server: Where it is served.
        contract: Of the robot that is shown.
        controls: What the buttons do; None where nothing can be done (a bag).
        title: Of the page.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        contract: RobotContract,
        controls: Controls | None,
        title: str,
    ):
        self._server = server
        self._robot = RobotModel(contract)
        self._looks = 0
        self._watching: set[int] = set()  # browsers
        self._things: dict[tuple[str, ...], Bodies] = {}
        self._said = ''
        gui = server.gui
        gui.configure_theme(
            dark_mode=True, show_logo=False, show_share_button=False, control_width='large',
            brand_color=(255, 122, 24),
        )  # fmt: skip
        gui.set_panel_label(title)
        self._build_scene()
        self._state = gui.add_html(panels.waiting())
        self._build_controls(controls)
        with gui.add_folder('Cameras'):
            self._pictures = Pictures(gui, tuple(contract.cameras))
        with gui.add_folder('Latency'):
            self._latency = panels.LatencyPlot(gui)
        with gui.add_folder('Tool: plan and motion'):
            self._motion = panels.MotionPlot(gui)
        with gui.add_folder('Events'):
            self._events = gui.add_html(panels.events((), 0))

    def answer(self, text: str) -> None:
        """Show what became of a button; from any thread."""
        self._said = text

    def draw(self, story: Story, sights: Sights, silent_s: float = 0.0) -> None:
        """Bring the page up to date with a story.

        Args:
            story: What is shown.
            sights: Where pictures show places.
            silent_s: For how long the executor has been silent; 0 where it is not.
        """
        if story.joints:
            self._robot.move(story.joints)
            story.see_tool(self._robot.tool())
        watching = set(self._server.get_clients())
        if watching - self._watching:  # sees what was drawn last until all is drawn anew
            self._looks = 0
        self._watching = watching
        if not watching:
            return
        chunk = None if silent_s else story.plan
        plan = self._robot.tool_path(chunk) if chunk else np.empty((0, 3))
        done = np.array([p for _, p in story.executed]).reshape(-1, 3)
        with self._server.atomic():
            if story.joints:
                self._body.place(self._robot.bodies())
            self._draw_things(story)
            self._predicted.draw(plan, along(len(plan)))
            self._executed.draw(done, np.tile(EXECUTED, (len(done), 1)))
        number = chunk and (chunk.epoch, chunk.sequence)
        self._pictures.draw(story.pictures, sights, done, plan, number)
        if self._looks % SLOW == 0:
            times_ns = [chunk.row_ns(k) for k in range(len(plan))] if chunk else []
            self._draw_panels(story, silent_s, list(zip(times_ns, plan, strict=True)))
        self._looks += 1

    # ---- what is there

    def _build_scene(self) -> None:
        server, scene = self._server, self._server.scene
        scene.set_up_direction('+z')
        scene.set_background_image(np.full((4, 4, 3), (27, 31, 37), np.uint8))
        server.initial_camera.position = EYE
        server.initial_camera.look_at = TARGET
        scene.add_grid(
            '/grid', width=2.4, height=2.4, cell_size=0.1, section_size=0.5,
            cell_color=(58, 64, 72), section_color=(84, 92, 102), position=(0.4, 0.0, -0.026),
        )  # fmt: skip
        self._body = Bodies(server, '/robot', self._robot.shapes)
        self._body.place(self._robot.bodies())
        self._predicted = Path(server, '/plan', thickness=5.0)
        self._executed = Path(server, '/executed', thickness=4.0)

    def _build_controls(self, controls: Controls | None) -> None:
        if controls is None:
            return
        gui = self._server.gui
        words = gui.add_text('Instruction', '', hint='What the robot shall do')
        send = gui.add_button('Send instruction', icon=viser.Icon.SEND)
        stop = gui.add_button('Stop', color='red', icon=viser.Icon.HAND_STOP)
        clear = gui.add_button('Clear stop', color='gray', icon=viser.Icon.PLAYER_PLAY)
        send.on_click(lambda _: controls.say(words.value))
        stop.on_click(lambda _: controls.stop())
        clear.on_click(lambda _: controls.clear())

    # ---- what changes

    def _draw_things(self, story: Story) -> None:
        names = tuple(sorted(story.things))
        if names and names not in self._things:
            self._things[names] = Bodies(self._server, '/things', things(names))
            self._server.scene.add_box(
                '/table', color=WOOD, dimensions=TABLE, position=TABLE_AT, cast_shadow=False
            )
        if names:
            self._things[names].place(story.things)

    def _draw_panels(
        self, story: Story, silent_s: float, plan: Sequence[tuple[int, np.ndarray]]
    ) -> None:
        now_ns = story.now_ns
        _set(self._state, panels.state(story.status, self._said, silent_s, story.behind()))
        _set(self._events, panels.events(tuple(story.events), now_ns))
        self._latency.draw(story.latencies)
        done_s, plan_s = (
            [((stamp - now_ns) / SECOND, point) for stamp, point in points]
            for points in (story.executed, plan)
        )
        self._motion.draw(done_s, plan_s)


def _set(handle: Any, content: str) -> None:
    if handle.content != content:
        handle.content = content
