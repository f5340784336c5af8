"""Writes a report's two files, each beside its place and renamed; report.json, last, marks it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vla_eval.core import report_html, report_json
from vla_eval.core.episodes import Conditions
from vla_eval.core.results import EpisodeResult

JSON, HTML = 'report.json', 'report.html'

More = Mapping[str, Callable[[Mapping[str, Any]], Any]]


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
    more: More | None = None,
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
        more: Further keys, each made from the values so far; a section of the page shows it.
    """
    values = report_json.build(results, conditions, clock, provenance, wall)
    for key, make in (more or {}).items():
        values[key] = make(values)
    folder.mkdir(parents=True, exist_ok=True)
    html, json = folder / HTML, folder / JSON
    write_text(html, report_html.build(values, results, repeat))
    write_text(json, report_json.text(values))
    return Written(html, json, values)


def write_text(path: Path, text: str) -> None:
    """Write a file beside its place, then put it there: nobody sees a part of it."""
    part = path.with_name(f'.{path.name}.{os.getpid()}.part')
    part.write_text(text, encoding='utf-8')
    os.replace(part, path)
