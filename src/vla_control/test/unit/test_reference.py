"""The reference page of this package: its examples run, its tables are those of the code."""

import doctest
import re
from pathlib import Path

import pytest

from vla_control.core.modes import MODES
from vla_control.core.strategies import STRATEGIES

ROOT = Path(__file__).parents[4]
PAGE = ROOT / 'docs' / 'reference' / 'control.md'


def test_the_examples_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = doctest.testfile(str(PAGE), module_relative=False, verbose=False)
    assert found.attempted > 30
    assert found.failed == 0


def test_the_table_of_modes_is_that_of_the_gate():
    told = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        modes = cells[-1].split()
        if len(cells) == 3 and modes and set(modes) <= {'clip', 'refuse', 'stop', 'off'}:
            for name in re.findall(r'`(\w+)`', cells[0]):
                told[name] = tuple(modes)
    assert told == {str(check): modes for check, modes in MODES.items()}
    assert list(told) == [str(check) for check in MODES]


@pytest.mark.parametrize('name', STRATEGIES)
def test_each_strategy_has_its_line(name):
    assert re.search(rf'^\| `{name}` \|', PAGE.read_text(), re.MULTILINE)
