"""`./vla eval`: many episodes, in virtual time or through the live graph."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import bags, handover, options, outputs, regression, sweep, values
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp

ABLATIONS = ['wrong-words', 'no-vision']
PHRASINGS = ['known', 'held-out']


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    options.add_episodes(parser, places, default=50, replay=True, several=True)
    options.add_robot(parser, places)
    parser.add_argument(
        '--graph',
        action='store_true',
        help='through the live graph, at wall speed (default: virtual time, in one process)',
    )
    parser.add_argument(
        '--latency-ms',
        type=values.several(values.latency),
        default='0',
        metavar='L',
        help=f'delay the arrival of every chunk: {values.LATENCY}; several with commas between '
        'them (default 0)',
    )
    parser.add_argument(
        '--ablate',
        type=values.one_of(ABLATIONS, 'ablation'),
        metavar='WHAT',
        help="wrong-words: another object's instruction; no-vision: black pictures",
    )
    parser.add_argument(
        '--phrasing',
        type=values.one_of(PHRASINGS, 'phrasing'),
        default='known',
        metavar='WHICH',
        help='known: wordings of the training set (default); held-out: wordings never trained on',
    )
    bags.add_options(parser, places)
    parser.add_argument(
        '--baseline',
        type=regression.baseline,
        metavar='REPORT',
        help='report.json of an earlier run: the report compares, episode by episode where seeds '
        'are common',
    )
    parser.add_argument(
        '--fail-if',
        type=regression.checked,
        metavar='CONDITION',
        help="exit 1 where a number fell or rose by more, e.g. 'success<-0.05, "
        "success/pick<-0.1'; KEY OP NUMBER, new minus baseline; KEY: success, success/<task> or "
        'dotted, as latency_ms.inference.p95',
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument(
        '--workers',
        type=values.whole(1),
        default=cores,
        metavar='N',
        help=f'processes in virtual time; results do not depend on it (default {cores})',
    )
    parser.add_argument(
        '--ray',
        type=values.ray,
        metavar='ADDRESS',
        help='play on a Ray cluster: local (one of its own), auto (the one that runs here), '
        'HOST:PORT or ray://HOST:PORT; installs Ray first',
    )
    options.add_out(parser, 'runs/<date-time>-eval; of several values runs/sweep-<digest>')
    options.add_transport(parser)


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Claim the output folder; return what runs the evaluation."""
    if no := bags.problem(given):
        parser.error(no)
    if given.fail_if and not given.baseline:
        parser.error(f'--fail-if {given.fail_if}: compared with what? Add --baseline REPORT')
    if given.baseline and (no := _no_comparison(given)):
        parser.error(no)
    if given.ray and (given.graph or given.bag):
        parser.error('--ray: only episodes in virtual time; leave --graph and --bag out')
    many = sweep.asked(given)
    if many and (no := sweep.contradiction(given)):
        parser.error(no)
    if given.out:
        out = outputs.claim(parser, given.out, given.force)
    elif many:
        out = outputs.claim_any(parser, str(sweep.folder(places, _settings(given))))
    else:
        out = outputs.claim_new(places, 'eval')
    return partial(_run, given, out, places)


def _settings(given: Namespace) -> list[str]:
    """Return the words that decide what the episodes give."""
    words = options.episode_words(given)
    words += ['--robot', given.robot, '--latency-ms', given.latency_ms]
    words += ['--phrasing', given.phrasing]
    return words + (['--ablate', given.ablate] if given.ablate else [])


def _no_comparison(given: Namespace) -> str | None:
    asked = regression.conditions(given.fail_if) if given.fail_if else ()
    report = regression.read(Path(given.baseline))
    # a bag brings its own task
    tasks = list(report['tasks']) if given.bag else given.tasks.split(',')
    return regression.mismatch(report, asked, tasks)


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure(extras=['ray'] if given.ray else [])
    environment.lock.keep_over_exec()
    words = _settings(given)
    words += ['--workers', str(given.workers), '--transport', given.transport]
    words += ['--ray', given.ray] if given.ray else []
    words += ['--graph'] if given.graph else []
    words += bags.words(given)
    words += ['--baseline', given.baseline] if given.baseline else []
    words += ['--fail-if', given.fail_if] if given.fail_if else []
    words += ['--force'] if given.force else []
    words += ['--out', str(out)]
    env = handover.command_environment(environment.variables, places.root)
    handover.run(places.python, env, 'vla_eval.commands.evaluate', words)
