"""Peers: which benchmarks have some, and that they are made once."""

from pathlib import Path

import pytest

from vla_cli import names
from vla_cli.errors import RunError
from vla_cli.places import Places
from vla_cli.setup import peers


@pytest.fixture
def root(tmp_path):
    """A checkout with the requirement files of a peer and nothing else."""
    folder = tmp_path / 'requirements' / 'peers'
    folder.mkdir(parents=True)
    (folder / 'lerobot.txt').write_text('nothing\n')
    (folder / 'lerobot.no-deps.txt').write_text('nothing\n')
    (tmp_path / 'requirements.txt').write_text('torch==2.13.0\n')
    return tmp_path


@pytest.fixture
def ran(monkeypatch):
    """The command lines that would have run; those with a word in `fails` fail."""
    commands, fails = [], set()

    def run(step, command, log, env=None, cwd=None):
        words = [str(word) for word in command]
        commands.append(words)
        if fails & set(words):
            raise RunError('it failed')
        if 'venv' in words:
            (log.parent.parent / 'peers' / 'lerobot').mkdir(parents=True)

    monkeypatch.setattr(peers.Step, 'run', run)
    return commands, fails


def test_every_peer_belongs_to_a_benchmark_and_says_what_it_needs():
    places = Places(Path(__file__).parents[2])
    for benchmark, wanted in peers.PEERS.items():
        assert benchmark in names.benchmarks(places)
        for name in wanted:
            assert (places.requirements / 'peers' / f'{name}.txt').is_file()
            assert (places.requirements / 'peers' / f'{name}.no-deps.txt').is_file()


def test_a_peer_is_made_once_and_anew_when_its_files_change(root, ran):
    commands, _ = ran
    peers.ensure(Places(root), 'control')
    assert [('venv' in c, '--no-deps' in c) for c in commands] == [
        (True, False), (False, False), (False, True)]  # fmt: skip
    assert 'torch==2.13.0' in commands[1]
    peers.ensure(Places(root), 'control')
    assert len(commands) == 3
    (root / 'requirements' / 'peers' / 'lerobot.txt').write_text('other\n')
    peers.ensure(Places(root), 'control')
    assert len(commands) == 6


def test_what_was_interrupted_is_made_anew(root, ran):
    commands, fails = ran
    fails.add('--no-deps')
    with pytest.raises(RunError):
        peers.ensure(Places(root), 'control')
    fails.clear()
    peers.ensure(Places(root), 'control')
    assert len(commands) == 6
    assert 'venv' in commands[3]


def test_a_benchmark_without_peers_makes_nothing(root, ran):
    peers.ensure(Places(root), 'nosuch')
    assert ran[0] == []
