"""The simulated robot on its table: joints driven by servos, tasks judged, no ROS, no clock."""

from collections.abc import Sequence
from dataclasses import replace

import mujoco
import numpy as np

from vla_core.contract import RobotContract
from vla_core.se3 import SE3
from vla_core.timing import SECOND
from vla_sim.core import language, layout, scene, seeds
from vla_sim.core.cameras import Cameras, camera_ids, intrinsics, optical_pose
from vla_sim.core.driver import JointDriver
from vla_sim.core.errors import SimError, TaskError
from vla_sim.core.injection import Faults, Frame
from vla_sim.core.kinematics import R_BASE_TOOL_DOWN, ArmKinematics
from vla_sim.core.rendering import Configuration, Renderer
from vla_sim.core.tasks import TASKS
from vla_sim.core.values import CHECK_NS, Episode, ObjectPose, Outcome, Point, WorldState

STEP_NS = scene.TIMESTEP_NS
FINGER, MIMIC = 'finger', 'finger_mimic'
FINGER_OPEN = 0.04


class Simulator:
    """One robot, one table. Time goes where `advance` takes it, in steps of 2 ms.

    Cameras made by `render`, `look` and `picture` belong to the thread that first calls them;
    another thread makes its own `Cameras` and draws copies from `configuration`.
    """

    def __init__(self, contract: RobotContract, start_ns: int = SECOND):
        """Build the scene; call `reset` before anything else.

        Args:
            contract: The tabletop robot's contract.
            start_ns: Time at which the simulation begins.
        """
        self.contract = contract
        self.now_ns = start_ns
        self.faults = Faults()
        self._model = scene.build(contract.model.mjcf)
        self._data = mujoco.MjData(self._model)
        self._arm = ArmKinematics(contract.model, contract.state.names)
        self._driver = JointDriver(contract, STEP_NS * 1e-9)
        self._index()
        self._cameras: Cameras | None = None
        self._picture: Renderer | None = None
        self._episode: Episode | None = None

    def _index(self) -> None:
        model, contract = self._model, self.contract
        joints = [model.joint(name).id for name in contract.state.names]
        self._qpos = model.jnt_qposadr[joints]
        self._dof = model.jnt_dofadr[joints]
        self._hinge = model.jnt_type[joints] == mujoco.mjtJoint.mjJNT_HINGE
        self._actuators = np.array([model.actuator(name).id for name in contract.output.joints])
        self._of_output = [contract.state.names.index(name) for name in contract.output.joints]
        self._site = model.site(contract.model.tool).id
        self._bodies = {name: model.body(name).id for name in scene.OBJECTS}
        self._free = {name: model.joint(name).id for name in scene.OBJECTS}
        self._plate = model.body(scene.PLATE).mocapid[0]
        self._camera_ids = camera_ids(model, contract)

    # Episodes

    def reset(
        self, task: str, seed: int, instruction: str | None = None, phrasing: str = 'known'
    ) -> Episode:
        """Begin an episode: objects, plate and tool where the seed puts them. Time goes on.

        Args:
            task: One of the tasks.
            seed: 0 <= seed < 2**63; everything random comes from it.
            instruction: Words instead of drawn ones; they decide what is judged.
            phrasing: `known` or `held-out`: which phrases words are drawn from.

        Raises:
            TaskError: unknown task or phrasing, or words that ask for something else.
        """
        if task not in TASKS:
            raise TaskError(f'task {task!r}: one of {", ".join(TASKS)} expected')
        if not 0 <= seed < seeds.TOP:
            raise TaskError(f'seed {seed}: 0 <= seed < 2**63 expected')
        rng = seeds.stream(seed, 'episode')
        goals = language.goals(task)
        goal = goals[int(rng.integers(len(goals)))]
        phrases = language.phrases(goal, phrasing)
        words = phrases[int(rng.integers(len(phrases)))]
        if instruction is not None:
            goal, words, phrasing = language.parse(instruction), instruction, 'given'
            if goal.task != task:
                raise TaskError(f'instruction {instruction!r}: asks to {goal.task}, not to {task}')
        start = layout.draw(seeds.stream(seed, 'layout', task, goal.target, goal.direction), goal)
        self._episode = Episode(goal, words, seed, TASKS[task].limit, phrasing)
        self._arrange(start)
        if self._cameras is not None:
            self._cameras.reset(seed)
        self._begin()
        return self._episode

    def place_tool(self, tool: Point, finger: float = FINGER_OPEN) -> None:
        """Put the arm at another start, straight down and at rest; objects stay.

        Args:
            tool: Tool point in base_link, m.
            finger: Opening of one finger, m.
        """
        names, posture = self.contract.state.names, self.contract.model.posture
        bent = np.array([finger if name == FINGER else posture.get(name, 0.0) for name in names])
        q = self._arm.solve(SE3(R_BASE_TOOL_DOWN, np.array(tool)), bent)
        self._data.qpos[self._qpos] = q
        self._data.qpos[self._model.joint(MIMIC).qposadr[0]] = finger
        self._data.qvel[:] = 0.0
        self._driver.reset(q[self._of_output])
        self._data.ctrl[self._actuators] = self._driver.setpoint
        self._refresh()
        self._begin()

    def _arrange(self, start: layout.Layout) -> None:
        mujoco.mj_resetData(self._model, self._data)
        data = self._data
        for name, pose in start.objects.items():
            address = self._model.jnt_qposadr[self._free[name]]
            data.qpos[address : address + 3] = np.array(pose.position) + scene.BASE_POSITION
            data.qpos[address + 3 : address + 7] = pose.quaternion
        data.mocap_pos[self._plate] = np.array(start.plate) + scene.BASE_POSITION
        self.place_tool(start.tool)

    def _begin(self) -> None:
        """The episode's clock stands until the first command."""
        self._start = self.snapshot()
        self._outcome = Outcome()
        self._streak = 0
        self._check_ns: int | None = None

    def move_object(self, name: str, to: tuple[float, float]) -> None:
        """Put an object elsewhere on the table, at rest; the task counts from its new place.

        Args:
            name: Of the object.
            to: (x, y) of its centre in base_link, m; its height and yaw stay.
        """
        data, joint = self._data, self._free[name]
        address, dof = self._model.jnt_qposadr[joint], self._model.jnt_dofadr[joint]
        data.qpos[address : address + 2] = np.array(to) + scene.BASE_POSITION[:2]
        data.qvel[dof : dof + 6] = 0.0
        self._refresh()
        moved = {name: self.snapshot().objects[name]}
        self._start = replace(self._start, objects={**self._start.objects, **moved})

    @property
    def episode(self) -> Episode:
        """The episode under way."""
        if self._episode is None:
            raise SimError('no episode: reset(task, seed) first')
        return self._episode

    def outcome(self) -> Outcome:
        """How the episode stands."""
        return self._outcome

    # Motion

    def inject(self, faults: Faults) -> None:
        """Let these things go wrong from now on."""
        if faults.camera and faults.camera not in self.contract.cameras:
            known = ', '.join(self.contract.cameras)
            raise SimError(f"faults: camera {faults.camera!r}: one of {known}, or '' expected")
        self.faults = faults

    def command(self, names: Sequence[str], positions: Sequence[float]) -> None:
        """Send joint targets, as a controller would.

        Args:
            names: Joints of the contract's output, in any order.
            positions: rad or m.

        Raises:
            JointError: unknown or repeated joint, wrong length, not finite; nothing is moved.
        """
        self._driver.command(names, positions, self.now_ns + self.faults.action_delay_ns)
        if self._check_ns is None:
            self._check_ns = self.now_ns + CHECK_NS
            self._outcome = Outcome(reason='running')

    def advance(self, to_ns: int) -> None:
        """Let the physics run until `to_ns`, or up to 2 ms less where that is between steps."""
        while to_ns - self.now_ns >= STEP_NS:
            until = to_ns
            if self._check_ns is not None and not self._outcome.done:
                until = min(until, self._check_ns)
            self._run(max(1, (until - self.now_ns) // STEP_NS))
            if self._check_ns is not None and self.now_ns + STEP_NS > self._check_ns:
                self._check()
        self._refresh()

    def skip_to(self, now_ns: int) -> None:
        """Set the time without physics, where a clock has jumped; waiting commands are lost."""
        self._driver.reset(self._driver.setpoint)
        if self._check_ns is not None:
            self._check_ns += now_ns - self.now_ns
        self.now_ns = now_ns

    def _run(self, steps: int) -> None:
        while steps > 0:
            self._driver.take(self.now_ns)
            due = self._driver.next_due_ns
            count = 1
            if self._driver.settled:
                count = steps if due is None else min(steps, -(-(due - self.now_ns) // STEP_NS))
            else:
                self._data.ctrl[self._actuators] = self._driver.step()
            mujoco.mj_step(self._model, self._data, count)
            self.now_ns += count * STEP_NS
            steps -= count

    def _check(self) -> None:
        """Judge once every 0.1 s, until the episode is done."""
        assert self._check_ns is not None
        self._check_ns += CHECK_NS
        if self._outcome.done:
            return
        self._refresh()
        goal, task = self.episode.goal, TASKS[self.episode.task]
        reached = task.reached(self.snapshot(), self._start, goal)
        self._streak = self._streak + 1 if reached else 0
        steps = self._outcome.steps + 1
        if self._streak >= task.checks:
            self._outcome = Outcome(True, True, 'success', steps)
        elif steps >= self.episode.limit:
            self._outcome = Outcome(False, True, 'time_limit', steps)
        else:
            self._outcome = Outcome(False, False, 'running', steps)

    def _refresh(self) -> None:
        """Bring poses up to date: a physics step leaves those of its beginning."""
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    # What the robot reports

    def joint_state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return measured positions and velocities (S,), rad or m, in the contract's order."""
        positions, velocities = self.true_joints()
        if self.faults.state_noise > 0.0:
            rng = seeds.stream(self.episode.seed, 'joints', self.now_ns)
            sigma = self.faults.state_noise * np.where(self._hinge, 1.0, 0.1)
            positions += sigma * rng.normal(size=len(positions))
        positions += self.faults.joint_jump * np.where(self._hinge, 1.0, 0.1)
        return positions, velocities

    def true_joints(self) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and velocities (S,) without noise."""
        return self._data.qpos[self._qpos].copy(), self._data.qvel[self._dof].copy()

    def T_base_tool(self) -> SE3:  # noqa: N802
        """Return the tool pose that follows from the measured joints."""
        return self._arm.T_base_tool(self.joint_state()[0])

    def T_base_tool_true(self) -> SE3:  # noqa: N802
        """Return the true tool pose."""
        return self._arm.T_base_tool(self.true_joints()[0])

    def T_base_camera(self, key: str) -> SE3:  # noqa: N802
        """Return the true pose of a camera's optical frame."""
        return optical_pose(self._model, self._data, self._camera_ids[key], self.contract)

    def on_tool(self, key: str) -> bool:
        """Whether a camera moves with the tool."""
        body = self._model.cam_bodyid[self._camera_ids[key]]
        return bool(body == self._model.site_bodyid[self._site])

    def K(self, key: str) -> np.ndarray:  # noqa: N802
        """Return the intrinsics (3, 3) of a camera."""
        camera = self.contract.cameras[key]
        fovy = self._model.cam_fovy[self._camera_ids[key]]
        return intrinsics(fovy, camera.width, camera.height)

    def snapshot(self) -> WorldState:
        """Return the true state of robot and objects."""
        data, base = self._data, scene.BASE_POSITION
        objects = {}
        for name, body in self._bodies.items():
            address = self._model.jnt_dofadr[self._free[name]]
            objects[name] = ObjectPose(
                _point(data.xpos[body] - base),
                tuple(data.xquat[body].tolist()),
                float(np.linalg.norm(data.qvel[address : address + 3])),
            )
        finger = self.contract.state.names.index(FINGER)
        return WorldState(
            time_ns=self.now_ns,
            tool=_point(data.site_xpos[self._site] - base),
            finger=float(data.qpos[self._qpos[finger]]),
            finger_velocity=float(data.qvel[self._dof[finger]]),
            objects=objects,
            plate=_point(data.mocap_pos[self._plate] - base),
        )

    # Pictures

    def configuration(self) -> Configuration:
        """Return a copy of what a picture depends on, for a renderer in any thread."""
        return Configuration.of(self._data, self.now_ns)

    def render(self, key: str) -> np.ndarray:
        """Draw what a camera sees now, without faults: (H, W, 3) uint8, RGB."""
        return self._eyes().picture(key, self.configuration())

    def look(self) -> tuple[Frame, ...]:
        """Take every camera's picture now; return those that have arrived by now."""
        eyes = self._eyes()
        eyes.capture(self.configuration(), self.faults)
        return eyes.arrived(self.now_ns)

    def arrived(self) -> tuple[Frame, ...]:
        """Return pictures taken earlier that have arrived by now."""
        return self._eyes().arrived(self.now_ns)

    def _eyes(self) -> Cameras:
        if self._cameras is None:
            self._cameras = Cameras(self.contract)
            self._cameras.reset(self._episode.seed if self._episode else 0)
        return self._cameras

    def picture(self, width: int = 960, height: int = 720) -> np.ndarray:
        """Draw the scene for people, with shadows: (height, width, 3) uint8, RGB."""
        if self._picture is None:
            model = scene.build(self.contract.model.mjcf, scene.PICTURE)
            self._picture = Renderer(model, scene.PICTURE, 1920, 1440)
        return self._picture.free(self.configuration(), *scene.VIEW, width, height)

    def close(self) -> None:
        """Free the contexts, from the thread that drew."""
        for renderer in (self._cameras, self._picture):
            if renderer is not None:
                renderer.close()
        self._cameras = self._picture = None


def _point(values: np.ndarray) -> Point:
    x, y, z = values.tolist()
    return (x, y, z)
