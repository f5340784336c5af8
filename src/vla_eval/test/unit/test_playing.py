"""Runs that go on: what the journal holds is not played, and the page has all its films."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vla_core.latency import Latency
from vla_eval.core import playing, records
from vla_eval.core.episodes import Conditions, trials
from vla_eval.core.errors import RequestError
from vla_eval.core.journal import Journal
from vla_eval.core.sweep import Setting, Sweep
from vla_eval.core.worker import Job

BASE = Conditions(Path('robot.yaml'), Path('checkpoints'), 'hold')
TASKS = ('reach', 'pick')
FILM = np.zeros((2, 8, 8, 3), np.uint8)


def jobs(detailed: bool = True, policy: str = 'hold') -> list[Job]:
    conditions = replace(BASE, policy=policy)
    return [Job(conditions, trial, detailed) for trial in trials(TASKS, 6, 0)]


class Runner:
    """Plays anything: odd episodes fail; remembers what it was given."""

    def __init__(self, made, at_most: int = 10**6):
        self.played: list[Job] = []
        self._made = made
        self._at_most = at_most

    def __call__(self, asked):
        for index, job in reversed(list(enumerate(asked))):  # in whatever order
            if len(self.played) == self._at_most:
                raise KeyboardInterrupt
            self.played.append(job)
            success = job.trial.index % 2 == 0
            plain = self._made(job.trial.task, job.trial.index, success, trial=job.trial)
            seen = {'film': None if success else FILM} if job.detailed else {
                'film': None, 'pictures': (), 'path': None}  # fmt: skip
            yield index, replace(plain, **seen)


def play(path: Path, asked: list[Job], runner: Runner):
    with Journal(path, {'seed': 0}) as journal:
        return playing.play(asked, journal, runner, lambda _: None)


def plain(results) -> list[dict]:
    return [records.figures(r) for r in results]


@pytest.mark.parametrize('detailed', [True, False])
def test_an_ended_run_goes_on_and_gives_the_same(tmp_path, made, detailed):
    asked = jobs(detailed)
    whole = play(tmp_path / 'whole', asked, Runner(made))
    with pytest.raises(KeyboardInterrupt):
        play(tmp_path / 'cut', asked, Runner(made, 5))
    second = Runner(made)
    resumed = play(tmp_path / 'cut', asked, second)
    assert plain(resumed) == plain(whole)
    assert [r.trial for r in resumed] == [job.trial for job in asked]
    assert len({playing.key(job) for job in second.played}) < len(asked)
    for found in (whole, resumed):
        films = [(r.trial.task, r.trial.index) for r in found if r.film is not None]
        assert sorted(films) == sorted((task, k) for task in TASKS for k in (1, 3, 5))
    assert all((r.path is not None) == (detailed and r.trial.index == 0) for r in resumed)


def test_a_whole_run_is_played_once(tmp_path, made):
    runner = Runner(made)
    play(tmp_path / 'a', jobs(), runner)
    assert len(runner.played) == len(jobs())
    again = Runner(made)
    play(tmp_path / 'a', jobs(), again)
    assert all(job.detailed for job in again.played)  # for their pictures only
    assert len(again.played) == len(TASKS) * (3 + 1)


def test_only_the_first_films_of_a_task_are_kept(tmp_path, made):
    many = [Job(BASE, trial) for trial in trials(('reach',), 20, 0)]
    found = play(tmp_path / 'a', many, Runner(made))
    assert [r.trial.index for r in found if r.film is not None] == [1, 3, 5]


def test_results_come_back_exactly_from_plain_values(made):
    before = made('push', 3, True)
    after = records.result(before.trial, records.figures(before))
    assert records.figures(after) == records.figures(before)
    assert after.stages_ms == before.stages_ms
    assert after.gate == before.gate
    brief = records.figures(before, brief=True)
    assert set(brief['stages_ms']) <= set(records.BRIEF)


def test_two_runs_cannot_write_one_journal(tmp_path):
    with Journal(tmp_path / 'a', {'seed': 0}) as first:
        first.add('a', 0, {'x': 1})
        with pytest.raises(RequestError, match='another run is writing it'):
            Journal(tmp_path / 'a', {'seed': 0})
    with Journal(tmp_path / 'a', {'seed': 0}) as second:
        assert second.episodes == {('a', 0): {'x': 1}}


def test_a_journal_without_episodes_binds_nobody(tmp_path):
    Journal(tmp_path / 'a', {'policy': 'mistyped'}).__exit__(None, None, None)
    with Journal(tmp_path / 'a', {'policy': 'right'}) as journal:
        journal.add('a', 0, {'x': 1})
    with pytest.raises(RequestError, match='other policy'):
        Journal(tmp_path / 'a', {'policy': 'third'})


def sweep(**changes) -> Sweep:
    given = {
        'base': BASE, 'policies': ('hold', 'flow'), 'strategies': ('rtc', 'async', 'sync'),
        'latencies': (Latency(), Latency.parse('200')), 'seeds': (1, 2), 'tasks': TASKS,
        'episodes': 3,
    } | changes  # fmt: skip
    return Sweep(**given)


def test_a_sweep_is_every_combination_on_the_same_episodes():
    found = sweep()
    assert len(found.settings) == len(set(found.settings)) == 2 * 3 * 2
    episodes = [[job.trial for job in found.jobs(setting)] for setting in found.settings]
    assert all(each == episodes[0] for each in episodes)
    assert len({t.seed for t in episodes[0]}) == 2 * 2 * 3  # seeds, tasks, episodes
    job = found.jobs(Setting('flow', 'sync', '200'))[-1]
    assert (job.conditions.policy, job.conditions.seed, job.detailed) == ('flow', 2, False)
    assert str(job.conditions.latency) == '200'
    keys = [playing.key(job) for setting in found.settings for job in found.jobs(setting)]
    assert len(set(keys)) == len(keys)


def test_settings_are_compared_that_differ_in_one_thing():
    pairs = list(sweep().pairs())
    assert len(pairs) == 12 * (1 + 2 + 1) / 2
    for axis, one, other in pairs:
        differ = [n for n in ('policy', 'strategy', 'latency')
                  if getattr(one, n) != getattr(other, n)]  # fmt: skip
        assert differ == [axis]
