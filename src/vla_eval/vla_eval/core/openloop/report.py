"""Writes the report of an evaluation by bags; report.json, last, marks it as whole."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vla_eval.core import report_json as layout
from vla_eval.core.openloop import page, report_json
from vla_eval.core.openloop.measured import Measured
from vla_eval.core.report import HTML, JSON, Written, write_text


def write(folder: Path, runs: Sequence[Measured], rate_hz: float, **conditions: Any) -> Written:
    """Write report.html and report.json into a folder, which is made where it is missing.

    Args:
        folder: Of the run.
        runs: One a bag.
        rate_hz: Of their motions: the contract's control rate.
        conditions: See `report_json.build`.
    """
    values = report_json.build(runs, **conditions)
    folder.mkdir(parents=True, exist_ok=True)
    html, json = folder / HTML, folder / JSON
    write_text(html, page.build(values, runs, rate_hz))
    write_text(json, layout.text(values))
    return Written(html, json, values)
