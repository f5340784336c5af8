"""The commands that a bag holds, as rows over time."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vla_core.contract import RobotContract
from vla_eval.core.bags.decoder import Decoder
from vla_eval.core.bags.reader import Bag
from vla_eval.core.bags.sensors import stamp_ns
from vla_eval.core.bags.survey import check, survey
from vla_eval.core.episodes import Trial
from vla_eval.core.errors import BagError

TOPIC, KIND = '/vla/command', 'vla_msgs/msg/Command'
OUTCOME, OUTCOME_KIND = '/sim/outcome', 'vla_msgs/msg/SimOutcome'
PAUSE_NS = 500_000_000  # an executor commands at each tick until it is idle: there it ends


@dataclass(frozen=True, eq=False)
class RecordedCommands:
    """Joint targets of one episode.

    Attributes:
        trial: Scene in which they were sent.
        instruction: Words that were followed.
        times_ns: (N,) since the first one, rising.
        positions: (N, J) rad or m, in the order of the contract's `output.joints`.
        goal: Words that the simulator judged by, and laid the scene out for; '' for those that the
            seed draws: the bag does not tell others.
    """

    trial: Trial
    instruction: str
    times_ns: np.ndarray
    positions: np.ndarray
    goal: str = ''

    def until(self, elapsed_ns: int, begin: int) -> int:
        """Return how many of the rows from `begin` on are due by a time since the first."""
        return int(np.searchsorted(self.times_ns, elapsed_ns, side='right')) - begin


def read(path: Path, contract: RobotContract) -> RecordedCommands:
    """Return the first episode's commands of a bag.

    Args:
        path: The bag.
        contract: Of the robot that shall repeat them.

    Raises:
        BagError: it is not a bag, lacks commands or the scene they were sent in, or another robot
            was commanded.
    """
    bag = Bag(path)
    found = survey(bag)
    topic = _named(TOPIC, found.topics) or TOPIC
    check(bag, found, {topic: KIND})
    trial = _trial(path, found.reading.about)
    told = _named(OUTCOME, [t for t, s in found.topics.items() if s.kind == OUTCOME_KIND])
    decoder, times, rows, goal = Decoder(bag), list[int](), list[np.ndarray](), ''
    for message in bag.messages([topic, told]):
        if message.topic == told:
            outcome = decoder.decode(message)  # the newest before the first command counts
            if (outcome.task, outcome.seed) == (trial.task, trial.seed) and not (rows and goal):
                goal = str(outcome.instruction)
            continue
        command = decoder.decode(message)
        sent_ns = stamp_ns(command.header.stamp)
        if times and sent_ns - times[-1] > PAUSE_NS:
            break
        if times and sent_ns <= times[-1]:
            continue
        names = list(command.names)
        if sorted(names) != sorted(contract.output.joints):
            raise BagError(
                f'{path}: {topic} commands {", ".join(names)}; robot {contract.robot} has '
                f'{", ".join(contract.output.joints)}'
            )
        values = np.asarray(command.positions, np.float64)
        if values.shape != (len(names),) or not np.isfinite(values).all():
            raise BagError(f'{path}: {topic}: {len(names)} finite positions expected')
        rows.append(values[[names.index(name) for name in contract.output.joints]])
        times.append(sent_ns)
    return RecordedCommands(
        trial,
        found.reading.about.get('instruction', ''),
        np.array(times, np.int64) - times[0],
        np.stack(rows),
        goal,
    )


def _named(wanted: str, topics: Iterable[str]) -> str:
    """Return the topic of a name, under whatever namespace; '' where none or several are."""
    names = [name for name in topics if name.endswith(wanted)]
    return names[0] if len(names) == 1 else ''


def _trial(path: Path, about: dict[str, str]) -> Trial:
    try:
        return Trial(about['task'], 0, int(about['seed']))
    except (KeyError, ValueError):
        raise BagError(
            f'{path}: its metadata names no task and seed, so its scene cannot be set up again; '
            'record on the simulated robot'
        ) from None
