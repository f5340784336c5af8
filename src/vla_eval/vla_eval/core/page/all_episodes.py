"""Every episode, one line each."""

from vla_eval.core.page import markup
from vla_eval.core.page.run import Run

ROWS = 4000  # beyond, the page would be too large
HEAD = ('task', 'index', 'seed', 'words', 'success', 'time', 'clipped', 'refused', 'stops')


def section(run: Run) -> str:
    """Return the table, folded."""
    episodes = run.report['episodes']
    rows = [
        (
            e['task'],
            e['index'],
            e['seed'],
            e['heard'],
            markup.Verdict(e['success']),
            f'{e["steps"] / 10:.1f} s',
            e['gate']['clipped'],
            e['gate']['refused'],
            e['gate']['stops'],
        )
        for e in episodes[:ROWS]
    ]
    body = markup.table(HEAD, rows) + markup.left_out(len(episodes), ROWS)
    return markup.section(
        'All episodes',
        f'<details><summary>{len(episodes)} episodes</summary>{body}</details>',
    )
