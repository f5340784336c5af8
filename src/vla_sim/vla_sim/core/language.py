"""The words: templates and names, of which some pairings are never used in training."""

from functools import cache

import numpy as np

from vla_sim.core.errors import TaskError
from vla_sim.core.values import Episode, Goal

PHRASINGS = ('known', 'held-out')

NAMES = {
    'red block': ('red block', 'red cube', 'red one'),
    'green block': ('green block', 'green cube', 'green one'),
    'blue cylinder': ('blue cylinder', 'blue can', 'blue one'),
    'yellow cylinder': ('yellow cylinder', 'yellow can', 'yellow one'),
}
TEMPLATES = {
    'reach': (
        'reach for the {name}',
        'move to the {name}',
        'go to the {name}',
        'point at the {name}',
        'hover over the {name}',
        'move over to the {name}',
    ),
    'push': (
        'push the {name} {short}',
        'push the {name} {long}',
        'slide the {name} {short}',
        'slide the {name} {long}',
        'shove the {name} {short}',
        'nudge the {name} {long}',
    ),
    'pick': (
        'pick up the {name}',
        'pick the {name} up',
        'lift the {name}',
        'lift the {name} up',
        'grab the {name}',
        'take the {name}',
    ),
    'place': (
        'put the {name} on the plate',
        'place the {name} on the plate',
        'set the {name} on the plate',
        'lay the {name} on the plate',
        'put the {name} down on the plate',
        'bring the {name} to the plate',
    ),
}
DIRECTIONS = {
    'left': ('left', 'to the left'),
    'right': ('right', 'to the right'),
    'away': ('away', 'away from you'),
}
# (template, name) pairs kept out of training; each of their words stands in a known phrase too.
HELD_OUT = ((1, 1), (3, 2), (4, 0))


@cache
def phrases(goal: Goal, phrasing: str) -> tuple[str, ...]:
    """Return every way to ask for a goal.

    Args:
        goal: What is asked for.
        phrasing: `known` (trained with) or `held-out` (never trained with).
    """
    if phrasing not in PHRASINGS:
        raise TaskError(f'phrasing {phrasing!r}: one of {", ".join(PHRASINGS)} expected')
    return tuple(
        _say(goal, template, name)
        for template in range(len(TEMPLATES[goal.task]))
        for name in range(len(NAMES[goal.target]))
        if ((template, name) in HELD_OUT) == (phrasing == 'held-out')
    )


def _say(goal: Goal, template: int, name: int) -> str:
    short, long = DIRECTIONS.get(goal.direction, ('', ''))
    words = TEMPLATES[goal.task][template]
    return words.format(name=NAMES[goal.target][name], short=short, long=long)


def goals(task: str | None = None) -> tuple[Goal, ...]:
    """Return every goal there is, of one task or of all."""
    return tuple(
        Goal(name, target, direction)
        for name in TEMPLATES
        if task in (None, name)
        for target in NAMES
        for direction in (tuple(DIRECTIONS) if name == 'push' else ('',))
    )


@cache
def _dictionary() -> dict[str, tuple[Goal, int, int]]:
    return {
        _say(goal, template, name): (goal, template, name)
        for goal in goals()
        for template in range(len(TEMPLATES[goal.task]))
        for name in range(len(NAMES[goal.target]))
    }


def _lookup(instruction: str) -> tuple[Goal, int, int]:
    words = ' '.join(instruction.lower().replace('.', ' ').replace(',', ' ').split())
    if words not in _dictionary():
        raise TaskError(
            f'instruction {instruction!r}: not a sentence the simulator can judge; '
            "e.g. 'pick up the red block' expected"
        )
    return _dictionary()[words]


def parse(instruction: str) -> Goal:
    """Return what an instruction asks for.

    Raises:
        TaskError: the simulator does not know the sentence, so it cannot judge success.
    """
    return _lookup(instruction)[0]


def wrong_words(episode: Episode, rng: np.random.Generator) -> str:
    """Return the episode's sentence with another object's name."""
    return other_words(episode.instruction, rng)


def other_words(instruction: str, rng: np.random.Generator) -> str:
    """Return a sentence with another object's name.

    Raises:
        TaskError: the simulator does not know the sentence.
    """
    goal, template, name = _lookup(instruction)
    others = [target for target in NAMES if target != goal.target]
    other = Goal(goal.task, others[int(rng.integers(len(others)))], goal.direction)
    return _say(other, template, name)


def vocabulary() -> tuple[str, ...]:
    """Return every word of every phrase, sorted."""
    return tuple(sorted({word for phrase in _dictionary() for word in phrase.split()}))
