"""One episode of each task: pictures, and the tool's way."""

from html import escape

from vla_eval.core import images, plots
from vla_eval.core.page import markup
from vla_eval.core.page.run import Run
from vla_eval.core.results import EpisodeResult


def section(run: Run) -> str:
    """Return those that were kept in detail."""
    body = ''.join(_episode(result) for result in run.results)
    return markup.section('One episode of each task', body) if body else ''


def _episode(result: EpisodeResult) -> str:
    if not result.pictures and result.path is None:
        return ''
    verdict = 'succeeded' if result.success else 'failed'
    body = f'<h3>{escape(result.trial.task)}</h3>'
    if result.pictures:
        sheet = ''.join(
            f'<div><img src="{images.jpeg(picture)}" alt="{escape(result.trial.task)} after '
            f'{time_s:.1f} s"><span>{time_s:.1f} s</span></div>'
            for time_s, picture in result.pictures
        )
        body += markup.figure(
            f'<div class="sheet">{sheet}</div>',
            f'“{result.heard}”: {verdict} after {result.steps / 10:.1f} s.',
        )
    if result.path is not None:
        body += markup.figure(
            plots.path(result.path),
            'Left: the tool seen from above, objects and plate where they lay at the start. '
            'Right: its height. One chunk shows what the policy planned at that moment; the '
            'commanded way passes the gate, the measured way is what the joints did.',
        )
    return body
