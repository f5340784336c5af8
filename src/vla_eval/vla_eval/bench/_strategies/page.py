"""strategies.html: the comparison in one file that opens offline."""

import io
import re
from html import escape
from pathlib import Path

from matplotlib import pyplot as plt

import vla_eval.core
from vla_eval.bench._strategies import words
from vla_eval.bench._strategies.cells import LATENCIES_MS, strategies
from vla_eval.bench._strategies.findings import findings
from vla_eval.bench._strategies.summary import Summaries
from vla_eval.bench._strategies.tables import Table, tables
from vla_eval.core.comparison import LATE, SUCCESS, Cell
from vla_eval.core.plots import NO_METADATA, STYLE

COLOURS = ('#868e96', '#1971c2', '#9c36b5', '#2f9e44', '#e8590c', '#f2b705', '#0b7285')
APART_MS = 4.0  # between strategies, so that their intervals do not hide each other
VERDICT = {
    True: '<span class="yes">as expected</span>',
    False: '<span class="no">differs</span>',
    None: '',
}


def write(path: Path, found: Summaries, origin: str, judged: bool = True) -> None:
    """Write the page, whole or not at all.

    Args:
        path: Where.
        found: What was played.
        origin: Commit, seed and machine, in one line.
        judged: Whether there are episodes enough to conclude from.
    """
    css = Path(vla_eval.core.__file__).with_name('page.css').read_text(encoding='utf-8')
    lead = _text(f'`{words.COMMAND}`. {origin}')
    body = [
        f'<h1>Which strategy, when</h1>\n<p class="lead">{lead}</p>',
        _section('What was done', ''.join(f'<p>{_text(p)}</p>' for p in words.CONDITIONS)),
    ]
    conclusions = words.conclusions(found)
    if conclusions and judged:
        listed = ''.join(f'<li>{_text(line)}</li>' for line in conclusions)
        body.append(_section('What follows', f'<ul>{listed}</ul>'))
    rows = ''.join(
        f'<tr><td style="white-space:normal">{_text(f.theory)}</td><td>{_text(f.result)}</td>'
        f'<td>{VERDICT[f.agrees if judged else None]}</td></tr>'
        for f in findings(found)
    )
    head = '<tr><th>expected</th><th>measured</th><th></th></tr>'
    body.append(_section('Theory and result', f'<table>{head}{rows}</table>'))
    of_task: dict[str, list[Table]] = {}
    for table in tables(found):
        of_task.setdefault(table.task, []).append(table)
    for task, listed_tables in of_task.items():
        figure = _figure(found, task)
        body.append(_section(task, figure + ''.join(_table(t) for t in listed_tables)))
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>Which strategy, when</title>\n<style>\n{css}</style>\n</head>\n'
        f'<body>\n<main>\n{"".join(body)}</main>\n</body>\n</html>\n'
    )
    part = path.with_name(f'.{path.name}.part')
    part.write_text(page, encoding='utf-8')
    part.replace(path)


def _section(title: str, body: str) -> str:
    return f'<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>\n'


def _text(words_: str) -> str:
    return re.sub(r'`([^`]*)`', r'<code>\1</code>', escape(words_))


def _table(table: Table) -> str:
    head = ''.join(f'<th{" class=n" if k else ""}>{h}</th>' for k, h in enumerate(table.head))
    rows = ''.join(
        '<tr>'
        + ''.join(f'<td{" class=n" if k else ""}>{escape(w)}</td>' for k, w in enumerate(row))
        + '</tr>'
        for row in table.rows
    )
    return (
        f'<h3 style="text-transform:none">{escape(table.title)}</h3>\n'
        f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>\n'
    )


def _figure(found: Summaries, task: str) -> str:
    """Return success over latency, one line a strategy, as inline SVG; '' for nothing to draw."""
    names = strategies(task)
    lines = {
        name: [
            (ms + APART_MS * k, summary)
            for ms in LATENCIES_MS
            if (summary := found.get(Cell(SUCCESS, task, name, ms))) is not None
        ]
        for k, name in enumerate(names)
    }
    if not any(lines.values()):
        return ''
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(6.8, 3.4 if task == LATE else 2.6))
        for colour, (name, points) in zip(COLOURS, lines.items(), strict=False):
            if not points:
                continue
            x = [at for at, _ in points]
            axes.plot(x, [s.rate for _, s in points], 'o-', color=colour, ms=5, lw=1.4, label=name)
            low, high = [s.ci95[0] for _, s in points], [s.ci95[1] for _, s in points]
            axes.vlines(x, low, high, color=colour, lw=3, alpha=0.3)
        axes.set_ylim(-0.02, 1.04)
        axes.set_xticks(LATENCIES_MS)
        axes.set_xlabel('latency, ms')
        axes.set_ylabel('success')
        axes.legend(loc='center left', bbox_to_anchor=(1.0, 0.5))
        buffer = io.StringIO()
        figure.savefig(buffer, format='svg', bbox_inches='tight', metadata=NO_METADATA)
        plt.close(figure)
    text = buffer.getvalue()
    return f'<figure>{text[text.index("<svg") :]}</figure>\n'
