"""Plays bags into a live graph of observer, policy and dry executor, one graph a bag."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from vla_cli.graph.graph import Graph
from vla_core.contract import RobotContract
from vla_eval.commands import bag_screen
from vla_eval.core.bags.tape import Tape
from vla_eval.core.episodes import Conditions
from vla_eval.core.openloop.loop import OpenLoopSettings
from vla_eval.core.openloop.measured import Measured, measure
from vla_eval.core.openloop.paths import Geometry
from vla_eval.core.openloop.trace import Trace
from vla_eval.ros.bag_loop import GraphBagLoop
from vla_eval.ros.client import GraphError, join
from vla_eval.ros.player import Player

LOG = 'graph.log'


def evaluate(
    console: Console,
    contract: RobotContract,
    conditions: Conditions,
    tapes: Sequence[Tape],
    settings: OpenLoopSettings,
    out: Path,
    transport: str,
) -> list[Measured]:
    """Return every bag, measured; `graph.log` in `out` holds the nodes' own words.

    Raises:
        VlaError: the graph does not come up or goes down, or a bag is of no use.
        UsageError: its domain is taken.
        RunError: a node is not there.
    """
    geometry, runs = Geometry(contract), []
    log = out / LOG
    log.unlink(missing_ok=True)
    with bag_screen.BagBar(console, sum(t.found.seconds for t in tapes)) as bar:
        for tape in tapes:
            bar.begin(tape.path.name)
            graph = Graph(_arguments(conditions, transport), os.environ, log)
            with graph:
                trace = _play(graph, contract, tape, settings, bar, log)
            runs.append(measure(trace, contract, geometry))
            bar.end(tape.found.seconds)
    return runs


def _play(
    graph: Graph,
    contract: RobotContract,
    tape: Tape,
    settings: OpenLoopSettings,
    bar: bag_screen.BagBar,
    log: Path,
) -> Trace:
    join(graph.variables)
    player = Player.joined(contract, tape)
    try:
        return GraphBagLoop(contract, player, settings, graph.alive).run(tape, bar.at)
    except GraphError as error:
        why = graph.failure or f"{error}; the nodes' own words are in {log}"
        raise GraphError(f'{tape.path}: {why}') from None
    finally:
        player.leave()


def _arguments(conditions: Conditions, transport: str) -> dict[str, str]:
    found = {
        'robot': conditions.contract.stem,
        'policy': conditions.policy,
        'strategy': conditions.strategy,
        'transport': transport,
        'latency_ms': str(conditions.latency),
        'use_sim': 'false',
        'use_sim_time': 'true',
        'dry_run': 'true',
    }
    if conditions.ablate == 'no-vision':  # other words are simply given
        found['ablate'] = conditions.ablate
    return found
