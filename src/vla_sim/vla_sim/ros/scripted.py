"""The scripted policy as a node, in the policy's place: it is told the state of the simulator."""

from collections import deque
from dataclasses import dataclass, replace

from vla_msgs.msg import ActionChunk, Observation, SimState

from vla_core.errors import VlaError
from vla_ros import convert
from vla_ros.lifecycle import SuiteNode
from vla_ros.params import NodeParams, contract_knob, frame_prefix_knob
from vla_sim.core.errors import TaskError
from vla_sim.core.scripted import Scripted
from vla_sim.core.values import WorldState
from vla_sim.ros import messages

REMEMBERED = 200  # states, for observations that come late


@dataclass(frozen=True)
class ScriptedParams(NodeParams):
    """Parameters of the scripted policy."""

    contract: str = contract_knob()
    frame_prefix: str = frame_prefix_knob()


class ScriptedNode(SuiteNode):
    """Moves data between topics and `Scripted`."""

    NAME = 'policy'
    PARAMS = ScriptedParams

    def on_setup(self, params: ScriptedParams) -> None:
        """Offer chunks, listen to observations and to the simulator."""
        self._states: deque[WorldState] = deque(maxlen=REMEMBERED)
        self._policy = Scripted(self.contract, self._state_at)
        self._chunks = self.advertise(ActionChunk, 'vla/action_chunk', 'chunk')
        self.subscribe(SimState, 'sim/state', self._on_state, 'reliable')
        self.subscribe(Observation, 'vla/observation', self._on_observation, 'observation')

    def _on_state(self, msg: SimState) -> None:
        try:
            self._states.append(messages.state_from_msg(msg))
        except VlaError as error:
            self.get_logger().error(f'state dropped: {error}', throttle_duration_sec=1.0)

    def _on_observation(self, msg: Observation) -> None:
        received_ns = self.now_ns()
        if not self.active or not msg.instruction:
            return
        try:
            observation = convert.observation_from_msg(msg, self.contract)
            chunk = self._policy.infer(observation, None)
        except VlaError as error:
            self.health.warn('policy', str(error))
            self.get_logger().error(f'no chunk: {error}', throttle_duration_sec=1.0)
            return
        now_ns = self.now_ns()
        timing = replace(
            chunk.timing,
            received_ns=received_ns,
            preprocessed_ns=received_ns,
            inferred_ns=now_ns,
            published_ns=now_ns,
        )
        self._chunks.publish(convert.chunk_to_msg(chunk.with_changes(timing=timing)))
        self.health.ok('policy')

    def _state_at(self, stamp_ns: int) -> WorldState:
        """Return the newest state that is not newer than an observation."""
        for world in reversed(self._states):
            if world.time_ns <= stamp_ns:
                return world
        raise TaskError('no state of the simulator (sim/state) as old as the observation yet')
