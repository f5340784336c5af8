"""Writes a report's two files, each beside its place and renamed; report.json, last, marks it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_eval.core import report_html, report_json
from vla_eval.core.episodes import Conditions
from vla_eval.core.results import EpisodeResult

JSON, HTML = 'report.json', 'report.html'


@dataclass(frozen=True)
class Written:
    """Where a report lies, and what it says."""

    html: Path
    json: Path
    values: Mapping[str, Any]


def write(
    folder: Path,
    results: Sequence[EpisodeResult],
    conditions: Conditions,
    clock: str,
    provenance: Mapping[str, Any],
    wall: Mapping[str, Any],
    repeat: str,
) -> Written:
    """Write report.html and report.json into a folder, which is made where it is missing.

    Args:
        folder: Of the run.
        results: In the order of the trials.
        conditions: Of the run.
        clock: `virtual` or `graph`.
        provenance: See `provenance.collect`.
        wall: Figures of the wall clock besides latencies.
        repeat: Command that repeats one episode, with `{task}` and `{index}` in it.
    """
    values = report_json.build(results, conditions, clock, provenance, wall)
    folder.mkdir(parents=True, exist_ok=True)
    html, json = folder / HTML, folder / JSON
    _write(html, report_html.build(values, results, repeat))
    _write(json, report_json.text(values))
    return Written(html, json, values)


def finished(folder: Path) -> bool:
    """Whether a folder holds a finished report."""
    return (folder / JSON).exists()


def _write(path: Path, text: str) -> None:
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    part.write_text(text, encoding='utf-8')
    os.replace(part, path)
