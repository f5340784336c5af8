"""The policy as a ROS 2 node: observations in, chunks out; every decision is made in the core."""

import heapq
import threading
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from vla_msgs.msg import ActionChunk as ActionChunkMsg
from vla_msgs.msg import Observation as ObservationMsg

from vla_core.chunk import ActionChunk
from vla_core.errors import VlaError
from vla_core.latency import Latency
from vla_policy.core.model_thread import ModelThread
from vla_policy.core.registry import load_policy
from vla_policy.core.wrappers import Ablated, Timed
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, knob

DELIVER_S = 0.005  # how finely an injected delay is kept
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
        'Delay of each chunk: a number, normal:MEAN:STD or uniform:LOW:HIGH.',
        read_only=True,
        unit='ms',
    )
    seed: int = knob(0, 'Of the delays and of the noise of the policy.', low=0, read_only=True)


class PolicyNode(SuiteNode):
    """Moves data between topics and the model's thread."""

    NAME, PARAMS = 'policy', PolicyParams

    def on_setup(self, params: PolicyParams) -> None:
        """Compare contract and checkpoint, load, warm up, then listen."""
        self._latency = Latency.parse(params.latency_ms)
        self._rng = np.random.default_rng(params.seed)
        policy = load_policy(
            params.policy, self.contract, Path(params.checkpoints), params.seed, params.threads
        )
        timed = Timed(policy, self.now_ns)
        self._model = ModelThread(
            timed if params.ablate == 'none' else Ablated(timed, params.ablate),
            self._deliver,
            self.fail,
        )
        self._lock = threading.Lock()
        self._under_way: list[tuple[int, int, ActionChunk]] = []  # (due, count, chunk)
        self._took_ms: deque[float] = deque(maxlen=KEPT)
        self._count = self._told = 0
        self._chunks = self.advertise(ActionChunkMsg, 'vla/action_chunk', 'chunk')
        self.subscribe(ObservationMsg, 'vla/observation', self._on_observation, 'observation')
        self.subscribe(ActionChunkMsg, 'vla/plan', self._on_plan, 'plan', needed=False)
        if not self._latency.none:
            self.every(DELIVER_S, self._deliver_due)
        self.every(1.0, self._report)
        self.health.ok('model', f'{params.policy} is loaded')

    def on_start(self) -> None:
        """Begin to plan."""
        self._model.start()

    def on_stop(self, reason: str) -> None:
        """Plan no more; what is still under way is not sent."""
        self._model.stop()
        with self._lock:
            self._under_way.clear()

    def _on_observation(self, msg: ObservationMsg) -> None:
        try:
            self._model.see(convert.observation_from_msg(msg, self.contract))
        except VlaError as error:
            self._refuse('observation', error)

    def _on_plan(self, msg: ActionChunkMsg) -> None:
        try:
            self._model.commit(convert.chunk_from_msg(msg, self.contract))
        except VlaError as error:
            self._refuse('plan', error)

    def _refuse(self, what: str, error: VlaError) -> None:
        self.health.warn(what, str(error))
        self.get_logger().warning(f'{what} refused: {error}', throttle_duration_sec=1.0)

    def _deliver(self, chunk: ActionChunk) -> None:
        """Send a chunk, or keep it for as long as the injected delay says; model thread."""
        self._took_ms.append(chunk.timing.stages_ms()['inference'])
        if self._latency.none:
            self._send(chunk)
            return
        with self._lock:
            self._count += 1
            due_ns = self.now_ns() + self._latency.draw_ns(self._rng)
            heapq.heappush(self._under_way, (due_ns, self._count, chunk))

    def _deliver_due(self) -> None:
        now_ns = self.now_ns()
        while True:
            with self._lock:
                if not self._under_way or self._under_way[0][0] > now_ns:
                    return
                chunk = heapq.heappop(self._under_way)[2]
            self._send(chunk)

    def _send(self, chunk: ActionChunk) -> None:
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
        word = 'planning' if rate else 'nothing to plan from'
        self.health.ok('inference', word, **values)
