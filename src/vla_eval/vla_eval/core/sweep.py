"""A sweep: every policy under every strategy and latency, on the same episodes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from vla_core.latency import Latency
from vla_eval.core.episodes import Conditions, trials
from vla_eval.core.worker import Job

AXES = ('policy', 'strategy', 'latency')


@dataclass(frozen=True)
class Setting:
    """What is compared: one combination; its episodes are those of all seeds.

    Attributes:
        policy: Name or folder.
        strategy: Of the executor.
        latency: Injected, in the words of `--latency-ms`.
    """

    policy: str
    strategy: str
    latency: str

    def __str__(self) -> str:
        return f'{self.policy}, {self.strategy}, {self.latency} ms'


@dataclass(frozen=True)
class Sweep:
    """All that is played.

    Attributes:
        base: What is the same everywhere.
        policies: Names or folders.
        strategies: Names.
        latencies: Injected.
        seeds: Of runs; each has episodes of its own, the same ones in every setting.
        tasks: Names.
        episodes: Of each task, setting and seed.
    """

    base: Conditions
    policies: tuple[str, ...]
    strategies: tuple[str, ...]
    latencies: tuple[Latency, ...]
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    episodes: int

    @property
    def settings(self) -> list[Setting]:
        """Every combination, the latency changing fastest."""
        found = product(self.policies, self.strategies, self.latencies)
        return [Setting(policy, strategy, str(latency)) for policy, strategy, latency in found]

    def jobs(self, setting: Setting) -> list[Job]:
        """Return the episodes of a setting, seed after seed."""
        return [
            Job(self._conditions(setting, seed), trial, detailed=False)
            for seed in self.seeds
            for trial in trials(self.tasks, self.episodes, seed)
        ]

    def pairs(self) -> Iterator[tuple[str, Setting, Setting]]:
        """Yield (axis, one, other) of settings that differ in one thing."""
        settings = self.settings
        for number, one in enumerate(settings):
            for other in settings[number + 1 :]:
                apart = [axis for axis in AXES if getattr(one, axis) != getattr(other, axis)]
                if len(apart) == 1:
                    yield apart[0], one, other

    def _conditions(self, setting: Setting, seed: int) -> Conditions:
        return replace(
            self.base,
            policy=setting.policy,
            strategy=setting.strategy,
            latency=Latency.parse(setting.latency),
            seed=seed,
        )
