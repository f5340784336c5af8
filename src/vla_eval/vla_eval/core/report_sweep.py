"""Writes what a sweep leaves: tables, report.html and, last, report.json, which marks it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vla_eval.core import report, report_html, report_json, sweep_json, tables
from vla_eval.core.page import sweep_page
from vla_eval.core.report import Written
from vla_eval.core.sweep import Sweep
from vla_eval.core.sweep_json import Played


def write(
    folder: Path,
    sweep: Sweep,
    played: Sequence[Played],
    provenance: Mapping[str, Any],
    wall: Mapping[str, Any],
) -> Written:
    """Write a sweep's files into a folder, each beside its place and renamed.

    Args:
        folder: Of the run.
        sweep: What was played.
        played: What it gave, setting by setting.
        provenance: Where the figures come from.
        wall: Figures of the wall clock.
    """
    values = sweep_json.build(sweep, played, provenance, wall)
    folder.mkdir(parents=True, exist_ok=True)
    tables.write(folder, played, values)
    html, json = folder / report.HTML, folder / report.JSON
    report.write_text(html, report_html.document('sweep', sweep_page.body(values, played)))
    report.write_text(json, report_json.text(values))
    return Written(html, json, values)
