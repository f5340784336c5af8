"""The scripted policy as a node, in the policy's place: it is told the state of the simulator."""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
from vla_msgs.msg import ActionChunk, Observation, SimState

from vla_core.chunk import ActionChunk as Chunk
from vla_core.errors import VlaError
from vla_core.latency import Latency
from vla_core.observation import Observation as Observed
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, frame_prefix_knob, knob
from vla_sim.core.errors import TaskError
from vla_sim.core.scripted import Scripted
from vla_sim.core.values import WorldState
from vla_sim.ros import messages

REMEMBERED = 200  # states, for observations that come late
WAIT_S = 0.002  # how finely an injected delay is kept


@dataclass(frozen=True)
class ScriptedParams(NodeParams):
    """Parameters of the scripted policy."""

    contract: str = contract_knob()
    frame_prefix: str = frame_prefix_knob()
    latency_ms: str = knob(
        '0',
        'Delay of each chunk, in which none is planned: a number, normal:MEAN:STD or '
        'uniform:LOW:HIGH.',
        read_only=True,
        unit='ms',
    )
    seed: int = knob(0, 'Of the delays.', low=0, read_only=True)


class ScriptedNode(SuiteNode):
    """Moves data between topics and `Scripted`."""

    NAME = 'policy'
    PARAMS = ScriptedParams

    def on_setup(self, params: ScriptedParams) -> None:
        """Offer chunks, listen to observations and to the simulator."""
        self._latency = Latency.parse(params.latency_ms)
        self._rng = np.random.default_rng(params.seed)
        self._states: deque[WorldState] = deque(maxlen=REMEMBERED)
        self._newest: Observed | None = None  # waits until the chunk under way is sent
        self._under_way: tuple[int, int, Chunk] | None = None  # since, until, ns
        self._epoch = 0
        self._policy = Scripted(self.contract, self._state_at)
        self._chunks = self.advertise(ActionChunk, 'vla/action_chunk', 'chunk')
        self.subscribe(SimState, 'sim/state', self._on_state, 'reliable')
        self.subscribe(Observation, 'vla/observation', self._on_observation, 'observation')
        told = {'policy': 'scripted', 'checkpoint_digest': ''}  # a recorder notes them
        self.health.ok('model', 'the expert', **told)
        if not self._latency.none:
            self.every(WAIT_S, self._go_on)

    def _on_state(self, msg: SimState) -> None:
        try:
            self._states.append(messages.state_from_msg(msg))
        except VlaError as error:
            self.get_logger().error(f'state dropped: {error}', throttle_duration_sec=1.0)

    def on_stop(self, reason: str) -> None:
        """What is under way is not sent any more."""
        self._newest = self._under_way = None

    def _on_observation(self, msg: Observation) -> None:
        if not self.active:
            return
        try:
            observation = convert.observation_from_msg(msg, self.contract)
        except VlaError as error:
            self._refuse(error)
            return
        self._epoch = observation.epoch
        self._newest = observation if observation.instruction else None
        self._go_on()

    def _go_on(self) -> None:
        """Send what is under way once its delay is over, then plan from what is newest."""
        now_ns = self.now_ns()
        if self._under_way is not None:
            since_ns, until_ns, chunk = self._under_way
            if since_ns <= now_ns < until_ns:  # a clock that went back ends it, too
                return
            self._under_way = None
            self._send(chunk)
        observation, self._newest = self._newest, None
        if observation is None:
            return
        try:
            chunk = self._planned(observation, now_ns)
        except VlaError as error:
            self._refuse(error)
            return
        delay_ns = self._latency.draw_ns(self._rng)
        if delay_ns:
            self._under_way = now_ns, now_ns + delay_ns, chunk
        else:
            self._send(chunk)

    def _planned(self, observation: Observed, received_ns: int) -> Chunk:
        chunk = self._policy.infer(observation, None)
        timing = replace(
            chunk.timing,
            received_ns=received_ns,
            preprocessed_ns=received_ns,
            inferred_ns=self.now_ns(),
        )
        return chunk.with_changes(timing=timing)

    def _send(self, chunk: Chunk) -> None:
        if chunk.epoch != self._epoch:
            return  # of a run that is over
        timing = replace(chunk.timing, published_ns=self.now_ns())
        self._chunks.publish(convert.chunk_to_msg(chunk.with_changes(timing=timing)))
        self.health.ok('policy')

    def _refuse(self, error: VlaError) -> None:
        self.health.warn('policy', str(error))
        self.get_logger().error(f'no chunk: {error}', throttle_duration_sec=1.0)

    def _state_at(self, stamp_ns: int) -> WorldState:
        """Return the newest state that is not newer than an observation."""
        for world in reversed(self._states):
            if world.time_ns <= stamp_ns:
                return world
        raise TaskError('no state of the simulator (sim/state) as old as the observation yet')
