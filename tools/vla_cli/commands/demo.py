"""`./vla demo`: the live graph, instructions in words, a score and a report."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vla_cli import handover, options, outputs
from vla_cli.places import Places
from vla_cli.setup.environment import SetUp


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    options.add_episodes(parser, places, default=3)
    parser.add_argument(
        '--view', action='store_true', help='watch live on a page in a browser on this machine'
    )
    parser.add_argument(
        '--record',
        action='store_true',
        help='record everything, a bag an episode, in `bags` beside the report',
    )
    options.add_out(parser, 'runs/<date-time>-demo')
    options.add_transport(parser)
    options.add_torch(parser)


def prepare(parser: ArgumentParser, given: Namespace, places: Places) -> Callable[[], int]:
    """Claim the output folder; return what runs the demo."""
    out = (
        outputs.claim(parser, given.out, given.force)
        if given.out
        else outputs.claim_new(places, 'demo')
    )
    return partial(_run, given, out, places)


def _run(given: Namespace, out: Path, places: Places) -> int:
    environment = SetUp(places).ensure(torch_choice=given.torch)
    environment.lock.keep_over_exec()
    words = options.episode_words(given)
    words += ['--transport', given.transport, '--out', str(out)]
    words += ['--view'] if given.view else []
    words += ['--record'] if given.record else []
    words += ['--force'] if given.force else []
    env = handover.command_environment(environment.variables, places.root)
    handover.run(places.python, env, 'vla_eval.commands.demo', words)
