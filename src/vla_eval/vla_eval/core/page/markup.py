"""HTML of a report: sections, figures that say what they mean, tables, tiles."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

STAGE_HEAD = ('stage', 'p50 ms', 'p95 ms', 'p99 ms', 'count', 'meaning')


class Code(str):
    """Text to be set as code."""

    __slots__ = ()


class Verdict(int):
    """Good or not."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def section(title: str, body: str) -> str:
    """Return a section of the page."""
    return f'<section>\n<h2>{escape(title)}</h2>\n{body}</section>\n'


def paragraph(text: str, kind: str = '') -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>\n' if kind else f'<p>{escape(text)}</p>\n'


def figure(inside: str, caption: str) -> str:
    """Return a figure with what it means."""
    return (
        f'<figure><div class="scroll">{inside}</div>'
        f'<figcaption>{escape(caption)}</figcaption></figure>\n'
    )


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return large figures side by side.

    Args:
        entries: (`main` or '', the figure, what it is).
    """
    each = (
        f'<div class="tile {kind}"><b>{escape(big)}</b><span>{escape(small)}</span></div>'
        for kind, big, small in entries
    )
    return f'<div class="tiles">{"".join(each)}</div>\n'


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table that scrolls sideways by itself where the screen is narrow."""
    rows = [tuple(row) for row in rows]
    top = ''.join(
        f'<th class="{_align(rows[0][i]) if rows else ""}">{escape(word)}</th>'
        for i, word in enumerate(head)
    )
    body = ''.join(f'<tr>{"".join(map(_cell, row))}</tr>\n' for row in rows)
    return f'<div class="scroll"><table><tr>{top}</tr>\n{body}</table></div>\n'


def left_out(count: int, shown: int) -> str:
    """Return a line on the rows that a table leaves out, where it does."""
    rest = count - shown
    return paragraph(f'{rest} more are in report.json.', 'note') if rest > 0 else ''


def stages(
    found: Mapping[str, Mapping[str, Any]], meanings: Mapping[str, str]
) -> Iterable[tuple[object, ...]]:
    """Yield the rows under `STAGE_HEAD` of latencies by stage."""
    for name, stage in found.items():
        if stage['p50'] is not None:
            numbers = (f'{stage[p]:.2f}' for p in ('p50', 'p95', 'p99'))
            yield (name.replace('_', ' '), *numbers, stage['count'], meanings.get(name, ''))


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return f'{100 * share:.{digits}f} %'


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, signed."""
    return f'{100 * difference:+.1f}'


def _cell(value: object) -> str:
    if isinstance(value, Code):
        return f'<td><code>{escape(value)}</code></td>'
    if isinstance(value, Markup):
        return f'<td>{value}</td>'
    if isinstance(value, Verdict):
        return '<td class="yes">yes</td>' if value else '<td class="no">no</td>'
    return f'<td class="{_align(value)}">{escape(str(value))}</td>'


def _align(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, Verdict)
    text = str(value)
    figures = text == '-' or text[:1].isdigit() or (text[:1] in '+-' and text[1:2].isdigit())
    return 'n' if number or figures else ''
