"""The words: every phrase means one goal, and held-out phrases use known words only."""

import numpy as np
import pytest

from vla_sim.core import language
from vla_sim.core.errors import TaskError
from vla_sim.core.values import Episode


def test_every_phrase_means_exactly_one_goal():
    seen = {}
    for goal in language.goals():
        for phrasing in language.PHRASINGS:
            for phrase in language.phrases(goal, phrasing):
                assert seen.setdefault(phrase, goal) == goal, phrase
                assert language.parse(phrase) == goal
    assert len(language.goals()) == 24


@pytest.mark.parametrize('goal', language.goals(), ids=str)
def test_phrasings_are_split(goal):
    known, held_out = (language.phrases(goal, phrasing) for phrasing in language.PHRASINGS)
    assert len(known) == 15
    assert len(held_out) == 3
    assert not set(known) & set(held_out)


def test_held_out_words_are_all_known():
    def words(phrasing, goal):
        return {word for phrase in language.phrases(goal, phrasing) for word in phrase.split()}

    for goal in language.goals():
        assert words('held-out', goal) <= words('known', goal)


def test_words_are_few_enough_for_a_small_model():
    assert len(language.vocabulary()) < 60


@pytest.mark.parametrize('phrasing', language.PHRASINGS)
def test_wrong_words_name_another_object_in_the_same_kind_of_sentence(phrasing):
    rng = np.random.default_rng(0)
    for goal in language.goals():
        for phrase in language.phrases(goal, phrasing):
            episode = Episode(goal, phrase, 1, 60, phrasing)
            wrong = language.wrong_words(episode, rng)
            other = language.parse(wrong)
            assert (other.task, other.direction) == (goal.task, goal.direction)
            assert other.target != goal.target
            assert wrong in language.phrases(other, phrasing)


@pytest.mark.parametrize('words', ['', 'pick up the pink block', 'push the red block'])
def test_other_sentences_are_refused(words):
    with pytest.raises(TaskError, match='instruction'):
        language.parse(words)
