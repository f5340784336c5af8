"""`./vla eval` over several values: tables, a report, a kill in between, Ray beside the pool."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from vla_eval.commands import evaluate

ROOT = Path(__file__).parents[4]
TABLES = ('episodes.csv', 'episodes.parquet', 'summary.csv', 'summary.parquet')
HAS_RAY = importlib.util.find_spec('ray') is not None


def words(out: Path, **options) -> list[str]:
    options = {
        'episodes': 1, 'tasks': 'reach', 'seed': '5,6', 'strategy': 'receding_horizon',
        'policy': 'scripted,hold', 'latency-ms': '0', 'workers': 2, 'out': out,
    } | options  # fmt: skip
    return [w for name, value in options.items() for w in (f'--{name}', str(value))]


def settled(out: Path) -> dict:
    """What must repeat: the report without provenance and wall, and the tables' bytes."""
    report = json.loads((out / 'report.json').read_text(encoding='utf-8'))
    return {
        'report': {k: v for k, v in report.items() if k not in ('provenance', 'wall')},
        **{name: (out / name).read_bytes() for name in TABLES},
    }


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A sweep that nobody disturbed."""
    out = tmp_path_factory.mktemp('sweep') / 'out'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('VLA_ROOT', str(ROOT))
        assert evaluate.main(words(out)) == 0
    return out


@pytest.mark.timeout(400)
def test_tables_hold_every_episode_and_agree_with_the_report(whole):
    report = json.loads((whole / 'report.json').read_text(encoding='utf-8'))
    assert report['kind'] == 'sweep'
    assert report['axes']['seed'] == [5, 6]
    rates = {s['policy']: s['tasks']['reach']['rate'] for s in report['settings']}
    assert rates == {'scripted': 1.0, 'hold': 0.0}
    (entry,) = report['comparisons']
    assert (entry['axis'], entry['success']['lost'], entry['success']['pairs']) == ('policy', 2, 2)
    assert entry['success']['p'] == 0.5

    with (whole / 'episodes.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2
    same = parquet.read_table(whole / 'episodes.parquet').to_pylist()
    assert [(r['policy'], int(r['episode_seed']), r['success']) for r in rows] == [
        (r['policy'], r['episode_seed'], str(r['success']).lower()) for r in same
    ]
    by_policy = {p: {r['episode_seed'] for r in same if r['policy'] == p} for p in rates}
    assert by_policy['scripted'] == by_policy['hold']
    summary = parquet.read_table(whole / 'summary.parquet').to_pylist()
    assert [(r['policy'], r['successes'], r['episodes']) for r in summary] == [
        ('scripted', 2, 2), ('hold', 0, 2)]  # fmt: skip


def test_the_page_shows_settings_films_and_commands(whole):
    page = (whole / 'report.html').read_text(encoding='utf-8')
    assert page.count('data:video/webm') == 2
    assert './vla eval --seed 6 --policy hold' in page
    assert page.count('<figure') == page.count('<figcaption')
    assert 'Differences on the same episodes' in page
    assert len(page) < 5e6
    assert sorted(p.name for p in whole.iterdir()) == sorted(
        [*TABLES, 'report.json', 'report.html']
    )


@pytest.mark.timeout(400)
def test_a_killed_sweep_goes_on_and_gives_the_same(whole, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    out = tmp_path / 'out'
    program = 'import sys; from vla_eval.commands import evaluate; evaluate.main(sys.argv[1:])'
    process = subprocess.Popen(
        [sys.executable, '-c', program, *words(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
    )
    journal, deadline = out / 'episodes.jsonl', time.monotonic() + 180
    while not (journal.exists() and journal.read_bytes().count(b'\n') >= 2):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (out / 'report.json').exists()
    with journal.open('ab') as file:
        file.write(b'{"cell": "cut of')  # as a kill within a write leaves it
    assert evaluate.main(words(out)) == 0
    assert 'resuming: ' in capsys.readouterr().out
    assert settled(out) == settled(whole)
    assert not journal.exists()


def test_a_folder_with_episodes_of_another_setting_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    (tmp_path / 'episodes.jsonl').write_text(
        '{"source": {"phrasing": "loud"}}\n{"cell": "a", "index": 0, "figures": {}}\n'
    )
    assert evaluate.main(words(tmp_path)) == 1
    said = capsys.readouterr().err
    assert said.count('\n') == 1
    assert 'phrasing' in said


@pytest.mark.skipif(not HAS_RAY, reason='ray is not installed: requirements/ray.txt')
@pytest.mark.timeout(400)
def test_ray_gives_the_same_byte_for_byte(whole, tmp_path, monkeypatch):
    monkeypatch.setenv('VLA_ROOT', str(ROOT))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
    assert evaluate.main(words(tmp_path / 'out', ray='local')) == 0
    assert settled(tmp_path / 'out') == settled(whole)
