"""What failed: the first of each task to be watched, all of them to be repeated."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from vla_eval.core.films import webm
from vla_eval.core.page import markup
from vla_eval.core.page.run import Run
from vla_eval.core.results import FILMS, EpisodeResult

FILM_BYTES = 2_500_000  # of all films: a page with them stays below 5 MB
ROWS = 2000  # beyond, the page would be too large; report.json has them all
HEAD = ('task', 'index', 'seed', 'words heard', 'command that repeats it')


def section(run: Run) -> str:
    """Return films and commands of the failures."""
    failed = [r for r in run.results if not r.success]
    if not failed:
        return markup.section('Failures', '<p>None.</p>')
    rows = [row(r, run.command(r.trial.task, r.trial.index)) for r in failed[:ROWS]]
    body = films(failed) + markup.table(HEAD, rows) + markup.left_out(len(failed), ROWS)
    return markup.section(f'Failures ({len(failed)})', body)


def row(result: EpisodeResult, command: str) -> tuple[object, ...]:
    """Return the row under `HEAD` of a failure."""
    trial = result.trial
    return trial.task, trial.index, trial.seed, result.heard, markup.Code(command)


def films(failed: Sequence[EpisodeResult]) -> str:
    """Return the films that were kept, as far as a page can hold them."""
    shown: Counter[str] = Counter()
    moving, left_out = '', 0
    for result in failed:
        shown[result.trial.task] += 1
        if result.film is None or shown[result.trial.task] > FILMS:
            continue
        film = _film(result)
        if len(moving) + len(film) > FILM_BYTES:
            left_out += 1
        else:
            moving += film
    said = f'{left_out} more would make this page too large.' if left_out else ''
    return (f'<div class="failures">{moving}</div>' if moving else '') + (
        markup.paragraph(said, 'note') if said else ''
    )


def _film(result: EpisodeResult) -> str:
    assert result.film is not None
    task = result.trial.task
    name = f'film of a failed {task}, episode {result.trial.index}'
    return markup.figure(
        f'<video src="{webm(result.film)}" aria-label="{escape(name)}" controls muted loop '
        'playsinline preload="metadata"></video>',
        f'{task} {result.trial.index}: “{result.heard}”, all {result.steps / 10:.1f} s as the '
        f'first camera saw them; not done when the time was over.',
    )
