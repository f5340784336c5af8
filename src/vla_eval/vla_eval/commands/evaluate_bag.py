"""`./vla eval --bag B`: what a bag saw, through a policy, and a report of what it is worth."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from vla_core.contract import RobotContract, load
from vla_core.policy import Policy
from vla_core.timing import SECOND
from vla_eval.commands import bag_screen, screen
from vla_eval.commands.request import Request
from vla_eval.core.bags.tape import Tape
from vla_eval.core.episodes import Conditions
from vla_eval.core.openloop.loop import OpenLoop, OpenLoopSettings
from vla_eval.core.openloop.measured import Measured, measure
from vla_eval.core.openloop.paths import Geometry

DONE = 0
REPLAY = 'replay'


def add_options(parser: ArgumentParser) -> None:
    """Declare what `./vla eval` takes about bags; `./vla` has checked the values."""
    parser.add_argument('--bag', type=Path, action='append')
    parser.add_argument('--against', default='')
    parser.add_argument('--against-strategy', default='')
    parser.add_argument('--instruction', default='')


def run(asked: Request, options: Namespace) -> int:
    """Return the exit status.

    Raises:
        VlaError: a bag cannot be evaluated.
    """
    if options.policy == REPLAY:
        from vla_eval.commands import replay

        return replay.run(asked, options.bag[0])
    conditions = asked.conditions
    settings = OpenLoopSettings(
        strategy=conditions.strategy,
        latency=conditions.latency,
        seed=conditions.seed,
        ablate=conditions.ablate,
        instruction=options.instruction,
    )
    contract = load(conditions.contract)
    source = asked.provenance() | {'bags': [str(path) for path in options.bag]}
    tapes = [Tape(path, contract) for path in options.bag]  # refuses before weights are loaded
    if options.graph:
        return _through_graph(asked, options.transport, contract, tapes, settings, source)
    policy = load_policy(conditions, conditions.policy, contract)
    console = Console()
    runs = evaluate(console, contract, policy, tapes, settings)
    comparisons = _comparisons(asked, options, console, contract, policy, tapes, settings, runs)
    return _report(asked, contract, runs, 'virtual', source, comparisons)


def _comparisons(
    asked: Request,
    options: Namespace,
    console: Console,
    contract: RobotContract,
    policy: Policy,
    tapes: Sequence[Tape],
    settings: OpenLoopSettings,
    runs: Sequence[Measured],
) -> list[dict[str, Any]]:
    """Return what the run is compared with: another policy or strategy, and one bag of two."""
    from vla_eval.core.openloop import compare, figures

    conditions, found = asked.conditions, []
    if options.against or options.against_strategy:
        other = options.against or conditions.policy
        strategy = options.against_strategy or settings.strategy
        if options.against:
            policy = load_policy(conditions, other, contract)
        second = evaluate(
            console, contract, policy, tapes, replace(settings, strategy=strategy), 'against'
        )
        names = (f'{conditions.policy}, {settings.strategy}', f'{other}, {strategy}')
        comparison = compare.policies(runs, second, names, settings.seed)
        found.append(comparison | {'open_loop': figures.summary(second)})
    if len(runs) == 2:
        found.append(compare.bags(*runs, settings.seed))
    return found


def _through_graph(
    asked: Request,
    transport: str,
    contract: RobotContract,
    tapes: Sequence[Tape],
    settings: OpenLoopSettings,
    source: dict[str, Any],
) -> int:
    from vla_cli.errors import RunError, UsageError
    from vla_eval.commands import bag_graph  # ROS only where it is asked for

    try:
        runs = bag_graph.evaluate(
            Console(), contract, asked.conditions, tapes, settings, asked.out, transport
        )
    except (UsageError, RunError) as error:
        print(error, file=sys.stderr)
        return error.status
    return _report(asked, contract, runs, 'graph', source)


def _report(
    asked: Request,
    contract: RobotContract,
    runs: Sequence[Measured],
    clock: str,
    source: dict[str, Any],
    comparisons: Sequence[dict[str, Any]] = (),
) -> int:
    from vla_eval.core.openloop import report  # matplotlib takes a second

    console, conditions = Console(), asked.conditions
    written = report.write(
        asked.out,
        runs,
        SECOND / contract.rates.control_ns,
        policy=conditions.policy,
        strategy=conditions.strategy,
        ablate=conditions.ablate,
        latency=conditions.latency,
        clock=clock,
        provenance=source,
        wall={},
        comparisons=comparisons,
    )
    bag_screen.show(console, written.values)
    screen.show_paths(console, (written.json, written.html))
    return DONE


def load_policy(conditions: Conditions, name: str, contract: RobotContract) -> Policy:
    """Return a policy, loaded and warm.

    Raises:
        VlaError: there is none, or it does not fit the robot.
    """
    import torch  # a second

    from vla_policy.core import registry

    torch.set_num_threads(1)  # sums keep their order
    return registry.load_policy(name, contract, conditions.checkpoints, rtc=conditions.rtc)


def evaluate(
    console: Console,
    contract: RobotContract,
    policy: Policy,
    tapes: Sequence[Tape],
    settings: OpenLoopSettings,
    label: str = '',
) -> list[Measured]:
    """Return every bag, measured; shows how far it is."""
    geometry, loop = Geometry(contract), OpenLoop(contract, policy, settings)
    runs = []
    with bag_screen.BagBar(console, sum(t.found.seconds for t in tapes), label) as bar:
        for tape in tapes:
            bar.begin(tape.path.name)
            runs.append(measure(loop.run(tape, bar.at), contract, geometry))
            bar.end(tape.found.seconds)
    return runs
