"""report.html: the same run for people, in one file that opens offline."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from vla_eval.core import images, plots
from vla_eval.core.results import EpisodeResult

FILMS = 3  # of failures, a task
FRAME_MS = 100
STAGES = {
    'capture_to_assembled': 'capture to an observation with everything in it',
    'assembled_to_received': 'observation on its way to the policy',
    'preprocess': 'pictures, state and words to tensors',
    'inference': 'the model',
    'inferred_to_published': 'answer to message',
    'published_to_command': 'chunk on its way, and the wait for its first tick',
    'capture_to_command': 'capture of the newest picture to the first command that follows it',
}
WALL = {
    'capture': 'drawing the cameras',
    'assemble': 'the observer',
    'inference': 'the policy, preprocessing included',
    'capture_to_command': 'all of it: drawing, observer, policy and the tick that follows',
    'tick': 'executor, joints and physics of one control tick',
}


def build(report: Mapping[str, Any], results: Sequence[EpisodeResult], repeat: str) -> str:
    """Return the page.

    Args:
        report: The values of report.json.
        results: The same run, with pictures and paths.
        repeat: Command that repeats one episode, with `{task}` and `{index}` in it.
    """
    title = f'{report["policy"]} on {report["provenance"]["contract"]["name"]}'
    css = Path(__file__).with_name('page.css').read_text(encoding='utf-8')
    parts = [
        _head(report, title),
        _success(report),
        _latency(report),
        _gate(report),
        _episodes(results),
        _failures(results, repeat),
        _all(report),
        _provenance(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<title>{escape(title)}: evaluation</title>\n<style>\n{css}</style>\n</head>\n'
        f'<body>\n<main>\n{"".join(parts)}</main>\n</body>\n</html>\n'
    )


def _head(report: Mapping[str, Any], title: str) -> str:
    episodes = sum(task['episodes'] for task in report['tasks'].values())
    successes = sum(task['successes'] for task in report['tasks'].values())
    clock = (
        f'virtual time, chunks {report["latency"]} ms late'
        if report['clock'] == 'virtual'
        else 'the live graph, at the speed of the wall clock'
    )
    words = f'{report["phrasing"]} phrasing'
    if report['ablate']:
        words += f', ablation {report["ablate"]}'
    reaction = report['latency_ms']['capture_to_command']['p50']
    tiles = [
        ('main', f'{100 * report["success"]:.0f} %', 'success, mean over tasks'),
        ('', f'{successes}/{episodes}', 'episodes'),
        ('', '-' if reaction is None else f'{reaction:.0f} ms', 'capture to command, median'),
        ('', str(report['gate']['stops']), 'stops by the gate'),
    ]
    return (
        f'<h1>{escape(title)}</h1>\n<p class="lead">Strategy {escape(report["strategy"])}, '
        f'{escape(words)}, {escape(clock)}. Success is judged by the simulator.</p>\n'
        '<div class="tiles">'
        + ''.join(
            f'<div class="tile {kind}"><b>{escape(big)}</b><span>{escape(small)}</span></div>'
            for kind, big, small in tiles
        )
        + '</div>\n'
    )


def _success(report: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            task['successes'],
            task['episodes'],
            f'{100 * task["rate"]:.1f} %',
            f'{100 * task["ci95"][0]:.1f} - {100 * task["ci95"][1]:.1f} %',
            '-' if task['mean_steps'] is None else f'{task["mean_steps"] / 10:.1f} s',
            f'{task["limit_steps"] / 10:.0f} s',
        )
        for name, task in report['tasks'].items()
    ]
    head = ('task', 'successes', 'episodes', 'rate', '95 % interval', 'mean time', 'limit')
    return _section(
        'Success',
        _figure(
            plots.success(report['tasks']),
            'Dot: share of successful episodes. Band: 95 % Wilson interval, in which the true '
            'rate lies if the episodes are like those to come; it narrows with more episodes.',
        )
        + _table(head, rows),
    )


def _latency(report: Mapping[str, Any]) -> str:
    virtual = report['clock'] == 'virtual'
    body = _figure(
        plots.latency(report['latency_ms']),
        'Per executed chunk. Dot: median, thick: 95th percentile, tick mark: 99th. '
        + (
            'On the virtual clock: the injected latency and the wait for the next tick.'
            if virtual
            else 'Measured from ROS stamps, through every process on the way.'
        ),
    ) + _table(_STAGE_HEAD, _stages(report['latency_ms'], STAGES))
    wall = report['wall']['latency_ms']
    if virtual:
        body += (
            '<h3>Wall clock</h3><p class="note">What the work itself took on this machine, while '
            'the virtual clock stood still.</p>' + _table(_STAGE_HEAD, _stages(wall, WALL))
        )
    return _section('Latency by stage', body)


_STAGE_HEAD = ('stage', 'p50 ms', 'p95 ms', 'p99 ms', 'count', 'meaning')


def _stages(
    stages: Mapping[str, Mapping[str, Any]], meanings: Mapping[str, str]
) -> Iterable[tuple[object, ...]]:
    for name, stage in stages.items():
        if stage['p50'] is not None:
            numbers = (f'{stage[p]:.2f}' for p in ('p50', 'p95', 'p99'))
            yield (name.replace('_', ' '), *numbers, stage['count'], meanings.get(name, ''))


def _gate(report: Mapping[str, Any]) -> str:
    gate, chunks = report['gate'], report['chunks']
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
    return _section('Gate and chunks', _table(('', 'count', 'meaning'), rows))


def _share(count: int, ticks: int) -> str:
    return f'{count} ({100 * count / ticks:.2f} %)'


def _episodes(results: Sequence[EpisodeResult]) -> str:
    body = ''
    for result in results:
        if not result.pictures and result.path is None:
            continue
        verdict = 'succeeded' if result.success else 'failed'
        body += f'<h3>{escape(result.trial.task)}</h3>'
        if result.pictures:
            sheet = ''.join(
                f'<div><img src="{images.jpeg(picture)}" alt="{escape(result.trial.task)} after '
                f'{time_s:.1f} s"><span>{time_s:.1f} s</span></div>'
                for time_s, picture in result.pictures
            )
            body += _figure(
                f'<div class="sheet">{sheet}</div>',
                f'“{result.heard}”: {verdict} after {result.steps / 10:.1f} s.',
            )
        if result.path is not None:
            body += _figure(
                plots.path(result.path),
                'Left: the tool seen from above, objects and plate where they lay at the start. '
                'Right: its height. One chunk shows what the policy planned at that moment; the '
                'commanded way passes the gate, the measured way is what the joints did.',
            )
    return _section('One episode of each task', body) if body else ''


def _failures(results: Sequence[EpisodeResult], repeat: str) -> str:
    failed = [r for r in results if not r.success]
    if not failed:
        return _section('Failures', '<p>None.</p>')
    shown: dict[str, int] = {}
    films = ''
    for result in failed:
        task = result.trial.task
        shown[task] = shown.get(task, 0) + 1
        if result.film is not None and shown[task] <= FILMS:
            films += (
                f'<figure><img src="{images.film(result.film, FRAME_MS)}" alt="film of a failed '
                f'{escape(task)}"><figcaption>{escape(task)} {result.trial.index}: '
                f'“{escape(result.heard)}”, as the first camera saw it.</figcaption></figure>'
            )
    rows = [
        (
            r.trial.task,
            r.trial.index,
            r.trial.seed,
            r.heard,
            _Code(repeat.format(task=r.trial.task, index=r.trial.index)),
        )
        for r in failed
    ]
    head = ('task', 'index', 'seed', 'words heard', 'command that repeats it')
    films = f'<div class="failures">{films}</div>' if films else ''
    return _section(f'Failures ({len(failed)})', films + _table(head, rows))


def _all(report: Mapping[str, Any]) -> str:
    head = ('task', 'index', 'seed', 'words', 'success', 'time', 'clipped', 'refused')
    rows = [
        (
            e['task'],
            e['index'],
            e['seed'],
            e['heard'],
            _Verdict(e['success']),
            f'{e["steps"] / 10:.1f} s',
            e['gate']['clipped'],
            e['gate']['refused'],
        )
        for e in report['episodes']
    ]
    return _section(
        'All episodes',
        f'<details><summary>{len(rows)} episodes</summary>{_table(head, rows)}</details>',
    )


def _provenance(report: Mapping[str, Any]) -> str:
    rows: list[tuple[object, ...]] = []
    for key, value in report['provenance'].items():
        if isinstance(value, Mapping):
            rows += [(f'{key}: {k}', v if v is not None else 'none') for k, v in value.items()]
        else:
            rows.append((key, _Code(value) if key in ('command', 'commit') else value))
    return _section('Where these figures come from', _table(('', ''), rows))


class _Code(str):
    """Text to be set as code."""

    __slots__ = ()


class _Verdict(int):
    """Success or not."""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    rows = [tuple(row) for row in rows]
    top = ''.join(
        f'<th class="{_align(rows[0][i]) if rows else ""}">{escape(word)}</th>'
        for i, word in enumerate(head)
    )
    body = ''.join(f'<tr>{"".join(map(_cell, row))}</tr>\n' for row in rows)
    return f'<div class="scroll"><table><tr>{top}</tr>\n{body}</table></div>\n'


def _cell(value: object) -> str:
    if isinstance(value, _Code):
        return f'<td><code>{escape(value)}</code></td>'
    if isinstance(value, _Verdict):
        return '<td class="yes">yes</td>' if value else '<td class="no">no</td>'
    return f'<td class="{_align(value)}">{escape(str(value))}</td>'


def _align(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, _Verdict)
    return 'n' if number or value == '-' or str(value)[:1].isdigit() else ''


def _figure(inside: str, caption: str) -> str:
    return f'<figure>{inside}<figcaption>{escape(caption)}</figcaption></figure>\n'


def _section(title: str, body: str) -> str:
    return f'<section>\n<h2>{escape(title)}</h2>\n{body}</section>\n'
