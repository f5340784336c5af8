"""`./vla eval --graph` that was ended goes on where it was; a toy stands for the graph."""

import json
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from vla_core.command import ChunkCounts, GateCounts  # noqa: E402
from vla_eval.commands import evaluate, live  # noqa: E402
from vla_eval.core.results import EpisodeResult  # noqa: E402

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[4]


class ToyGraph:
    """A graph that is up."""

    domain_id, variables, failure, started = 7, {}, '', 0

    def __init__(self, *_):
        pass

    def __enter__(self):
        ToyGraph.started += 1
        return self

    def __exit__(self, *_):
        return None

    def alive(self):
        return True


class ToyClient:
    """A client of it."""

    def __init__(self, *_):
        pass

    def close(self):
        pass


@pytest.fixture
def played(monkeypatch):
    """Play the graph; return the trials it ran, and a box for how many it lets through."""
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    ran, most = [], [99]

    class ToyEpisodes:
        moments = {}

        def __init__(self, *_, **__):
            pass

        def run(self, trial):
            if len(ran) >= most[0]:
                raise KeyboardInterrupt
            ran.append((trial.task, trial.index))
            return EpisodeResult(
                trial, 'reach', 'reach', trial.index != 1, 10 + trial.index, 60,
                GateCounts(ticks=100 + trial.index), ChunkCounts(received=9),
                {'capture_to_command': (30.5, 31.25 + trial.index)},
            )  # fmt: skip

    for name, toy in {
        'Graph': ToyGraph, 'GraphClient': ToyClient, 'LiveEpisodes': ToyEpisodes,
        'join': lambda variables: None,
    }.items():  # fmt: skip
        monkeypatch.setattr(live, name, toy)
    return ran, most


def words(out, **options):
    options = {
        'episodes': 4, 'tasks': 'reach', 'seed': 5, 'strategy': 'sync', 'policy': 'hold',
        'out': out,
    } | options  # fmt: skip
    return ['--graph', *(w for name, value in options.items() for w in (f'--{name}', str(value)))]


def figures(out):
    report = json.loads((out / 'report.json').read_text())
    return {key: report[key] for key in ('tasks', 'gate', 'chunks', 'latency_ms')}


def test_a_run_that_was_ended_goes_on_and_gives_the_same_report(played, tmp_path, capsys):
    ran, most = played
    assert evaluate.main(words(tmp_path / 'whole')) == 0
    assert ran == [('reach', k) for k in range(4)]

    ran.clear()
    most[0] = 2
    with pytest.raises(KeyboardInterrupt):
        evaluate.main(words(tmp_path / 'out'))
    told = capsys.readouterr().err
    assert told.count('\n') == 1
    assert f'2 of 4 episodes are kept in {tmp_path / "out"}' in told
    assert not (tmp_path / 'out' / 'report.json').exists()

    ran.clear()
    most[0] = 99
    assert evaluate.main(words(tmp_path / 'out')) == 0
    assert ran == [('reach', 2), ('reach', 3)]
    assert 'resuming: 2 of 4 episodes are there' in capsys.readouterr().out
    assert figures(tmp_path / 'out') == figures(tmp_path / 'whole')
    assert figures(tmp_path / 'out')['tasks']['reach']['successes'] == 3
    assert not (tmp_path / 'out' / 'episodes.jsonl').exists()  # finished: the next one is anew


def test_episodes_of_another_run_are_not_taken_for_ones_own(played, tmp_path, capsys):
    _, most = played
    most[0] = 1
    with pytest.raises(KeyboardInterrupt):
        evaluate.main(words(tmp_path))
    capsys.readouterr()
    most[0] = 99
    started = ToyGraph.started
    for other in ({'phrasing': 'held-out'}, {'transport': 'lan'}):
        assert evaluate.main(words(tmp_path, **other)) == 1
        assert 'episodes of another run' in capsys.readouterr().err
    virtual = words(tmp_path)[1:]  # in virtual time
    assert evaluate.main(virtual) == 1
    assert 'other clock' in capsys.readouterr().err
    assert ToyGraph.started == started
