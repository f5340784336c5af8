"""One bag in virtual time: what was seen then, planned from now; nothing moves."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from vla_core.contract import RobotContract
from vla_core.latency import Latency
from vla_core.observation import Observation
from vla_core.policy import Policy
from vla_core.timing import SECOND
from vla_eval.core.bags.feed import Feed
from vla_eval.core.bags.tape import RUN, WORDS, Tape, Timed
from vla_eval.core.errors import EvalError
from vla_eval.core.model import BusyModel
from vla_eval.core.openloop.deprived import Deprived, other_words
from vla_eval.core.openloop.dry_run import DryRun
from vla_eval.core.openloop.history import History
from vla_eval.core.openloop.missed import Missed
from vla_eval.core.openloop.staleness import ages_ms
from vla_eval.core.openloop.trace import DEPRIVED, DRY, OWN, Trace
from vla_eval.core.results import by_stage
from vla_eval.core.stopwatch import Stopwatch
from vla_perception.core.errors import NotReady
from vla_perception.core.observer import ObserverCore, ObserverSettings
from vla_policy.core.wrappers import Ablated, Heedful


@dataclass(frozen=True)
class OpenLoopSettings:
    """How a bag is evaluated.

    Attributes:
        strategy: Of the dry run.
        latency: Of each chunk, on the bag's clock.
        seed: Latencies and other words follow from it.
        ablate: '' or what is taken from the policy.
        instruction: Words instead of the bag's, '' for the bag's own.
        deprive: Whether the policy is also asked without pictures and with other words.
    """

    strategy: str = 'receding_horizon'
    latency: Latency = Latency()  # noqa: RUF009 - frozen
    seed: int = 0
    ablate: str = ''
    instruction: str = ''
    deprive: bool = True


def first_words(tape: Tape, given: str) -> str:
    """Return the words from the beginning on: those given, or of the metadata; '' for the topic's.

    Raises:
        EvalError: there are none.
    """
    if given or WORDS in tape.topics:
        return given
    if not tape.about.get('instruction'):
        raise EvalError(
            f'{tape.path}: tells no words: neither {WORDS} nor an instruction in its metadata; '
            "add --instruction 'pick up the red block'"
        )
    return tape.about['instruction']


class OpenLoop:
    """Evaluates one bag with one policy; the same bag, policy and settings give the same chunks.

    The bag's sensor messages reach observer and executor at the times at which they were
    recorded. What will be executed anyway, a policy's second input, is what was told in the bag
    (`vla/plan`) when the recorded inference began: the recorded robot went on as that says,
    whatever is planned now. The executor runs dry on the measured joints of the bag.

    Args:
        contract: The robot.
        policy: What plans.
        options: How.
        wall_ns: Clock of the figures that are not virtual.
    """

    def __init__(
        self,
        contract: RobotContract,
        policy: Policy,
        options: OpenLoopSettings,
        wall_ns: Callable[[], int] = time.perf_counter_ns,
    ):
        self._contract, self._policy, self._options = contract, policy, options
        self._wall_ns = wall_ns

    def run(self, tape: Tape, look: Callable[[float], None] = lambda _: None) -> Trace:
        """Evaluate a bag.

        Args:
            tape: The bag.
            look: Told of the seconds of the bag that are done, now and then.

        Raises:
            EvalError: it tells no words, or no observation can be made of it.
        """
        return _Run(self._contract, self._policy, self._options, tape, self._wall_ns).run(look)


class _Run:
    def __init__(
        self,
        contract: RobotContract,
        policy: Policy,
        options: OpenLoopSettings,
        tape: Tape,
        wall_ns: Callable[[], int],
    ):
        self._contract, self._plain, self._options = contract, policy, options
        self._tape, self._wall_ns = tape, wall_ns
        self._policy = policy
        self._observer = ObserverCore(contract, ObserverSettings())
        self._feed = Feed(self._observer, tape.decoder)
        self._history = History(tape, contract)
        self._dry = DryRun(contract, options.strategy)
        self._model = BusyModel(policy, options.latency, np.random.default_rng(options.seed))
        expected = round(tape.found.seconds * SECOND / contract.rates.observation_ns)
        self._deprived = Deprived(policy, expected, options.seed) if options.deprive else None
        self._wall = Stopwatch(wall_ns)
        self._words: list[tuple[int, str]] = []
        self._chunks: list = []
        self._received: list[int] = []
        self._missed, self._reference = Missed(), f'camera/{next(iter(contract.cameras))}'
        self._staleness: dict[str, list[float]] = {}
        self._observations = self._committed = 0
        self._epoch = 0

    def run(self, look: Callable[[float], None]) -> Trace:
        tape, start_ns = self._tape, self._wall_ns()
        spoken = first_words(tape, self._options.instruction)
        if spoken:
            self._instruct(spoken, tape.begin_ns)
        now_ns = tape.begin_ns
        for count, timed in enumerate(tape.messages()):
            now_ns = timed.now_ns
            self._deliver(now_ns)
            self._tick(now_ns)
            self._take(timed)
            if count % 500 == 0:
                look((now_ns - tape.begin_ns) / SECOND)
        self._deliver(now_ns)
        self._tick(now_ns)
        if not self._observations:
            why = self._missed.last or 'nothing was seen under an instruction'
            raise EvalError(f'{tape.path}: no observation can be made of it: {why}')
        return self._trace(now_ns, start_ns)

    # -- one message -----------------------------------------------------------------------------

    def _take(self, timed: Timed) -> None:
        now_ns = timed.now_ns
        if timed.role == WORDS:
            text = str(self._tape.decoder.decode(timed.message).data).strip()
            if not self._options.instruction:
                self._instruct(text, now_ns)
            return
        if timed.role in RUN:
            with self._wall.measure(OWN):
                anew = self._history.take(timed, self._feed.joints)
            if anew:
                self._dry.executor.reset(now_ns)
                self._begin_epoch(now_ns)
            return
        if timed.role == self._reference:
            self._missed.next_picture()
        with self._wall.measure('decode'):
            due = self._feed.take(timed)
        if timed.role == 'joints':
            joints = self._history.measure(self._feed)
            if joints is not None and self._feed.joints is not None:
                self._dry.executor.measure(self._feed.joints.stamp_ns, *joints)
        if due:
            self._assemble(now_ns)

    def _instruct(self, text: str, now_ns: int) -> None:
        if self._words and self._words[-1][1] == text:
            return
        self._words.append((now_ns, text))
        self._history.words()
        self._dry.executor.instruct(text, now_ns)
        self._policy = self._plain
        if self._options.ablate:
            words = other_words(text, self._options.seed) or ''
            if text and not words and self._options.ablate == 'wrong-words':
                raise EvalError(
                    f'{self._tape.path}: {text!r} names no object of the tabletop that another '
                    'could be named for; leave --ablate wrong-words out'
                )
            if text:
                self._policy = Ablated(self._plain, self._options.ablate, words)
        self._begin_epoch(now_ns)

    def _begin_epoch(self, now_ns: int) -> None:
        self._epoch = self._dry.status(now_ns).epoch
        self._plain.reset(self._epoch)
        rng = np.random.default_rng([self._options.seed, self._epoch])
        self._model = BusyModel(self._policy, self._options.latency, rng)

    def _tick(self, now_ns: int) -> None:
        begun_ns = self._wall_ns()
        if self._dry.advance(now_ns):
            self._wall.add(DRY, self._wall_ns() - begun_ns)

    def _deliver(self, now_ns: int) -> None:
        """Hand a chunk over that has arrived."""
        chunk = self._model.arrived(now_ns)
        if chunk is not None:
            self._chunks.append(chunk)
            self._received.append(now_ns)
            with self._wall.measure(DRY):
                self._dry.accept(chunk, now_ns)

    def _assemble(self, now_ns: int) -> None:
        status = self._dry.status(now_ns)
        if isinstance(self._plain, Heedful):
            self._plain.heed(status)
        self._observer.set_context(status.epoch, status.instruction)
        try:
            with self._wall.measure('assemble'):
                observation = self._observer.assemble(now_ns)
        except NotReady as refusal:
            self._missed.refused(refusal)
            return
        self._missed.made()
        if not observation.instruction:
            return
        self._observations += 1
        self._note_ages(observation, now_ns)
        if not self._model.busy:
            self._plan(observation, now_ns)

    def _plan(self, observation: Observation, now_ns: int) -> None:
        plan = self._history.plan_for(observation.stamp_ns)
        committed = None if plan is None else plan.with_changes(epoch=observation.epoch)
        self._committed += committed is not None
        with self._wall.measure('inference'):
            self._model.begin(observation, committed, now_ns)
        self._deliver(now_ns)
        if self._deprived is not None and not self._options.ablate and self._chunks:
            newest = self._chunks[-1]
            if newest.observation_stamp_ns == observation.stamp_ns:
                with self._wall.measure(DEPRIVED):
                    self._deprived.ask(observation, committed, newest)

    def _note_ages(self, observation: Observation, now_ns: int) -> None:
        for name, age_ms in ages_ms(observation, now_ns).items():
            self._staleness.setdefault(name, []).append(age_ms)

    # -- the end ---------------------------------------------------------------------------------

    def _trace(self, now_ns: int, start_ns: int) -> Trace:
        status = self._dry.status(now_ns)
        tape, history, dry = self._tape, self._history, self._dry
        shifts: Mapping = self._deprived.shifts if self._deprived else {}
        return Trace(
            name=tape.path.name,
            about=tape.about,
            begin_ns=tape.begin_ns,
            seconds=tape.found.seconds,
            offset_ns=tape.offset_ns,
            left_out=tape.left_out,
            words=tuple(self._words),
            chunks=tuple(self._chunks),
            received_ns=tuple(self._received),
            observations=self._observations,
            refusals=self._missed.counts,
            staleness_ms={name: tuple(v) for name, v in self._staleness.items()},
            committed=self._committed,
            measured=history.measured,
            commanded=history.commanded,
            recorded=history.chunks,
            recorded_ms=history.stages_ms,
            dry=dry.tally.path(),
            clipped=dry.tally.clipped,
            refused=dry.tally.refused,
            gate=status.gate,
            counts=status.chunks,
            stages_ms=by_stage(dry.executed),
            shifts={kind: tuple(found) for kind, found in shifts.items()},
            wall_ms=self._wall.figures(),
            wall_s=(self._wall_ns() - start_ns) / SECOND,
        )
