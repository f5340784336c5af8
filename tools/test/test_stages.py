"""What `./vla test` shows of a stage's log."""

from pathlib import Path

import pytest

from vla_cli.places import Places
from vla_cli.stages import STAGES, not_run, second_tries, summary, what_failed


@pytest.fixture
def log(tmp_path):
    """Write a log; return its path."""

    def write(text):
        path = tmp_path / 'stage.log'
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        (
            '$ python -m pytest\n...\n12 passed, 1 warning in 3.2s\n',
            '12 passed, 1 warning in 3.2s',
        ),
        ('$ ruff\nAll checks passed!\n$ ruff\n7 files left\n', '7 files left'),
        ('1 failed, 2 passed in 1s\nsys.exit\n', '1 failed, 2 passed in 1s'),
        ('$ nothing\n', 'no output'),
    ],
)
def test_the_summary_is_the_closing_line(log, text, line):
    assert summary(log(text)) == line


def test_what_failed_begins_where_pytest_tells_it(log):
    text = '....F\n=== FAILURES ===\nwhy\nFAILED a.py - rclpy\n1 failed in 1s\n'
    assert what_failed(log(text)).splitlines()[0] == '=== FAILURES ==='


def test_what_was_skipped_is_told_with_its_reason(log):
    text = '..ss\nSKIPPED [2] test/test_a.py:30: it needs root\n2 passed, 2 skipped in 1s\n'
    assert not_run(log(text)) == ['test/test_a.py:30: it needs root']
    assert not_run(log('2 passed in 1s\n')) == []


def test_a_second_try_is_named(log):
    text = '= rerun test summary info =\nRERUN test/test_a.py::test_b\n1 passed, 1 rerun in 2s\n'
    assert second_tries(log(text)) == ['test/test_a.py::test_b']
    assert second_tries(log('2 passed in 1s\n')) == []


def test_a_long_failure_keeps_its_end(log):
    shown = what_failed(log('\n'.join(f'line {i}' for i in range(500)) + '\nFAILED b.py\n'), 50)
    assert shown.startswith('... 451 more lines in ')
    assert shown.endswith('FAILED b.py')


def test_types_cover_every_core():
    root = Places(Path(__file__).parents[2])
    (words,) = STAGES['types'].commands(root)
    cores = {f'src/{p}/{p}/core' for p in ('vla_perception', 'vla_policy', 'vla_control')}
    assert cores | {'src/vla_core/vla_core', 'src/vla_sim/vla_sim/core'} <= set(words)
