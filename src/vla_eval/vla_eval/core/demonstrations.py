"""Demonstrations for training: the expert, disturbed, through the same loop as any policy.

What is executed is the disturbed answer; what is learned is the clean one to the state that the
disturbance led to. Without that a policy closes its fingers beside the object and never recovers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vla_control.core.settings import ExecutorSettings
from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract, load
from vla_core.observation import Observation
from vla_core.policy import Policy
from vla_eval.core import pool
from vla_eval.core.disturbance import Disturbance, Disturbed, start_anywhere
from vla_eval.core.frames import FrameRecorder
from vla_eval.core.lesson import Course, Lesson
from vla_eval.core.robot import VirtualRobot
from vla_perception.core.errors import NotReady
from vla_policy.core.dataset import Dataset
from vla_policy.core.registry import load_policy
from vla_sim.core import rollout, seeds
from vla_sim.core.simulator import Simulator
from vla_sim.core.tasks import TASKS

KEEP_EVERY = 2  # steps: neighbours in time teach nearly the same


@dataclass(frozen=True)
class Collection:
    """What to collect.

    Attributes:
        contract: File of the robot contract.
        folder: Folder of the data set; made where it is missing.
        first: Index of the first episode.
        episodes: Number of episodes.
        seed: Of the collection; its episodes are never those of an evaluation.
        sentences: Labels a frame.
        horizon: Rows of a label.
        driver: '' for the disturbed expert, else a checkpoint folder: that policy drives, and the
            expert says what would have been right (DAgger; Ross et al. 2011).
        disturbed: How the expert is disturbed.
        course: How words change.
    """

    contract: Path
    folder: Path
    first: int = 0
    episodes: int = 600
    seed: int = 0
    sentences: int = 6
    horizon: int = 16
    driver: str = ''
    disturbed: Disturbed = field(default_factory=Disturbed)
    course: Course = field(default_factory=Course)


def collect(settings: Collection, workers: int) -> Iterator[int]:
    """Collect what is missing; yield the frames of each episode as it is written.

    Raises:
        DatasetError: the folder holds demonstrations of another contract or shape.
        WorkerError: a worker failed.
    """
    dataset = _dataset(settings, load(settings.contract))
    wanted = range(settings.first, settings.first + settings.episodes)
    missing = [index for index in wanted if not dataset.has(index)]
    for _, frames in pool.run(build, settings, missing, workers):
        yield frames


def build(settings: Collection) -> Callable[[int], int]:
    """Return what collects the episode of an index, in a worker."""
    contract = load(settings.contract)
    strategy = ExecutorSettings() if settings.driver else ExecutorSettings(execute_rows=1)
    robot = VirtualRobot(contract, Simulator(contract), strategy)
    driver = load_policy(settings.driver, contract, Path()) if settings.driver else None
    return Collector(settings, robot, driver).collect


class Collector:
    """Collects episodes on one robot.

    Args:
        settings: Of the collection.
        robot: Where it happens.
        driver: Who drives; None for the disturbed expert.
    """

    def __init__(self, settings: Collection, robot: VirtualRobot, driver: Policy | None = None):
        self._settings = settings
        self._robot = robot
        self._driver = driver
        self._dataset = _dataset(settings, robot.contract)

    def collect(self, index: int) -> int:
        """Write the episode of an index; return its number of frames."""
        tasks = list(TASKS)
        task, round_ = tasks[index % len(tasks)], index // len(tasks)
        seed = seeds.episode_seed(self._settings.seed, task, round_, 'demonstration')
        recorder, lesson = self._run(task, seed)
        notes = {
            'task': task,
            'seed': str(seed),
            'driver': self._settings.driver or 'expert',
            'reached': str(lesson.reached),
        }
        self._dataset.append_episode(index, recorder.demonstration(notes))
        return len(recorder)

    def _run(self, task: str, seed: int) -> tuple[FrameRecorder, Lesson]:
        robot, settings = self._robot, self._settings
        rng = seeds.stream(seed, 'demonstration')
        episode = robot.begin(task, seed, arrange=lambda s: self._arrange(s, seed))
        lesson = Lesson(episode, robot.simulator.snapshot(), settings.course, rng)
        disturbance = Disturbance(robot.contract, settings.disturbed, rng)
        recorder = FrameRecorder(robot.contract, settings.sentences, settings.horizon, rng)
        robot.instruct(lesson.words)
        while not lesson.over:
            kept = robot.steps % KEEP_EVERY == 0
            seen = self._see() if kept or self._driver is not None else None
            if kept and seen is not None:
                recorder.add(*seen, robot.simulator.snapshot(), lesson)
            if self._driver is None:
                chunk = disturbance.apply(self._expert(lesson))
                robot.executor.accept(chunk, robot.now_ns)
            elif seen is not None:
                robot.executor.accept(self._driver.infer(*seen), robot.now_ns)
            robot.act_until_step()
            if lesson.step(robot.simulator.snapshot()):
                robot.instruct(lesson.words)
        return recorder, lesson

    def _see(self) -> tuple[Observation, ActionChunk | None] | None:
        """Return what a policy is given now; None where the observer sees nothing to trust."""
        self._robot.look()
        try:
            observation = self._robot.observe()
        except NotReady:
            return None
        return observation, self._robot.executor.plan(self._robot.now_ns)

    def _arrange(self, simulator: Simulator, seed: int) -> None:
        finger = next(g for g in self._robot.contract.action.groups if g.kind == 'gripper')
        rng = seeds.stream(seed, 'start')
        start_anywhere(simulator, self._settings.disturbed, finger.open, rng)

    def _expert(self, lesson: Lesson) -> ActionChunk:
        """Return the clean answer to the state at hand."""
        robot = self._robot
        world = robot.simulator.snapshot()
        chunk = rollout.rollout(world, lesson.goal, robot.contract, self._settings.horizon)
        return chunk.with_changes(
            sequence=robot.steps, epoch=robot.status().epoch, instruction=lesson.words
        )


def _dataset(settings: Collection, contract: RobotContract) -> Dataset:
    return Dataset.create(settings.folder, contract, settings.horizon, settings.sentences)
