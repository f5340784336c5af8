"""How often each task succeeded."""

from vla_eval.core import plots
from vla_eval.core.page import markup
from vla_eval.core.page.run import Run

HEAD = ('task', 'successes', 'episodes', 'rate', '95 % interval', 'mean time', 'limit')


def section(run: Run) -> str:
    """Return the rates with their intervals."""
    tasks = run.report['tasks']
    rows = [
        (
            name,
            task['successes'],
            task['episodes'],
            markup.percent(task['rate']),
            f'{100 * task["ci95"][0]:.1f} - {100 * task["ci95"][1]:.1f} %',
            '-' if task['mean_steps'] is None else f'{task["mean_steps"] / 10:.1f} s',
            f'{task["limit_steps"] / 10:.0f} s',
        )
        for name, task in tasks.items()
    ]
    return markup.section(
        'Success',
        markup.figure(
            plots.success(tasks),
            'Dot: share of successful episodes. Band: 95 % Wilson interval, in which the true '
            'rate lies if the episodes are like those to come; it narrows with more episodes.',
        )
        + markup.table(HEAD, rows),
    )
