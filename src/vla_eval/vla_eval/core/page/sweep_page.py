"""The page of a sweep: what each setting gave, which differences are real, what failed."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from vla_eval.core import plots, repeat
from vla_eval.core.page import failures, gate, markup, provenance
from vla_eval.core.page.run import Run
from vla_eval.core.results import EpisodeResult
from vla_eval.core.sweep_json import Played
from vla_eval.core.worker import Job

DRAWN = 40  # settings in one figure
COMPARED = 300  # rows
FAILED = 500  # rows
DIFFERENCES = (
    *('what differs', 'from', 'to', 'difference', '95 % interval'),
    *('pairs', 'lost', 'gained', 'p'),
)


def body(report: Mapping[str, Any], played: Sequence[Played]) -> str:
    """Return the page.

    Args:
        report: The values of report.json.
        played: The same sweep, with films of its first failures.
    """
    parts = (
        _head(report),
        _success(report),
        _latencies(report),
        _comparisons(report),
        _gate(report),
        _failures(played),
        provenance.section(Run(report, (), '')),
    )
    return ''.join(parts)


def _head(report: Mapping[str, Any]) -> str:
    settings = report['settings']
    best = max(settings, key=lambda setting: setting['success'])
    episodes = sum(task['episodes'] for s in settings for task in s['tasks'].values())
    seeds = ', '.join(map(str, report['axes']['seed']))
    words = f'{report["phrasing"]} phrasing'
    words += f', ablation {report["ablate"]}' if report['ablate'] else ''
    return (
        f'<h1>{len(settings)} settings on the same episodes</h1>\n<p class="lead">Virtual time, '
        f'{escape(words)}, seeds {escape(seeds)}. Success is judged by the simulator. Every '
        'episode is a row of episodes.csv and episodes.parquet beside this page.</p>\n'
    ) + markup.tiles(
        (
            ('main', f'{100 * best["success"]:.0f} %', f'best: {_name(best)}'),
            ('', str(len(settings)), 'settings'),
            ('', str(episodes), 'episodes'),
            ('', str(sum(s['gate']['stops'] for s in settings)), 'stops by the gate'),
        )
    )


def _success(report: Mapping[str, Any]) -> str:
    settings, tasks = report['settings'], report['axes']['task']
    drawn = {_name(s): {'rate': s['success'], 'ci95': s['ci95']} for s in settings[:DRAWN]}
    rows = [
        (
            *_words(setting),
            *(_rate(setting['tasks'][task]) for task in tasks),
            _rate({'rate': setting['success'], 'ci95': setting['ci95']}),
        )
        for setting in settings
    ]
    return markup.section(
        'Success',
        markup.figure(
            plots.success(drawn),
            'Dot: mean over tasks of the share of successful episodes. Band: its 95 % interval, '
            'joined from the Wilson intervals of the tasks (MOVER). Two bands that overlap may '
            'still differ surely, because the episodes are the same: see the differences.',
        )
        + markup.table(('policy', 'strategy', 'latency ms', *tasks, 'mean over tasks'), rows),
    )


def _latencies(report: Mapping[str, Any]) -> str:
    lines: dict[str, list[tuple[float, Mapping[str, Any]]]] = {}
    for setting in report['settings']:
        if setting['latency'].replace('.', '', 1).isdigit():
            name = f'{_policy(setting)}, {setting["strategy"]}'
            lines.setdefault(name, []).append((float(setting['latency']), setting))
    if not any(len(line) > 1 for line in lines.values()) or len(lines) > DRAWN // 3:
        return ''
    return markup.section(
        'Success over latency',
        markup.figure(
            plots.by_latency({name: sorted(line, key=_first) for name, line in lines.items()}),
            'Mean success over tasks against the injected latency: a policy and strategy that '
            'make good use of what will be executed anyway keep their height to the right.',
        ),
    )


def _first(pair: tuple[float, object]) -> float:
    return pair[0]


def _comparisons(report: Mapping[str, Any]) -> str:
    found = report['comparisons']
    if not found:
        return ''
    rows = [
        (
            entry['axis'],
            _name(entry['baseline']),
            _name(entry['new']),
            markup.points(value['difference']),
            f'{markup.points(value["ci95"][0])} to {markup.points(value["ci95"][1])}',
            value['pairs'],
            value['lost'],
            value['gained'],
            f'{value["p"]:.3g}',
        )
        for entry in found[:COMPARED]
        for value in (entry['success'],)
    ]
    return markup.section(
        'Differences on the same episodes',
        markup.paragraph(
            'Mean success over tasks, percentage points, for any two settings that differ in one '
            'thing. Lost and gained: pairs of episodes in which only the first, only the second '
            'succeeded. p: exact McNemar test over all pairs, not corrected for the number of '
            'rows; the interval is joined from Newcombe intervals of the tasks (MOVER).',
            'note',
        )
        + markup.table(DIFFERENCES, rows)
        + markup.left_out(len(found), COMPARED),
    )


def _gate(report: Mapping[str, Any]) -> str:
    rows = [
        (
            *_words(setting),
            setting['gate']['ticks'],
            markup.percent(setting['gate']['clipped'] / max(1, setting['gate']['ticks']), 3),
            setting['gate']['refused'],
            setting['gate']['holds'],
            setting['gate']['stops'],
            setting['chunks']['expired'],
        )
        for setting in report['settings']
    ]
    head = ('ticks', 'clipped', 'refused', 'holds', 'stops', 'chunks expired')
    return markup.section(
        'Gate and chunks',
        markup.paragraph(gate.TARGET, 'note')
        + markup.table(('policy', 'strategy', 'latency ms', *head), rows),
    )


def _failures(played: Sequence[Played]) -> str:
    failed = list(_failed(played))
    if not failed:
        return markup.section('Failures', '<p>None.</p>')
    rows = [failures.row(result, _command(job, result)) for job, result in failed[:FAILED]]
    return markup.section(
        f'Failures ({len(failed)})',
        failures.films([result for _, result in failed])
        + markup.table(failures.HEAD, rows)
        + (
            markup.paragraph(f'{len(failed) - FAILED} more are in the tables.', 'note')
            if len(failed) > FAILED
            else ''
        ),
    )


def _failed(played: Sequence[Played]) -> Iterator[tuple[Job, EpisodeResult]]:
    for entry in played:
        for job, result in zip(entry.jobs, entry.results, strict=True):
            if not result.success:
                yield job, result


def _command(job: Job, result: EpisodeResult) -> str:
    text = repeat.command(job.conditions)
    return text.format(task=result.trial.task, index=result.trial.index)


def _policy(setting: Mapping[str, Any]) -> str:
    return Path(setting['policy']).name


def _words(setting: Mapping[str, Any]) -> tuple[str, str, str]:
    return _policy(setting), setting['strategy'], setting['latency']


def _name(setting: Mapping[str, Any]) -> str:
    policy, strategy, latency = _words(setting)
    return f'{policy}, {strategy}, {latency} ms'


def _rate(values: Mapping[str, Any]) -> str:
    low, high = (100 * bound for bound in values['ci95'])
    return f'{markup.percent(values["rate"])} ({low:.0f} - {high:.0f})'
