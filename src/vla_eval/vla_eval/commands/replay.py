"""`./vla eval --policy replay --bag B`: what was recorded, once more, on the simulator."""

import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from vla_core.contract import load
from vla_eval.commands import screen
from vla_eval.commands.request import Request
from vla_eval.core import report
from vla_eval.core.bags import commands
from vla_eval.core.replay import Replay
from vla_eval.core.robot import VirtualRobot
from vla_sim.core.simulator import Simulator

DONE = 0


def run(asked: Request, path: Path) -> int:
    """Return the exit status.

    Raises:
        VlaError: the bag cannot be executed.
    """
    contract = load(asked.conditions.contract)
    recorded = commands.read(path, contract)
    asked = replace(asked, trials=(recorded.trial,))
    source = asked.provenance()
    start_s = time.monotonic()
    result = Replay(VirtualRobot(contract, Simulator(contract)), recorded).run()
    wall = {'seconds': round(time.monotonic() - start_s, 3)}
    repeat = asked.repeat('--bag', str(path))
    written = report.write(
        asked.out, [result], asked.conditions, 'virtual', source, wall, repeat, asked.more
    )
    console = Console()
    screen.show_score(console, written.values)
    screen.show_paths(console, (written.json, written.html))
    return DONE
