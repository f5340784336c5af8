"""docs/reference/strategies.md: the tables for readers of the docs."""

from pathlib import Path

from vla_eval.bench._strategies import words
from vla_eval.bench._strategies.findings import findings
from vla_eval.bench._strategies.summary import Summaries
from vla_eval.bench._strategies.tables import Table, tables

VERDICT = {True: 'as expected', False: 'differs', None: ''}


def write(path: Path, found: Summaries, origin: str, judged: bool = True) -> None:
    """Write the document, whole or not at all.

    Args:
        path: Where.
        found: What was played.
        origin: Commit, seed and machine, in one line.
        judged: Whether there are episodes enough to conclude from.
    """
    lines = ['# Which strategy, when', '', f'Written by `{words.COMMAND}`. {origin}', '']
    for paragraph in words.CONDITIONS:
        lines += [paragraph, '']
    conclusions = words.conclusions(found)
    if conclusions and judged:
        lines += ['## What follows', '']
        lines += [f'- {line}' for line in conclusions] + ['']
    lines += ['## Theory and result', '', '| expected | measured | |', '| --- | --- | --- |']
    for finding in findings(found):
        verdict = VERDICT[finding.agrees if judged else None]
        lines.append(f'| {finding.theory} | {finding.result} | {verdict} |')
    lines.append('')
    task = ''
    for table in tables(found):
        if table.task != task:
            task = table.task
            lines += [f'## `{task}`', '']
        lines += [f'{table.title}:', '', *_table(table), '']
    part = path.with_name(f'.{path.name}.part')
    part.write_text('\n'.join(lines).rstrip() + '\n', encoding='utf-8')
    part.replace(path)


def _table(table: Table) -> list[str]:
    head = f'| {" | ".join(table.head)} |'
    rule = '| --- |' + ' ---: |' * (len(table.head) - 1)
    return [head, rule, *(f'| `{row[0]}` | {" | ".join(row[1:])} |' for row in table.rows)]
