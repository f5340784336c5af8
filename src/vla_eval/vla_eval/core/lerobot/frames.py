"""The frames of a bag: what the observer makes of it, and what was commanded at each."""

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import SECOND
from vla_eval.core.bags.controller import KINDS, Row
from vla_eval.core.bags.feed import Feed
from vla_eval.core.bags.sensors import stamp_ns
from vla_eval.core.bags.tape import COMMAND, CONTROLLER, RUN, WORDS, Tape, Timed
from vla_eval.core.errors import BagError
from vla_perception.core.errors import NotReady
from vla_perception.core.observer import ObserverCore, ObserverSettings

STATUS = 'vla/status'
LATE_NS = SECOND // 2  # a command that was sent before a moment has come by then
KEPT = 2000  # commands


@dataclass(frozen=True, eq=False)
class Frame:
    """One row of a dataset.

    Attributes:
        observation: What a policy would have been given live.
        action: (J,) joints commanded at `observation.stamp_ns`: those of the newest command that
            is not later, or what the controller was told asks for then (`Setpoints`); rad or m,
            in the order of the contract's `output.joints`.
        begins: Whether an episode begins with it.
    """

    observation: Observation
    action: np.ndarray
    begins: bool


class Frames:
    """Goes through a bag; the same bag gives the same frames.

    An episode lasts as long as the same words are in force in the same epoch, something is
    commanded, and frames follow each other in steps of the contract's chunk: where more than one
    and a half is missing the next episode begins, because nothing is repeated or guessed.

    Args:
        tape: The bag.
        contract: The robot; its chunk step is the frames' period.
        task: Words instead of the bag's.

    Raises:
        BagError: there is no command in it, or observations are too rare for the chunk step.
    """

    def __init__(self, tape: Tape, contract: RobotContract, task: str = ''):
        for needed in (COMMAND, STATUS):  # without the latter it is not known where a run begins
            if needed in tape.left_out and not (needed == COMMAND and CONTROLLER in tape.topics):
                raise BagError(f'{tape.path}: {tape.left_out[needed]}')
        output = contract.output
        if COMMAND not in tape.topics and CONTROLLER not in tape.topics:
            kind = KINDS.get(output.interface)
            also = f', nor of /{output.topic.lstrip("/")} ({kind})' if kind else ''
            raise BagError(
                f'{tape.path}: nothing of /{COMMAND}{also}: what was commanded is not known; '
                'record with ./vla record, or name the topic in the contract (output.topic)'
            )
        self._step_ns = contract.rates.step_ns
        if contract.rates.observation_ns > self._step_ns:
            raise BagError(
                f'{contract.robot}: observations every {contract.rates.observation_ns / 1e6:g} ms '
                f'are too rare for frames every {self._step_ns / 1e6:g} ms (rates.chunk_step_s)'
            )
        self._tape, self._contract, self._task = tape, contract, task
        self._setpoints = tape.setpoints()
        self._observer = ObserverCore(contract, ObserverSettings())
        self._feed = Feed(self._observer, tape.decoder)
        self._commands: deque[tuple[int, np.ndarray]] = deque(maxlen=KEPT)
        self._waiting: deque[Observation] = deque()
        self._epoch, self._words = 0, task or tape.about.get('instruction', '')
        self._due_ns = 0
        self._last: Observation | None = None
        self._observer.set_context(self._epoch, self._words)

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, look: Callable[[float], None] = lambda _: None) -> Iterator[Frame]:
        """Yield the frames.

        Args:
            look: Told of the seconds of the bag that are done, now and then.
        """
        for count, timed in enumerate(self._tape.messages()):
            self._take(timed)
            if count % 200 == 0:
                look((timed.now_ns - self._tape.begin_ns) / SECOND)
            yield from self._ready(timed.now_ns - LATE_NS)
        yield from self._ready(None)

    def _take(self, timed: Timed) -> None:
        if self._setpoints is not None:
            self._tell(self._setpoints.until(timed.now_ns))
        if timed.role == CONTROLLER and self._setpoints is not None:
            message = self._tape.decoder.decode(timed.message)
            now_ns, joints = timed.now_ns, self._feed.joints
            self._tell(self._setpoints.take(message, now_ns, joints))
        elif timed.role == COMMAND:
            self._command(timed)
        elif timed.role == STATUS:
            status = self._tape.decoder.decode(timed.message)
            self._context(int(status.epoch), str(status.instruction))
        elif timed.role == WORDS:
            if STATUS not in self._tape.topics:
                words = str(self._tape.decoder.decode(timed.message).data).strip()
                if words != self._words:
                    self._context(self._epoch + 1, words)
        elif timed.role not in RUN and self._feed.take(timed):
            self._observe(timed.now_ns)

    def _context(self, epoch: int, words: str) -> None:
        self._epoch, self._words = epoch, self._task if self._task and words else words
        self._observer.set_context(self._epoch, self._words)

    def _command(self, timed: Timed) -> None:
        command = self._tape.decoder.decode(timed.message)
        names, wanted = list(command.names), self._contract.output.joints
        if sorted(names) != sorted(wanted):
            raise BagError(
                f'{self._tape.path}: {timed.message.topic} commands {", ".join(names)}; robot '
                f'{self._contract.robot} has {", ".join(wanted)}'
            )
        values = np.asarray(command.positions, np.float64)
        if values.shape != (len(names),) or not np.isfinite(values).all():
            raise BagError(
                f'{self._tape.path}: {timed.message.topic}: {len(names)} finite positions expected'
            )
        at_ns = stamp_ns(command.header.stamp)
        self._tell([(at_ns, values[[names.index(name) for name in wanted]])])

    def _tell(self, rows: Iterable[Row]) -> None:
        """Keep what was commanded; of rows that do not rise the first counts."""
        for row in rows:
            if not self._commands or row[0] > self._commands[-1][0]:
                self._commands.append(row)

    def _observe(self, now_ns: int) -> None:
        try:
            observation = self._observer.assemble(now_ns)
        except NotReady:
            return
        if observation.instruction and observation.stamp_ns >= self._due_ns - self._step_ns // 4:
            behind = observation.stamp_ns > self._due_ns + self._step_ns // 2
            self._due_ns = (observation.stamp_ns if behind else self._due_ns) + self._step_ns
            self._waiting.append(observation)

    def _ready(self, until_ns: int | None) -> Iterator[Frame]:
        """Yield the frames of which it is known what was commanded."""
        newest_ns = self._commands[-1][0] if self._commands else 0
        while self._waiting:
            stamp = self._waiting[0].stamp_ns
            if until_ns is not None and newest_ns <= stamp and stamp > until_ns:
                return
            frame = self._frame(self._waiting.popleft())
            if frame is not None:
                yield frame

    def _frame(self, observation: Observation) -> Frame | None:
        action = self._commanded_at(observation.stamp_ns)
        if action is None:
            self._last = None
            return None
        last, self._last = self._last, observation
        begins = (
            last is None
            or (last.epoch, last.instruction) != (observation.epoch, observation.instruction)
            or observation.stamp_ns - last.stamp_ns > self._step_ns * 3 // 2
        )
        return Frame(observation, action, begins)

    def _commanded_at(self, at_ns: int) -> np.ndarray | None:
        """Return the newest command not after a time; None where none is in force any more."""
        place = bisect_right(self._commands, at_ns, key=lambda one: one[0]) - 1
        if place < 0 or at_ns - self._commands[place][0] > self._step_ns:
            return None
        return self._commands[place][1]
