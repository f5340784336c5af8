"""One bag through the live graph: the clock waits for every chunk, so that none is overtaken."""

import time
from collections.abc import Callable

from vla_core.chunk import ActionChunk
from vla_core.contract import RobotContract
from vla_core.observation import Observation
from vla_core.timing import MS, SECOND
from vla_eval.core.bags.feed import Feed
from vla_eval.core.bags.tape import RUN, WORDS, Tape, Timed
from vla_eval.core.errors import EvalError
from vla_eval.core.openloop.deprived import other_words
from vla_eval.core.openloop.dry_run import Tally
from vla_eval.core.openloop.history import History
from vla_eval.core.openloop.loop import OpenLoopSettings, first_words
from vla_eval.core.openloop.missed import Missed
from vla_eval.core.openloop.staleness import ages_ms
from vla_eval.core.openloop.trace import Trace
from vla_eval.core.results import by_stage
from vla_eval.ros.player import Player
from vla_perception.core.errors import NotReady
from vla_perception.core.observer import ObserverCore

READY_S = 90.0
PATIENCE_S = 2.0  # for an observation and its chunk; then the bag goes on
TICK_S = 0.05  # for the command of a tick
LOST_NS = 200 * MS  # without a command for so long the executor is idle
LAST_NS = 300 * MS  # what the clock goes on after the last message, for the last status,
TOLD_NS = 100 * MS  # which is of this time at least


class GraphBagLoop:
    """Plays one bag to a graph that has a dry executor and no robot.

    An observer of our own sees what the graph's observer is shown: where it makes an observation,
    the clock stands still until the graph has planned from it.

    Attributes:
        committed: Stamp of an observation -> what the policy had been told that would be executed
            anyway.

    Args:
        contract: The robot.
        player: In the graph.
        options: As in process; latency and strategy are the graph's own.
        alive: Whether the graph is up.
    """

    def __init__(
        self,
        contract: RobotContract,
        player: Player,
        options: OpenLoopSettings,
        alive: Callable[[], bool],
    ):
        self._contract, self._player = contract, player
        self._options, self._alive = options, alive
        self._words: list[tuple[int, str]] = []
        self._missed, self._reference = Missed(), f'camera/{next(iter(contract.cameras))}'
        self._ages: dict[str, list[float]] = {}
        self._plan: ActionChunk | None = None
        self._epoch = 0
        self.committed: dict[int, ActionChunk | None] = {}
        self._clock_ns = 0

    def run(self, tape: Tape, look: Callable[[float], None] = lambda _: None) -> Trace:
        """Play a bag.

        Raises:
            GraphError: the graph does not come up, or goes down.
            EvalError: the bag tells no words, or no observation could be made of it.
        """
        player, contract = self._player, self._contract
        spoken = first_words(tape, self._options.instruction)
        player.prepare(tape.begin_ns, self._alive, READY_S)
        observer = ObserverCore(contract)
        feed, history = Feed(observer, tape.decoder), History(tape, contract)
        if spoken:
            self._say(spoken, tape.begin_ns, history)
        start_s = time.monotonic()
        now_ns = self._clock_ns = tape.begin_ns
        for count, timed in enumerate(tape.messages()):
            now_ns = timed.now_ns
            self._advance(now_ns)
            if timed.role == WORDS:
                text = str(tape.decoder.decode(timed.message).data).strip()
                if not self._options.instruction:
                    self._say(text, now_ns, history)
            elif timed.role in RUN:
                self._own(timed, feed, history)
            else:
                self._see(timed, feed, observer, history)
            if count % 100 == 0:
                look((now_ns - tape.begin_ns) / SECOND)
        return self._trace(tape, history, now_ns, time.monotonic() - start_s)

    def _advance(self, now_ns: int) -> None:
        """Let the clock reach a time, by whole control ticks: nearer ones would not be executed.

        As fast as the executor follows, in real time while it is idle.
        """
        player, tick_ns = self._player, self._contract.rates.control_ns
        while self._clock_ns < now_ns:
            due_ns = self._clock_ns = self._clock_ns + tick_ns
            player.tell_time(due_ns)
            if player.commanded_ns > due_ns - LOST_NS:
                player.wait_for(lambda due_ns=due_ns: player.commanded_ns >= due_ns, TICK_S)
            else:
                time.sleep(tick_ns / SECOND)

    def _say(self, text: str, now_ns: int, history: History) -> None:
        if self._words and self._words[-1][1] == text:
            return
        self._words.append((now_ns, text))
        history.words()
        self._plan = None
        heard = text
        if text and self._options.ablate == 'wrong-words':
            heard = other_words(text, self._options.seed) or text
        self._epoch = self._player.set_words(heard)

    def _own(self, timed: Timed, feed: Feed, history: History) -> None:
        """Take the recorded run in; tell what it was going to execute."""
        if history.take(timed, feed.joints):
            self._epoch = self._player.begin_epoch()
        self._tell_plan(history.plan)

    def _tell_plan(self, plan: ActionChunk | None) -> None:
        if plan is not None and plan is not self._plan:
            self._plan = plan
            self._player.tell_plan(plan.with_changes(epoch=self._epoch))

    def _see(self, timed: Timed, feed: Feed, observer: ObserverCore, history: History) -> None:
        """Play a sensor's message; where it makes an observation, wait for the graph's chunk.

        Our own observer is shown it first, so that the plan that belongs to the observation is
        told before.
        """
        if timed.role == self._reference:
            self._missed.next_picture()
        due = feed.take(timed)
        if timed.role == 'joints':
            history.measure(feed)
        words = self._words[-1][1] if self._words else ''
        observer.set_context(1, words)
        observation = self._observation(observer, timed.now_ns) if due else None
        if observation is not None and words:
            self._tell_plan(history.plan_for(observation.stamp_ns))
        self._player.play(timed)
        if observation is None or not words:
            return
        for name, age_ms in ages_ms(observation, timed.now_ns).items():
            self._ages.setdefault(name, []).append(age_ms)
        player, stamp_ns = self._player, observation.stamp_ns

        self.committed[stamp_ns] = self._plan

        def planned() -> bool:
            return any(c.observation_stamp_ns == stamp_ns for c in reversed(player.chunks))

        # a delayed chunk is waited for by the policy on this clock, which therefore goes on
        delayed = str(self._options.latency) != '0'
        player.wait_for(lambda: delayed or planned(), PATIENCE_S)

    def _observation(self, observer: ObserverCore, now_ns: int) -> Observation | None:
        try:
            observation = observer.assemble(now_ns)
        except NotReady as refusal:
            self._missed.refused(refusal)
            return None
        self._missed.made()
        return observation

    def _trace(self, tape: Tape, history: History, now_ns: int, wall_s: float) -> Trace:
        player = self._player
        self._advance(now_ns + LAST_NS)
        player.wait_for(lambda: player.statuses[-1].stamp_ns >= now_ns + TOLD_NS, PATIENCE_S)
        if not player.observations:
            raise EvalError(f'{tape.path}: the graph made no observation of it')
        tally, status = Tally(self._contract), player.statuses[-1]
        for command in player.commands:
            if command.stamp_ns >= tape.begin_ns:
                tally.note(command)
        executed = (timing for s in player.statuses for _, timing in s.executed)
        return Trace(
            name=tape.path.name,
            about=tape.about,
            begin_ns=tape.begin_ns,
            seconds=tape.found.seconds,
            offset_ns=tape.offset_ns,
            left_out=tape.left_out,
            words=tuple(self._words),
            chunks=tuple(player.chunks),
            received_ns=tuple(player.received_ns),
            observations=sum(bool(o.instruction) for o in player.observations.values()),
            refusals=self._missed.counts,
            staleness_ms={name: tuple(v) for name, v in self._ages.items()},
            committed=sum(plan is not None for plan in self.committed.values()),
            measured=history.measured,
            commanded=history.commanded,
            recorded=history.chunks,
            recorded_ms=history.stages_ms,
            dry=tally.path(),
            clipped=tally.clipped,
            refused=tally.refused,
            gate=status.gate,
            counts=status.chunks,
            stages_ms=by_stage(executed),
            wall_ms={'observation_to_chunk': tuple(1000.0 * s for s in player.latency_s)},
            wall_s=wall_s,
        )
