"""report.html of an evaluation by bags: what report.json says, for people."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vla_eval.core import report_html
from vla_eval.core.openloop import plots
from vla_eval.core.openloop.measured import Measured
from vla_eval.core.page import latency, markup, provenance
from vla_eval.core.page.run import Run

PARTS = ('position_m', 'angle_rad', 'joints', 'gripper_wrong')
HEAD = ('tool', 'angle', 'joints', 'gripper wrong')
DEGREES = 57.29577951308232
WAYS = 3  # bags whose ways are drawn
WALL = {
    **latency.WALL,
    'decode': 'one message of the bag as a value',
    'dry_run': 'strategy and gate between two messages',
    'recorded': "one message of the bag's own run",
    'deprived': 'the policy asked again without pictures and with other words',
    'observation_to_chunk': 'from the arrival of an observation to that of its chunk',
    'assemble': 'the observer, whether or not it made an observation',
}


def build(report: Mapping[str, Any], runs: Sequence[Measured], rate_hz: float) -> str:
    """Return the page.

    Args:
        report: The values of report.json.
        runs: The same run, measured.
        rate_hz: Of the motions.
    """
    title = f'{report["policy"]} on {", ".join(bag["name"] for bag in report["bags"][:3])}'
    more = len(report['bags']) - 3
    title += f' and {more} more' if more > 0 else ''
    body = (
        _head(report, title)
        + _errors(report, runs)
        + _comparisons(report)
        + _phases(report)
        + _sensitivity(report)
        + _consistency(report)
        + _smoothness(report, runs, rate_hz)
        + _gate(report)
        + _latency(report)
        + _bags(report)
        + provenance.section(Run(report, (), ''))
    )
    return report_html.document(title, body)


def _head(report: Mapping[str, Any], title: str) -> str:
    found, wall = report['open_loop'], report['wall']
    mean = found['error']['mean']
    first = next((p for p in ('position_m', 'joints') if mean[p] is not None), 'position_m')
    clock = 'on the clock of the bag' if report['clock'] == 'virtual' else 'through the live graph'
    ablated = f', ablation {report["ablate"]}' if report['ablate'] else ''
    lead = (
        f'What these bags saw, through the policy, {clock}{ablated}; strategy '
        f'{report["strategy"]} and the gate ran dry, nothing moved. Success is not judged here.'
    )
    speed = wall['times_real_time']
    return (
        f'<h1>{escape(title)}</h1>\n'
        + markup.paragraph(lead, 'lead')
        + markup.tiles(
            (
                ('main', _part(first, mean[first]), f'off what was {found["reference"]}'),
                ('', str(report['chunks']['received']), 'chunks'),
                ('', f'{wall["bag_seconds"]:.1f} s', 'of bags'),
                ('', '-' if speed is None else f'{speed:.1f}x', 'real time'),
            )
        )
    )


def _errors(report: Mapping[str, Any], runs: Sequence[Measured]) -> str:
    found, meaning = report['open_loop'], report['meaning']
    mean = found['error']['mean']
    part = 'joints' if mean['position_m'] is None else 'position_m'
    scale, unit = (1.0, 'rad or m') if part == 'joints' else (1000.0, 'mm')
    lines = {'this policy': _line(found['error']['by_row'], part, scale)}
    if found['recorded']['chunks']:
        own = found['recorded']['error']['by_row']
        lines["the bag's own chunks"] = _line(own, part, scale)
    step_s = next((c.step_ns / 1e9 for r in runs for c in r.trace.chunks), 0.1)
    body = markup.figure(plots.by_row(lines, step_s, unit), meaning['error'])
    rows = [('all rows', *_cells(mean), sum(r['count'] for r in found['error']['by_row']))]
    rows += [(f'row {r["row"]}', *_cells(r), r['count']) for r in found['error']['by_row']]
    rows.append(('against measured joints', *_cells(found['measured_error']['mean']), ''))
    if found['recorded']['chunks']:
        own = found['recorded']
        rows.append(("the bag's own chunks", *_cells(own['error']['mean']), own['chunks']))
    body += markup.table(('', *HEAD, 'compared'), rows)
    for name in PARTS:
        if mean[name] is not None:
            body += markup.paragraph(f'{_word(name)}: {meaning["error." + name]}', 'note')
    body += markup.paragraph(meaning['recorded'], 'note')
    matched = found['recorded']['matched']
    if matched:
        body += markup.paragraph(
            f"From {matched} observations the bag's own run planned, too; "
            f'{found["recorded"]["unchanged"]} of those chunks are the same to the last bit.'
        )
    columns = found['error'].get('by_column', {})
    count = len(next(iter(columns.values()), ()))
    shown = sorted({0, count // 4, count // 2, count - 1} & set(range(count)))
    head = ('column', *(f'row {k + 1}' for k in shown))
    entries = [(name, *(_number(values[k]) for k in shown)) for name, values in columns.items()]
    body += markup.paragraph(meaning['error.by_column'])
    return markup.section('Off what was executed', body + markup.table(head, entries))


def _comparisons(report: Mapping[str, Any]) -> str:
    body = ''
    for found in report['comparisons']:
        body += markup.paragraph(f'First: {found["first"]}. Second: {found["second"]}.', 'lead')
        body += markup.figure(plots.intervals(found['figures']), found['meaning'])
        rows = [_compared(f) for f in found['figures']]
        head = ('', 'first', 'second', 'difference', '95 % interval', 'units')
        body += markup.table(head, rows)
    return markup.section('Compared', body) if body else ''


def _compared(figure: Mapping[str, Any]) -> tuple[object, ...]:
    ends = figure['ci95']
    interval = '-' if ends is None else f'{_number(ends[0])} to {_number(ends[1])}'
    numbers = (_number(figure[key]) for key in ('first', 'second', 'difference'))
    return (figure['name'], *numbers, interval, figure['units'])


def _phases(report: Mapping[str, Any]) -> str:
    rows = [(n, *_cells(p), p['chunks']) for n, p in report['open_loop']['phases'].items()]
    body = markup.paragraph(report['meaning']['phases'])
    return markup.section('By phase', body + markup.table(('phase', *HEAD, 'chunks'), rows))


def _sensitivity(report: Mapping[str, Any]) -> str:
    found = report['open_loop']['sensitivity']
    if not found:
        return ''
    rows = [(kind, *_cells(_means(shift)), shift['chunks']) for kind, shift in found.items()]
    body = markup.paragraph(report['meaning']['sensitivity'])
    table = markup.table(('taken', *HEAD, 'chunks'), rows)
    return markup.section('Does it look, does it listen', body + table)


def _consistency(report: Mapping[str, Any]) -> str:
    found = report['open_loop']['consistency']
    rows = []
    for name in PARTS:
        value = found[name]
        if isinstance(value, Mapping):
            rows.append((_word(name), *(_part(name, value[k]) for k in ('mean', 'p95', 'max'))))
        elif value is not None:
            rows.append((_word(name), _part(name, value), '', ''))
    body = markup.paragraph(report['meaning']['consistency'])
    return markup.section(
        'From chunk to chunk', body + markup.table(('', 'mean', 'p95', 'largest'), rows)
    )


def _smoothness(report: Mapping[str, Any], runs: Sequence[Measured], rate_hz: float) -> str:
    body = markup.paragraph(report['meaning']['smoothness'])
    rows = [
        (name.replace('_', ' '), _number(f['jerk']), _number(f.get('arc_length')))
        for name, f in report['open_loop']['smoothness'].items()
    ]
    body += markup.table(('motion', 'jerk', 'arc length'), rows)
    for run in runs[:WAYS]:
        body += markup.figure(
            plots.ways(run.motions, rate_hz),
            f'{run.trace.name}: the tool from above and its height. Executed and measured are the '
            "bag's; the dry run is what strategy and gate make of the new chunks while the robot "
            f'goes on as recorded; chunks arrive {report["latency"]} ms after their picture came.',
        )
    return markup.section('Smoothness', body)


def _gate(report: Mapping[str, Any]) -> str:
    gate, found = report['gate'], report['open_loop']['gate']
    rows = [(name, gate[name], '') for name in ('ticks', 'clipped', 'refused', 'holds', 'stops')]
    rows += [(f'clipped: {check}', n, 'ticks') for check, n in found['clipped_by'].items()]
    rows += [(f'refused: {check}', n, 'ticks') for check, n in found['refused_by'].items()]
    rows += [(f'chunks {name}', n, '') for name, n in report['chunks'].items()]
    body = markup.paragraph(report['meaning']['gate'])
    return markup.section('Gate, dry', body + markup.table(('', 'count', ''), rows))


def _latency(report: Mapping[str, Any]) -> str:
    found = report['open_loop']
    parts = (
        ("The bag's own run", found['recorded']['latency_ms'], latency.STAGES),
        ('This run', report['latency_ms'], latency.STAGES),
        ('Wall clock', report['wall']['latency_ms'], WALL),
    )
    body = ''
    for title, stages, meanings in parts:
        rows = list(markup.stages(stages, meanings))
        if rows:
            body += f'<h3>{escape(title)}</h3>' + markup.table(markup.STAGE_HEAD, rows)
    body += '<h3>Staleness</h3>' + markup.paragraph(report['meaning']['staleness_ms'])
    body += markup.table(markup.STAGE_HEAD, markup.stages(found['staleness_ms'], {}))
    seen = found['observations']
    body += markup.paragraph(report['meaning']['observations'])
    rows = [('made', seen['made']), *seen['refused'].items()]
    return markup.section('Latency and staleness', body + markup.table(('', 'count'), rows))


def _bags(report: Mapping[str, Any]) -> str:
    rows = []
    for bag in report['bags']:
        words = '; '.join(f'“{w["text"]}”' for w in bag['words'] if w['text'])
        by = ', '.join(f'{k} {v}' for k, v in bag['recorded_by'].items() if len(v) < 40)
        offset = bag['clock_offset_s']
        clock = f'{offset:+.3f} s' if offset else "the recorder's"
        mean = bag['open_loop']['error']['mean'] if 'open_loop' in bag else None
        off = '-' if mean is None else _cells(mean)[0]
        length = f'{bag["seconds"]:.2f} s'
        rows.append((bag['name'], length, bag['chunks']['received'], off, words, by, clock))
    head = ('bag', 'length', 'chunks', 'off', 'words', 'recorded by', "sensors' clock")
    body = markup.table(head, rows)
    for bag in report['bags']:
        for topic, why in bag['left_out'].items():
            body += markup.paragraph(f'{topic} was left out: {why}')
    return markup.section('Bags', body)


def _line(rows: Sequence[Mapping[str, Any]], part: str, scale: float) -> list[float | None]:
    return [None if row[part] is None else scale * row[part] for row in rows]


def _means(shift: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v['mean'] if isinstance(v, Mapping) else v for k, v in shift.items()}


def _cells(found: Mapping[str, Any]) -> list[str]:
    return [_part(name, found[name]) for name in PARTS]


def _part(name: str, value: float | None) -> str:
    if value is None:
        return '-'
    if name == 'position_m':
        return f'{1000 * value:.1f} mm'
    if name == 'angle_rad':
        return f'{DEGREES * value:.2f}°'
    return markup.percent(value) if name == 'gripper_wrong' else f'{value:.4f}'


def _word(name: str) -> str:
    return dict(zip(PARTS, HEAD, strict=True))[name]


def _number(value: float | None) -> str:
    return '-' if value is None else f'{value:.4g}'
