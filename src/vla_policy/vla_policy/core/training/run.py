"""A training run as a person sees it: progress, Ctrl-C, resuming, the finished checkpoint."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from vla_core.contract import RobotContract
from vla_policy.core.dataset import Dataset
from vla_policy.core.training.settings import TrainSettings
from vla_policy.core.training.trainer import Tick, Trainer

DONE, INTERRUPTED = 0, 130
LINE_EVERY = 100  # steps between lines where there is no terminal


def train(
    dataset: Dataset,
    contract: RobotContract,
    settings: TrainSettings,
    work: Path,
    out: Path,
    console: Console | None = None,
) -> int:
    """Train a policy and write its checkpoint; the same call again resumes.

    Args:
        dataset: Demonstrations.
        contract: The robot they were made with.
        settings: Every number of the run.
        work: Folder of the resumable state.
        out: Folder of the checkpoint, written when the run is finished.
        console: Where progress goes.

    Returns:
        Exit status: 0 finished, 130 after Ctrl-C (or SIGTERM).
    """
    console = console or Console()
    with _stop_flag() as stopped:
        trainer = Trainer(dataset, contract, settings, work)
        if trainer.finished and (out / 'config.yaml').exists():
            console.print(f'training is finished: {trainer.step} steps, {out}', soft_wrap=True)
            return DONE
        if trainer.step:
            console.print(f'resuming from step {trainer.step} of {settings.steps}')
        with _Display(console, trainer.step, settings.steps) as display:
            finished = trainer.run(display.show, lambda: bool(stopped))
    if not finished:
        console.print(f'stopped at step {trainer.step}; the same command resumes')
        return INTERRUPTED
    trainer.export(out)
    console.print(f'trained {trainer.step} steps: {_shown(trainer.progress.validation)}')
    console.print(str(out), soft_wrap=True)
    return DONE


@contextmanager
def _stop_flag() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of dying of them: a step ends whole, then is saved."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Display:
    """A bar on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, done: int, steps: int):
        self._console = console
        self._bar = Progress(
            TextColumn('training'),
            BarColumn(),
            TextColumn('{task.completed}/{task.total}'),
            TextColumn('{task.fields[text]}'),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task('training', total=steps, completed=done, text='')

    def __enter__(self) -> '_Display':
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def show(self, tick: Tick) -> None:
        """Show one step."""
        text = f'loss {tick.losses["loss"]:.3f} {_shown(tick.validation)}'
        self._bar.update(self._task, completed=tick.step, text=text)
        if not self._console.is_terminal and (
            tick.step % LINE_EVERY == 0 or tick.step in (1, tick.steps)
        ):
            self._console.print(f'step {tick.step}/{tick.steps} {text}', soft_wrap=True)


def _shown(validation: dict[str, float]) -> str:
    if not validation:
        return ''
    where = [f'object {validation["object_mm"]:.1f} mm'] if 'object_mm' in validation else []
    rest = [f'row {validation["row_mm"]:.1f} mm', f'gripper {100 * validation["gripper"]:.1f} %']
    return ', '.join([*where, *rest])
