"""`./vla eval` in virtual time, from options to files."""

import json
import subprocess
from pathlib import Path

import pytest

from vla_eval.commands import evaluate, request

ROOT = Path(__file__).parents[4]
TASKS = 'place,reach'


@pytest.fixture(autouse=True)
def started_by_vla(monkeypatch):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    monkeypatch.setenv('VLA_COMMAND', './vla eval --seed 5')


def words(out: Path, **options) -> list[str]:
    options = {
        'episodes': 1, 'tasks': TASKS, 'seed': 5, 'strategy': 'receding_horizon',
        'policy': 'hold', 'out': out,
    } | options  # fmt: skip
    return [w for name, value in options.items() for w in (f'--{name}', str(value))]


@pytest.mark.timeout(300)
def test_a_run_of_a_policy_that_holds_still_fails_every_episode_and_says_so(tmp_path, capsys):
    assert evaluate.main(words(tmp_path / 'out')) == 0
    said = capsys.readouterr().out
    assert 'success 0.0 %' in said
    paths = [Path(line) for line in said.splitlines()[-2:]]
    assert paths == [tmp_path / 'out' / 'report.json', tmp_path / 'out' / 'report.html']
    report = json.loads(paths[0].read_text(encoding='utf-8'))
    assert list(report['tasks']) == ['reach', 'place']
    assert report['chunks']['received'] > 150
    assert report['gate']['ticks'] > 1500
    page = paths[1].read_text(encoding='utf-8')
    assert page.count('data:video/webm') == 2
    assert './vla eval --seed 5 --policy hold' in page
    assert '--tasks place --only 0' in page

    source = report['provenance']
    head = subprocess.run(
        ['git', '-C', ROOT, 'rev-parse', 'HEAD'], capture_output=True, text=True, check=False
    )
    assert source['commit'] == (head.stdout.strip() or 'unknown')
    assert (source['seed'], source['command']) == (5, './vla eval --seed 5')
    assert source['contract']['name'] == 'tabletop'
    assert source['checkpoint'] == {'name': 'hold', 'digest': None}
    assert source['versions']['numpy'][0].isdigit()
    assert report['wall']['seconds'] > 0


@pytest.mark.timeout(300)
def test_a_run_that_fell_behind_its_baseline_ends_with_one(tmp_path, capsys):
    asked = {'tasks': 'reach', 'episodes': 1}
    assert evaluate.main(words(tmp_path / 'base', policy='scripted', **asked)) == 0
    judged = {**asked, 'baseline': tmp_path / 'base' / 'report.json', 'fail-if': 'success<-0.05'}
    assert evaluate.main(words(tmp_path / 'same', policy='scripted', **judged)) == 0
    same = json.loads((tmp_path / 'same' / 'report.json').read_text(encoding='utf-8'))
    assert same['baseline']['success']['difference'] == 0
    capsys.readouterr()
    assert evaluate.main(words(tmp_path / 'worse', policy='hold', **judged)) == 1
    said = capsys.readouterr().err
    assert said == 'regression: success<-0.05 is met: -1 (1 to 0)\n'
    worse = json.loads((tmp_path / 'worse' / 'report.json').read_text(encoding='utf-8'))
    assert worse['baseline']['fail_if'][0]['met']
    assert worse['baseline']['tasks']['reach']['lost'] == 1


def test_a_checkpoint_that_is_none_is_one_line(tmp_path, capsys):
    (tmp_path / 'empty').mkdir()
    status = evaluate.main(words(tmp_path / 'out', policy=tmp_path / 'empty'))
    assert status == 1
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert str(tmp_path / 'empty') in said
    assert not (tmp_path / 'out' / 'report.json').exists()


def test_only_one_episode_is_the_same_episode(tmp_path):
    def asked(**options):
        parser = request.ArgumentParser()
        request.add_options(parser)
        return request.read(parser.parse_args(words(tmp_path, **options)))

    many, one = asked(episodes=7), asked(only=4, tasks='reach')
    assert one.trials == tuple(t for t in many.trials if (t.task, t.index) == ('reach', 4))
    assert len(many.trials) == 14
