"""A run beside an earlier one."""

from collections.abc import Mapping
from typing import Any

from vla_eval.core import plots
from vla_eval.core.page import markup
from vla_eval.core.page.run import Run

HEAD = (
    *('', 'baseline', 'this run', 'difference', '95 % interval', 'pairs'),
    *('lost', 'gained', 'p', 'steps'),
)
NONE = '-'


def section(run: Run) -> str:
    """Return the comparison with `--baseline`; nothing where there was none."""
    found = run.report.get('baseline')
    if found is None:
        return ''
    rows = {**found['tasks'], 'mean over tasks': found['success']}
    table = markup.table(HEAD, (_row(name, value) for name, value in rows.items()))
    body = markup.paragraph(
        f'Baseline: {found["policy"]}, strategy {found["strategy"]}, {found["latency"]} ms late, '
        f'seed {found["seed"]}, commit {str(found["commit"])[:12]}.',
        'lead',
    )
    body += markup.figure(
        plots.differences(rows),
        'Success of this run minus that of the baseline, in percentage points. Dot: the '
        'difference over the episodes compared. Band: its 95 % interval; where it crosses zero, '
        'these episodes do not tell the two runs apart.',
    )
    body += table + _legend(rows)
    for condition in found['fail_if']:
        verdict = 'is met: this run fails' if condition['met'] else 'is not met'
        body += markup.paragraph(
            f'{condition["condition"]} {verdict}; the number is {condition["difference"]:+.4g}.'
        )
    return markup.section('Beside the baseline', body)


def _row(name: str, value: Mapping[str, Any]) -> tuple[object, ...]:
    low, high = value['ci95']
    paired = value['pairs'] > 0
    return (
        name,
        markup.percent(value['baseline']),
        markup.percent(value['new']),
        markup.points(value['difference']),
        f'{markup.points(low)} to {markup.points(high)}',
        value['pairs'] if paired else NONE,
        value['lost'] if paired else NONE,
        value['gained'] if paired else NONE,
        NONE if value['p'] is None else f'{value["p"]:.3g}',
        NONE if value.get('steps') is None else f'{value["steps"]["difference"]:+.1f}',
    )


def _legend(rows: Mapping[str, Mapping[str, Any]]) -> str:
    methods = '; '.join(dict.fromkeys(value['method'] for value in rows.values()))
    return markup.paragraph(
        f'Method: {methods}. Lost: only the baseline succeeded; gained: only this run did. p: how '
        'likely so uneven a split is if both are equally good. Steps: how much longer (0.1 s a '
        'step) the episodes took in which both succeeded.',
        'note',
    )
