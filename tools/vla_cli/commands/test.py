"""`./vla test`: everything that guards the project."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial

from vla_cli import handover, transport, values
from vla_cli.errors import RunError
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp
from vla_cli.setup.progress import Step
from vla_cli.setup.system import offer_chromium
from vla_cli.stages import STAGES, Stage, not_run, second_tries, summary, what_failed

KEPT_LOGS = 20


def add_options(parser: ArgumentParser, _: Places) -> None:
    """Declare the options."""
    parser.add_argument(
        'stages',
        nargs='*',
        metavar='stage',
        type=values.one_of(list(STAGES), 'stage'),
        help=f'only these: {", ".join(STAGES)} (default all)',
    )


def prepare(_: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Return what runs the stages."""
    return partial(_run, given.stages or list(STAGES), places)


def _run(names: list[str], places: Places) -> int:
    environment = SetUp(places).ensure(tests=True)
    offer_chromium(places.logs / 'system.log')
    _forget_old_logs(places)
    env = handover.command_environment(environment.variables, places.root)
    env |= transport.variables(places, 'host')
    env |= {'VLA_FULL_TEST': '1', 'ROS_PYTHON_CHECK_FIELDS': '1', 'OMP_NUM_THREADS': '1'}
    env.pop('ROS_DOMAIN_ID', None)  # each test takes a free one
    failed = [name for name in names if not _passes(name, STAGES[name], env, places)]
    if failed:
        raise RunError(f'failed: {", ".join(failed)} (again: ./vla test {" ".join(failed)})')
    print('all passed')
    return 0


def _passes(name: str, stage: Stage, env: dict[str, str], places: Places) -> bool:
    log = places.logs / f'test-{time.time_ns()}-{name}.log'  # two runs may be at it at once
    with Step(stage.title, of='test') as step:
        statuses = [
            step.status_of([places.python, *words], log, env, places.root)
            for words in stage.commands(places)
        ]
    if any(statuses):
        print(f'{what_failed(log)}\nwhole log: {log}', flush=True)
        return False
    print(summary(log), flush=True)
    for test in not_run(log):
        print(f'not run: {test}', flush=True)
    again = second_tries(log)
    for test in again:
        print(f'second try: {test}', flush=True)
    if not again:
        log.unlink()
    return True


def _forget_old_logs(places: Places) -> None:
    for log in sorted(places.logs.glob('test-*.log'))[:-KEPT_LOGS]:
        log.unlink(missing_ok=True)
