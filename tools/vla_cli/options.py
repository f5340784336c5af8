"""Options that several subcommands share."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from vla_cli import names, values
from vla_cli.places import Places
from vla_cli.setup.torch import CHOICES as TORCH_BUILDS
from vla_cli.transport import PROFILES


def add_episodes(
    parser: ArgumentParser,
    places: Places,
    default: int,
    replay: bool = False,
    several: bool = False,
) -> None:
    """What is run: how often, which tasks, from which seed, by which policy and strategy.

    Args:
        parser: Of the command.
        places: Of the checkout.
        default: Episodes per task.
        replay: Whether a bag can be the policy.
        several: Whether seed, strategy and policy may be lists.
    """
    many = values.several if several else _as_it_is
    lists = ', several with commas between them' if several else ''
    parser.add_argument(
        '--episodes',
        type=values.whole(1),
        default=default,
        metavar='N',
        help=f'episodes per task (default {default})',
    )
    parser.add_argument(
        '--only',
        type=values.whole(0),
        metavar='N',
        help='of each task only the episode with this number, as a report names it',
    )
    tasks = names.tasks(places)
    parser.add_argument(
        '--tasks',
        type=values.some_of(tasks, 'task'),
        default=','.join(tasks),
        metavar='A,B',
        help=f'tasks with commas between them (default all: {",".join(tasks)})',
    )
    parser.add_argument(
        '--seed',
        type=many(values.whole(0)),
        default='0',
        metavar='N',
        help=f'everything random follows from it{lists} (default 0)',
    )
    strategies = names.strategies(places)
    parser.add_argument(
        '--strategy',
        type=many(values.one_of(strategies, 'strategy')),
        default='receding_horizon',
        metavar='NAME',
        help=f'how chunks become motion: {", ".join(strategies)}{lists} (default '
        'receding_horizon)',
    )
    parser.add_argument(
        '--policy',
        type=many(values.policy(places, replay)),
        default='flow',
        metavar='NAME|FOLDER',
        help=f'{", ".join(values.policies(places, replay))} or a checkpoint folder{lists} '
        '(default flow)',
    )


def _as_it_is(check: Callable[[str], object]) -> Callable[[str], object]:
    return check


def episode_words(given: Namespace) -> list[str]:
    """Return the words that hand `add_episodes` on."""
    words = ['--episodes', str(given.episodes), '--tasks', given.tasks, '--seed', str(given.seed)]
    words += ['--strategy', given.strategy, '--policy', given.policy]
    return words if given.only is None else [*words, '--only', str(given.only)]


def add_robot(parser: ArgumentParser, places: Places) -> None:
    """Which robot."""
    robots = names.robots(places)
    parser.add_argument(
        '--robot',
        type=values.one_of(robots, 'robot'),
        default='tabletop',
        metavar='NAME',
        help=f'whose contract counts: {", ".join(robots)} (default tabletop)',
    )


def add_out(parser: ArgumentParser, default: str) -> None:
    """Where results go."""
    parser.add_argument('--out', metavar='DIR', help=f'folder for the results (default {default})')
    parser.add_argument(
        '--force', action='store_true', help='replace a finished result in that folder'
    )


def add_transport(parser: ArgumentParser) -> None:
    """How the graph's processes reach each other."""
    parser.add_argument(
        '--transport',
        type=values.one_of(list(PROFILES), 'transport'),
        default='host',
        metavar='NAME',
        help='host: this machine only (default); lan: every network interface',
    )


def add_torch(parser: ArgumentParser) -> None:
    """Which torch is installed."""
    parser.add_argument(
        '--torch',
        type=values.one_of(list(TORCH_BUILDS), 'torch build'),
        metavar='cpu|cuda',
        help='which build of torch set-up installs, remembered (default: what pip finds)',
    )
