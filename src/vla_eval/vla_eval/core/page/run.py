"""What a section of the page is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vla_eval.core.results import EpisodeResult


@dataclass(frozen=True)
class Run:
    """A run, for people.

    Attributes:
        report: The values of report.json.
        results: The same run's episodes, with pictures and paths.
        repeat: Command that repeats one episode, with `{task}` and `{index}` in it.
    """

    report: Mapping[str, Any]
    results: Sequence[EpisodeResult]
    repeat: str

    def command(self, task: str, index: int) -> str:
        """Return the command that repeats one episode."""
        return self.repeat.format(task=task, index=index)
