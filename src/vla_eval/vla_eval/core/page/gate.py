"""What the gate changed, refused and stopped, and whether that is within its target."""

from typing import Any

from vla_eval.core.page import markup
from vla_eval.core.page.run import Run

CLIPPED_MOST = 0.001  # of the ticks of clean motion, and no stop: the gate's target
TARGET = (
    'Target on clean motion, where every such step is a false alarm: at most '
    f'{100 * CLIPPED_MOST:g} % of the ticks clipped, and no stop.'
)
HEAD = ('', 'count', 'meaning')


def section(run: Run) -> str:
    """Return the counts, in words and as a table."""
    gate, chunks = run.report['gate'], run.report['chunks']
    ticks = max(1, gate['ticks'])
    rows = [
        ('ticks', gate['ticks'], 'control ticks under an instruction'),
        ('clipped', _share(gate['clipped'], ticks), 'a limit of the contract changed the request'),
        ('refused', _share(gate['refused'], ticks), 'a row was not followed at all'),
        ('holds', _share(gate['holds'], ticks), 'silence: no row in force, braked and held'),
        ('stops', gate['stops'], 'latched until a person clears them'),
        ('chunks received', chunks['received'], 'that reached the executor under an instruction'),
        ('chunks refused', chunks['refused'], 'malformed, of another epoch or contract'),
        ('chunks expired', chunks['expired'], 'over before they arrived'),
    ]
    return markup.section(
        'Gate and chunks',
        markup.paragraph(verdict(run.report)) + markup.table(HEAD, rows) + _stops(run),
    )


def verdict(report: Any) -> str:
    """Return in words how often the gate stepped in, beside its target."""
    gate = report['gate']
    if not gate['ticks']:
        return 'No control tick ran under an instruction: nothing is said about the gate.'
    share = gate['clipped'] / gate['ticks']
    kept = share <= CLIPPED_MOST and gate['stops'] == 0
    return (
        f'The gate changed {100 * share:.3f} % of {gate["ticks"]} ticks and '
        f'{_stopped(gate["stops"])}. {TARGET} {"Kept" if kept else "Not kept"} here.'
    )


def _stops(run: Run) -> str:
    stopped = [e for e in run.report['episodes'] if e['gate']['stops']]
    if not stopped:
        return ''
    rows = [
        (
            e['task'],
            e['index'],
            e['seed'],
            e['gate']['stops'],
            markup.Verdict(e['success']),
            markup.Code(run.command(e['task'], e['index'])),
        )
        for e in stopped
    ]
    head = ('task', 'index', 'seed', 'stops', 'success', 'command that repeats it')
    return '<h3>Episodes with stops</h3>' + markup.table(head, rows)


def _stopped(count: int) -> str:
    if count == 0:
        return 'never stopped the robot'
    return 'stopped the robot ' + {1: 'once', 2: 'twice'}.get(count, f'{count} times')


def _share(count: int, ticks: int) -> str:
    return f'{count} ({100 * count / ticks:.2f} %)'
