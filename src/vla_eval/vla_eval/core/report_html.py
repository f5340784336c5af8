"""report.html: the same run for people, in one file that opens offline."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from vla_eval.core.page import (
    all_episodes,
    comparison,
    episodes,
    failures,
    gate,
    head,
    latency,
    provenance,
    success,
)
from vla_eval.core.page.run import Run
from vla_eval.core.results import EpisodeResult

# Each has `section(run) -> str`, which is '' where the run has nothing to say about it.
SECTIONS = (
    head,
    success,
    comparison,
    latency,
    gate,
    episodes,
    failures,
    all_episodes,
    provenance,
)
CSS = Path(__file__).with_name('page.css')


def build(report: Mapping[str, Any], results: Sequence[EpisodeResult], repeat: str) -> str:
    """Return the page.

    Args:
        report: The values of report.json.
        results: The same run, with pictures and paths.
        repeat: Command that repeats one episode, with `{task}` and `{index}` in it.
    """
    run = Run(report, results, repeat)
    return document(head.title(run), ''.join(part.section(run) for part in SECTIONS))


def document(title: str, body: str) -> str:
    """Return a whole page that loads nothing from elsewhere."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}: evaluation</title>\n'
        f'<style>\n{CSS.read_text(encoding="utf-8")}</style>\n</head>\n'
        f'<body>\n<main>\n{body}</main>\n</body>\n</html>\n'
    )
