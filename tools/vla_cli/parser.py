"""The words of the command line: subcommands, their options, and one-line refusals."""

import argparse
import importlib
from collections.abc import Callable
from typing import NoReturn

from vla_cli.errors import UsageError
from vla_cli.places import Places
from vla_cli.values import unknown

COMMANDS = {
    'demo': 'run the robot: instructions in words, a live graph, a score and a report',
    'eval': 'measure a policy over many episodes, faster than real time or in the live graph',
    'train': 'make a checkpoint from nothing, resumable',
    'bench': 'measure costs, timing and strategies, against targets and other code',
    'record': 'keep everything that a running graph says in a bag',
    'view': 'watch a running graph, or a bag, on a page in a browser, or in Rerun',
    'bag': 'look into a bag, or make one that was cut whole',
    'trace': 'show the way of each chunk across the nodes, of a bag or live, in Perfetto',
    'launch': 'start the graph of a robot and leave it running',
    'shell': 'open a shell in which the suite and ROS 2 are there',
    'test': 'run everything that guards the project',
}
MODULES = {'eval': 'evaluate'}


class OneLineParser(argparse.ArgumentParser):
    """An argument parser that refuses with one line and lists what it knows."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f'./vla {command}'.strip(),
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Refuse."""
        raise UsageError(f'{self.prog}: {message.removeprefix("argument ")}')

    def parse_all(self, words: list[str]) -> argparse.Namespace:
        """Parse `words`; what was typed is refused before a default that does not fit here."""
        without_defaults = argparse.Namespace(**{a.dest: None for a in self._actions})
        _, rest = self.parse_known_args(words, without_defaults)
        for word in rest:
            known = sorted(o for action in self._actions for o in action.option_strings)
            kind = 'option' if word.startswith('-') else 'argument'
            self.error(unknown(word.split('=')[0], known, kind))
        return self.parse_args(words)


def parse(argv: list[str], places: Places) -> Callable[[], int]:
    """Return what to call for this command line.

    Raises:
        UsageError: It is wrong.
    """
    first = argv[0] if argv else '--help'
    if first in ('-h', '--help', 'help'):
        return _print_help
    if first not in COMMANDS:
        raise UsageError(f'./vla: {unknown(first, list(COMMANDS), "subcommand")}')
    module = importlib.import_module(f'vla_cli.commands.{MODULES.get(first, first)}')
    parser = OneLineParser(first, f'{COMMANDS[first].capitalize()}.')
    module.add_options(parser, places)
    options = parser.parse_all(argv[1:])
    return module.prepare(parser, options, places)


def _print_help() -> int:
    lines = '\n'.join(f'  {name:<8}{text}' for name, text in COMMANDS.items())
    print(
        'usage: ./vla COMMAND [OPTION ...]\n\n'
        'A vision-language-action policy in charge of a robot: see it, measure it, teach it.\n\n'
        f'{lines}\n\n'
        './vla COMMAND --help tells the options of each. The first command that needs it sets up\n'
        'the environment under .vla/. Exit status: 0 done, 1 it ran and the answer is no,\n'
        '2 the command line is wrong, 130 after Ctrl-C.'
    )
    return 0
