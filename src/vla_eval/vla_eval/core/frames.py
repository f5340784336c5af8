"""Collects labelled frames of one episode: what was observed, and the expert's answer to it."""

import numpy as np

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_eval.core.lesson import Lesson, other, say
from vla_policy.core.committed import commanded_at
from vla_policy.core.demonstration import Demonstration
from vla_sim.core import rollout
from vla_sim.core.values import Goal, WorldState


class FrameRecorder:
    """Appends frames and turns them into a `Demonstration`.

    Every frame is labelled for the words in force and for other words drawn at random: the same
    picture with different answers is what makes a policy listen.

    Args:
        contract: Of the robot.
        sentences: Labels a frame, the words in force included.
        horizon: Rows of each label.
        rng: Draws the other words.
    """

    def __init__(
        self, contract: RobotContract, sentences: int, horizon: int, rng: np.random.Generator
    ):
        self._contract = contract
        self._sentences = sentences
        self._horizon = horizon
        self._rng = rng
        self._texts: dict[str, int] = {}
        self._rows: list[dict[str, np.ndarray | list[int] | float]] = []
        self._views: list[Observation] = []

    def add(
        self,
        observation: Observation,
        committed: ActionChunk | None,
        world: WorldState,
        lesson: Lesson,
    ) -> None:
        """Append one frame.

        Args:
            observation: What a policy would be given now.
            committed: With this, likewise; None before anything was commanded.
            world: The true state at the observation's stamp.
            lesson: The words in force.
        """
        asked = self._ask(lesson)
        told = commanded_at(observation, committed, self._contract)
        self._views.append(observation)
        self._rows.append(
            {
                'tool_position': observation.T_base_tool.t,
                'commanded_position': told.position,
                'gripper': told.gripper,
                'sentence': [self._texts.setdefault(t, len(self._texts)) for _, t in asked],
                'chunks': np.stack([self._label(world, goal) for goal, _ in asked]),
                'object_position': np.array([world.objects[g.target].position for g, _ in asked]),
                'plate_position': np.array(world.plate),
            }
        )

    def demonstration(self, notes: dict[str, str]) -> Demonstration:
        """Return the frames as arrays."""
        views = {key: [o.views[key] for o in self._views] for key in self._contract.cameras}
        return Demonstration(
            images={k: np.stack([v.image for v in vs]) for k, vs in views.items()},
            intrinsics={k: np.stack([v.K for v in vs]) for k, vs in views.items()},
            camera_poses={
                k: np.stack([v.T_base_camera.matrix for v in vs]) for k, vs in views.items()
            },
            state=np.stack([o.state for o in self._views]),
            state_velocity=np.stack([o.state_velocity for o in self._views]),
            texts=tuple(self._texts),
            notes=notes,
            **{name: np.stack([row[name] for row in self._rows]) for name in self._rows[0]},
        )

    def __len__(self) -> int:
        return len(self._rows)

    def _ask(self, lesson: Lesson) -> list[tuple[Goal, str]]:
        asked = [(lesson.goal, lesson.words)]
        goals = {lesson.goal}
        while len(asked) < self._sentences:
            goal = other(self._rng, goals)
            goals.add(goal)
            asked.append(say(self._rng, goal))
        return asked

    def _label(self, world: WorldState, goal: Goal) -> np.ndarray:
        return rollout.rollout(world, goal, self._contract, self._horizon).actions
