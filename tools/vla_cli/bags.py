"""What `./vla eval` takes about bags: which, compared with what, in whose words."""

from argparse import ArgumentParser, Namespace

from vla_cli import names, values
from vla_cli.places import Places

SIMULATED = 'scripted'  # it looks into the simulator, and a bag has none


def add_options(parser: ArgumentParser, places: Places) -> None:
    """Declare the options."""
    parser.add_argument(
        '--bag',
        type=values.existing,
        action='append',
        metavar='BAG',
        help='what this bag saw, through the policy, on its own clock: chunks against what was '
        'executed; repeat it for several bags. With --graph through the live graph. With '
        '--policy replay: its commands once more on the simulator',
    )
    parser.add_argument(
        '--against',
        type=values.policy(places),
        metavar='NAME|FOLDER',
        help='with --bag: a second policy on the same bags, compared chunk by chunk',
    )
    parser.add_argument(
        '--against-strategy',
        type=values.one_of(names.strategies(places), 'strategy'),
        metavar='NAME',
        help='with --bag: a second strategy on the same bags, compared',
    )
    parser.add_argument(
        '--instruction',
        metavar='WORDS',
        help='with --bag: words instead of those in the bag',
    )


def problem(given: Namespace) -> str | None:
    """Return what is wrong with options that do not go together, None for nothing."""
    if given.policy == values.REPLAY:
        return _replay_problem(given)
    for name in ('against', 'against_strategy', 'instruction'):
        value = getattr(given, name)
        if value and not given.bag:
            return f'--{name.replace("_", "-")} {value}: goes with --bag BAG'
    if not given.bag:
        return None
    for option, name in (('policy', given.policy), ('against', given.against)):
        if name == SIMULATED:
            return (
                f"--{option} {SIMULATED}: needs the simulator's state, which a bag has not: hold "
                'or a checkpoint expected'
            )
    if given.baseline:
        return '--baseline: compares episodes; bags are compared by --against, or several --bag'
    if given.graph and (given.against or given.against_strategy):
        return '--graph: one policy at a time; compare without --graph'
    return None


def _replay_problem(given: Namespace) -> str | None:
    replay = f'--policy {values.REPLAY}'
    if not given.bag:
        return f'{replay}: what is repeated is missing: add --bag BAG'
    if len(given.bag) > 1:
        return f'--bag {given.bag[1]}: {replay} repeats one bag'
    if given.graph:
        return f'--graph: {replay} runs in one process; leave --graph out'
    for name in ('against', 'against_strategy', 'instruction'):
        value = getattr(given, name)
        if value:
            return f'--{name.replace("_", "-")} {value}: does not go with {replay}'
    return None


def words(given: Namespace) -> list[str]:
    """Return the words that hand the options on."""
    found = [word for bag in given.bag or () for word in ('--bag', bag)]
    for name in ('against', 'against_strategy', 'instruction'):
        value = getattr(given, name)
        found += [f'--{name.replace("_", "-")}', value] if value else []
    return found
