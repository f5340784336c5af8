"""The pages under docs/reference that are written by programs say what the programs say now."""

import runpy
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[1] / 'docs' / 'reference'


@pytest.mark.ros
def test_parameter_reference_is_current():
    page = runpy.run_path(str(REFERENCE / 'parameters.py'))['page']()
    assert (REFERENCE / 'parameters.md').read_text(encoding='utf-8') == page
