"""The policy as a ROS 2 node: observations in, chunks out; every decision is made in the core."""

import threading
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from vla_msgs.msg import ActionChunk as ActionChunkMsg
from vla_msgs.msg import ExecutorStatus as ExecutorStatusMsg
from vla_msgs.msg import Observation as ObservationMsg

from vla_core.chunk import ActionChunk
from vla_core.errors import VlaError
from vla_core.latency import Latency
from vla_policy.core.flow_policy import FlowPolicy
from vla_policy.core.model_thread import ModelThread
from vla_policy.core.registry import load_policy
from vla_policy.core.rtc import LARGEST_BETA, MASKS, RtcSettings, refuse_delay
from vla_policy.core.wrappers import FAULTS, Ablated, Faulty, Heedful, Timed
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, knob

WAIT_S = 0.002  # how finely an injected delay is kept
KEPT = 50  # chunks that latency is told over


@dataclass(frozen=True)
class PolicyParams(NodeParams):
    """Parameters of the policy node."""

    contract: str = contract_knob()
    policy: str = knob('flow', 'Checkpoint by name or folder, or hold.', read_only=True)
    checkpoints: str = knob('checkpoints', 'Folder of the named checkpoints.', read_only=True)
    threads: int = knob(1, 'Threads of the model.', low=1, high=256, read_only=True)
    ablate: str = knob(
        'none',
        'Take a sense away for an experiment (wrong words are simply given as the instruction).',
        choices=('none', 'no-vision'),
        read_only=True,
    )
    latency_ms: str = knob(
        '0',
        'Delay of each chunk, for which the model stays busy: a number, normal:MEAN:STD or '
        'uniform:LOW:HIGH.',
        read_only=True,
        unit='ms',
    )
    rtc_beta: float = knob(
        RtcSettings.beta,
        'Largest gain of the guidance under the strategy rtc.',
        low=0.01,
        high=LARGEST_BETA,
        read_only=True,
    )
    rtc_mask: str = knob(
        RtcSettings.mask,
        'Rows pulled under the strategy rtc: all that are planned already, ever more softly, or '
        'only those that are executed before the chunk arrives.',
        choices=MASKS,
        read_only=True,
    )
    roll_forward: bool = knob(
        False,
        'Plan from where the robot will be when the chunk arrives; for policies trained for it.',
        read_only=True,
    )
    seed: int = knob(0, 'Of the delays and of the faults.', low=0, read_only=True)
    fault: str = knob(
        'none',
        'What goes wrong on purpose, for tests: chunks with NaN, answers after 5 s, after 0.8 s, '
        'the same chunk again, chunks that jump by 0.2 m (rad).',
        choices=FAULTS,
    )


class PolicyNode(SuiteNode):
    """Moves data between topics and the model's thread."""

    NAME, PARAMS = 'policy', PolicyParams

    def on_setup(self, params: PolicyParams) -> None:
        """Compare contract and checkpoint, load, warm up, then listen."""
        self._latency = Latency.parse(params.latency_ms)
        self._rng = np.random.default_rng(params.seed)
        self._policy = load_policy(
            params.policy,
            self.contract,
            Path(params.checkpoints),
            params.threads,
            RtcSettings(params.rtc_mask, params.rtc_beta, params.roll_forward),
        )
        if isinstance(self._policy, FlowPolicy):
            config = self._policy.checkpoint.config
            # a chunk that is over when it comes has expired under every strategy
            refuse_delay(self._latency, config.horizon, config.step_ns)
        timed = Timed(self._policy, self.now_ns)
        self._stopping = threading.Event()
        self._faulty = Faulty(
            timed if params.ablate == 'none' else Ablated(timed, params.ablate),
            self.contract,
            params.seed,
            self._stopping.wait,
        )
        self._model = ModelThread(self._faulty, self._deliver, self.fail)
        self.on_params(params)
        self._took_ms: deque[float] = deque(maxlen=KEPT)
        self._told, self._words, self._policy_name = 0, '', params.policy
        self._strategy = ''
        self._chunks = self.advertise(ActionChunkMsg, 'vla/action_chunk', 'chunk')
        self.subscribe(ObservationMsg, 'vla/observation', self._on_observation, 'observation')
        self.subscribe(ActionChunkMsg, 'vla/plan', self._on_plan, 'plan', needed=False)
        self.subscribe(ExecutorStatusMsg, 'vla/status', self._on_status, 'status', needed=False)
        self.every(1.0, self._report)
        weights = ''
        if isinstance(self._policy, FlowPolicy):
            weights = self._policy.checkpoint.weights_digest
        told = {'policy': params.policy, 'checkpoint_digest': weights}  # a recorder notes them
        self.health.ok('model', f'{params.policy} is loaded', **told)

    def on_params(self, params: PolicyParams) -> None:
        """Put a fault in force or lift it, and say so."""
        before, self._faulty.kind = self._faulty.kind, params.fault
        if params.fault != before:
            self.get_logger().warning(f'fault on purpose: {params.fault} (was {before})')
        if params.fault != 'none':
            self.health.warn('fault', f'{params.fault}, on purpose')
        elif before != 'none':
            self.health.ok('fault', 'none')

    def on_start(self) -> None:
        """Begin to plan."""
        self._stopping.clear()
        self._model.start()

    def on_stop(self, reason: str) -> None:
        """Plan no more; what is still under way is not sent."""
        self._stopping.set()
        self._model.stop()

    def _on_observation(self, msg: ObservationMsg) -> None:
        try:
            observation = convert.observation_from_msg(msg, self.contract)
        except VlaError as error:
            self._refuse('observation', error)
            return
        if observation.instruction != self._words:
            self._hear(observation.instruction)
        self._model.see(observation)

    def _hear(self, words: str) -> None:
        """Tell, once for each instruction, which of its words the policy never learned."""
        self._words = words
        if not isinstance(self._policy, FlowPolicy):
            return
        unknown = self._policy.unknown_words(words)
        if unknown:
            listed = ', '.join(unknown)
            self.health.warn('words', f'never learned: {listed}')
            self.get_logger().warning(
                f'{words!r}: words that {self._policy_name} never learned: {listed}'
            )
        else:
            self.health.ok('words')

    def _on_plan(self, msg: ActionChunkMsg) -> None:
        try:
            self._model.commit(convert.chunk_from_msg(msg, self.contract))
        except VlaError as error:
            self._refuse('plan', error)

    def _on_status(self, msg: ExecutorStatusMsg) -> None:
        if isinstance(self._policy, Heedful):
            try:
                status = convert.status_from_msg(msg)
            except VlaError as error:
                self._refuse('status', error)
                return
            self._policy.heed(status)
            if status.strategy != self._strategy:
                self._strategy = status.strategy
                self._compare_delay()

    def _compare_delay(self) -> None:
        """Tell of a delay in which more rows are executed than the head goes on from.

        The strategy is the executor's and may change, so that this is told, not refused.
        """
        if not isinstance(self._policy, FlowPolicy):
            return
        config = self._policy.checkpoint.config
        if not (self._policy.rtc.enabled and config.rtc_max_delay):
            self.health.ok('latency')
            return
        try:
            refuse_delay(self._latency, config.horizon, config.step_ns, config.rtc_max_delay)
        except VlaError as error:
            self.health.warn('latency', str(error))
            self.get_logger().warning(str(error))
        else:
            self.health.ok('latency')

    def _refuse(self, what: str, error: VlaError) -> None:
        self.health.warn(what, str(error))
        self.get_logger().warning(f'{what} refused: {error}', throttle_duration_sec=1.0)

    def _deliver(self, chunk: ActionChunk) -> None:
        """Send a chunk once the injected delay is over, on the model's thread: it stays busy."""
        self._took_ms.append(chunk.timing.stages_ms()['inference'])
        start_ns = self.now_ns()
        due_ns = start_ns + self._latency.draw_ns(self._rng)
        while start_ns <= self.now_ns() < due_ns:  # a clock that went back ends it, too
            if self._stopping.wait(WAIT_S):
                return
        timing = replace(chunk.timing, published_ns=self.now_ns())
        self._chunks.publish(convert.chunk_to_msg(chunk.with_changes(timing=timing)))

    def _report(self) -> None:
        planned = self._model.planned
        rate, self._told = planned - self._told, planned
        took = list(self._took_ms)
        values = {
            'rate_hz': rate,
            'planned': planned,
            'overtaken': self._model.overtaken,
            'outdated': self._model.outdated,
        }
        if took:
            p50, p95 = np.percentile(took, [50, 95])
            values |= {'inference_p50_ms': float(p50), 'inference_p95_ms': float(p95)}
        if isinstance(self._policy, FlowPolicy):
            values |= self._policy.rtc.figures()
        word = 'planning' if rate else 'nothing to plan from'
        self.health.ok('inference', word, **values)
