"""Which words are in force when, in one demonstrated episode."""

from dataclasses import dataclass

import numpy as np

from vla_sim.core import language
from vla_sim.core.tasks import TASKS
from vla_sim.core.values import Episode, Goal, WorldState

SWITCH_AFTER = (3, 20)  # steps
LINGER = 2  # steps shown after the last success, so that arriving is seen too


@dataclass(frozen=True)
class Course:
    """How often words change.

    Attributes:
        switch: Share of episodes whose words change midway.
        go_on: Probability that a success is followed by new words.
        most_goals: Words in one episode, at most.
    """

    switch: float = 0.35
    go_on: float = 0.4
    most_goals: int = 3


class Lesson:
    """Draws words, judges success by the tasks' own rules, says when the episode is over."""

    def __init__(
        self, episode: Episode, world: WorldState, course: Course, rng: np.random.Generator
    ):
        self.goal = episode.goal
        self.words = episode.instruction
        self._course = course
        self._rng = rng
        self._goals = 1
        self._switch_at = -1
        if rng.random() < course.switch:
            self._switch_at = int(rng.integers(*SWITCH_AFTER))
        self.over = False
        self.reached = False
        self._begin(world)

    def _begin(self, world: WorldState) -> None:
        self._start, self._step, self._streak = world, 0, 0
        self._limit = TASKS[self.goal.task].limit * 2 // 3  # the expert needs a third of it
        self._linger = -1

    def step(self, world: WorldState) -> bool:
        """Take note of the next step; return whether the words have changed."""
        self._step += 1
        task = TASKS[self.goal.task]
        self._streak = self._streak + 1 if task.reached(world, self._start, self.goal) else 0
        if self._linger >= 0:
            self._linger -= 1
            self.over = self._linger < 0
            return False
        if self._streak >= task.checks:
            self.reached = True
            if self._goals < self._course.most_goals and self._rng.random() < self._course.go_on:
                return self._change(world)
            self._linger = LINGER
        elif self._step == self._switch_at and self._goals == 1:
            return self._change(world)
        elif self._step >= self._limit:
            self.over = True
        return False

    def _change(self, world: WorldState) -> bool:
        self._goals += 1
        self.goal, self.words = say(self._rng, other(self._rng, {self.goal}))
        self.reached = False
        self._begin(world)
        return True


def other(rng: np.random.Generator, without: set[Goal]) -> Goal:
    """Draw a goal: a task first, so that tasks with many goals are not favoured."""
    tasks = list(TASKS)
    while True:
        goals = language.goals(tasks[int(rng.integers(len(tasks)))])
        goal = goals[int(rng.integers(len(goals)))]
        if goal not in without:
            return goal


def say(rng: np.random.Generator, goal: Goal) -> tuple[Goal, str]:
    """Return a goal with one of its trained phrases."""
    phrases = language.phrases(goal, 'known')
    return goal, phrases[int(rng.integers(len(phrases)))]
