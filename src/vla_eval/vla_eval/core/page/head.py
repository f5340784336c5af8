"""Title, conditions, and the figures that matter most."""

from html import escape

from vla_eval.core.page import markup
from vla_eval.core.page.run import Run


def title(run: Run) -> str:
    """Return what was run on what."""
    return f'{run.report["policy"]} on {run.report["provenance"]["contract"]["name"]}'


def section(run: Run) -> str:
    """Return the top of the page."""
    report = run.report
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
    return (
        f'<h1>{escape(title(run))}</h1>\n<p class="lead">Strategy {escape(report["strategy"])}, '
        f'{escape(words)}, {escape(clock)}. Success is judged by the simulator.</p>\n'
    ) + markup.tiles(
        (
            ('main', f'{100 * report["success"]:.0f} %', 'success, mean over tasks'),
            ('', f'{successes}/{episodes}', 'episodes'),
            ('', '-' if reaction is None else f'{reaction:.0f} ms', 'capture to command, median'),
            ('', str(report['gate']['stops']), 'stops by the gate'),
        )
    )
