"""Which episodes a run consists of, and under which conditions."""

from dataclasses import dataclass, field
from pathlib import Path

from vla_core.latency import Latency
from vla_eval.core.errors import RequestError
from vla_policy.core.rtc import RtcSettings
from vla_sim.core import seeds

PHRASINGS = ('known', 'held-out')
ABLATIONS = ('wrong-words', 'no-vision')


@dataclass(frozen=True)
class Trial:
    """One episode to run.

    Attributes:
        task: Name of the task.
        index: Counts the trials of that task from 0.
        seed: Everything random in it comes from here: scene, target, words, latencies.
    """

    task: str
    index: int
    seed: int


@dataclass(frozen=True)
class Conditions:
    """What is the same in every episode of a run.

    Attributes:
        contract: File of the robot contract.
        checkpoints: Folder of the named checkpoints.
        policy: Name or folder.
        strategy: Name of the executor's strategy.
        seed: Seed of the run.
        phrasing: `known` or `held-out` words.
        ablate: '' or one of `ABLATIONS`.
        latency: Delay of chunks: by the loop in virtual time, by the policy's node in a graph.
        rtc: How a checkpoint takes what will be executed anyway into account.
    """

    contract: Path
    checkpoints: Path
    policy: str
    strategy: str = 'receding_horizon'
    seed: int = 0
    phrasing: str = 'known'
    ablate: str = ''
    latency: Latency = field(default_factory=Latency)
    rtc: RtcSettings = field(default_factory=RtcSettings)

    def __post_init__(self) -> None:
        if self.phrasing not in PHRASINGS:
            raise RequestError(
                f'phrasing {self.phrasing!r}: one of {", ".join(PHRASINGS)} expected'
            )
        if self.ablate and self.ablate not in ABLATIONS:
            raise RequestError(f'ablate {self.ablate!r}: one of {", ".join(ABLATIONS)} expected')


def trials(tasks: tuple[str, ...], episodes: int, run_seed: int) -> tuple[Trial, ...]:
    """Return the trials of a run, task after task within each round.

    Rounds, so that the success shown on the way speaks for all tasks.
    """
    return tuple(
        Trial(task, index, seeds.episode_seed(run_seed, task, index, 'evaluation'))
        for index in range(episodes)
        for task in tasks
    )
