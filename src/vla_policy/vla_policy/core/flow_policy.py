"""A checkpoint as a policy: one observation in, one chunk out."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from vla_core import rotations
from vla_core.chunk import ActionChunk
from vla_core.command import ExecutorStatus
from vla_core.contract import RobotContract
from vla_core.errors import ObservationError
from vla_core.observation import Observation, View
from vla_core.se3 import SE3
from vla_core.timing import Timing
from vla_policy.core import preflight
from vla_policy.core.checkpoint import Checkpoint, CheckpointError
from vla_policy.core.committed import commanded_at
from vla_policy.core.features import gripper_group, state_features, tool_group
from vla_policy.core.guidance import Guidance, soft_mask
from vla_policy.core.rtc import Ahead, Rtc, RtcSettings, Settled

SENTENCES_KEPT = 64


@dataclass(frozen=True, eq=False)
class Prepared:
    """An observation as tensors.

    Attributes:
        observation: What it was made from.
        images: Camera key -> (1, 3, height, width) in 0..1.
        state: (1, 9) normalised.
        words: (1, 1, text width).
        ahead: Where the chunk begins, and what is settled of it.
    """

    observation: Observation
    images: Mapping[str, Tensor]
    state: Tensor
    words: Tensor
    ahead: Ahead


class FlowPolicy:
    """Plans by integrating the flow from zero noise: the same observation, the same chunk.

    Args:
        checkpoint: Texts already read.
        contract: The robot.
        threads: Of torch, for the whole process; None leaves them as they are.
        rtc: How what will be executed anyway is taken into account.

    Attributes:
        rtc: Its state: delays, and whether chunks are guided.

    Raises:
        CheckpointError: it does not fit the contract (first mismatch), or weights are damaged.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        contract: RobotContract,
        threads: int | None = None,
        rtc: RtcSettings | None = None,
    ):
        mismatches = preflight.compare(contract, checkpoint)
        if mismatches:
            more = f' ({len(mismatches) - 1} more mismatches)' if len(mismatches) > 1 else ''
            raise CheckpointError(str(checkpoint.folder), mismatches[0] + more)
        if threads is not None:
            torch.set_num_threads(threads)
        self.checkpoint, self.contract = checkpoint, contract
        self.rtc = Rtc(rtc, checkpoint.config.rtc_max_delay or None)
        self._model = checkpoint.load_model().requires_grad_(False)
        self._columns = contract.action.columns
        self._tool = contract.action.slice_of(tool_group(contract))
        gripper = gripper_group(contract)
        self._gripper = contract.action.slice_of(gripper)
        self._finger = contract.state.names.index(gripper.names[0])
        self._start = torch.zeros(1, checkpoint.config.horizon, 3)
        self._words: OrderedDict[str, Tensor] = OrderedDict()

    def warm_up(self) -> None:
        """Plan from a grey picture, freely and guided: the first real answer is as fast as any."""
        views = {
            key: View(np.full((*size, 3), 128, np.uint8), np.eye(3), SE3(), 1)
            for key, size in self.checkpoint.config.cameras.items()
        }
        names = self.contract.state.names
        zero = np.zeros(len(names))
        word = self.checkpoint.config.vocabulary[-1]
        digest, base = self.contract.digest, self.contract.model.base_link
        observation = Observation(1, 0, 0, digest, base, views, names, zero, zero, 1, SE3(), word)
        horizon = self.checkpoint.config.horizon
        still = np.zeros((horizon, 3)), np.ones(horizon), np.ones(horizon, bool)
        for settled in (None, None, Settled(*still, frozen=1, end=horizon)):
            prepared = self.prepare(observation, None)
            self.plan(replace(prepared, ahead=Ahead(settled=settled)))
        self._words.clear()
        self.rtc.clear()

    def unknown_words(self, instruction: str) -> list[str]:
        """Return the words of an instruction that the checkpoint never learned."""
        return self.checkpoint.tokenizer.unknown(instruction)

    def reset(self, epoch: int) -> None:
        """Forget measured delays; else each chunk depends on its observation and plan only."""
        self.rtc.clear()

    def heed(self, status: ExecutorStatus) -> None:
        """Take note of how the executor fares: its strategy, and which chunks it followed."""
        self.rtc.heed(status)

    def infer(self, observation: Observation, committed: ActionChunk | None) -> ActionChunk:
        """See `vla_core.policy.Policy`."""
        return self.plan(self.prepare(observation, committed))

    @torch.inference_mode()
    def prepare(self, observation: Observation, committed: ActionChunk | None) -> Prepared:
        """Turn pictures, state and words into tensors.

        Raises:
            ObservationError: a camera is missing or its picture has another size.
        """
        images = {}
        for key, (height, width) in self.checkpoint.config.cameras.items():
            view = observation.views.get(key)
            if view is None or view.image.shape != (height, width, 3):
                got = 'none' if view is None else f'{view.image.shape[1]}x{view.image.shape[0]}'
                raise ObservationError(f'views.{key}', f'{width}x{height} expected, got {got}')
            pixels = view.image.transpose(2, 0, 1).astype(np.float32)[None] / 255.0
            images[key] = torch.from_numpy(pixels)
        told = commanded_at(observation, committed, self.contract)
        config = self.checkpoint.config
        ahead = self.rtc.ahead(
            observation, committed, self.contract, config.horizon, config.step_ns
        )
        gripper = told.gripper if ahead.gripper is None else ahead.gripper
        features = state_features(
            (observation.T_base_tool.t + ahead.shift)[None],
            (told.position + ahead.shift)[None],
            observation.state[None, self._finger],
            observation.state_velocity[None, self._finger],
            np.array([gripper]),
        )
        state = torch.from_numpy(self.checkpoint.statistics.state.normalise(features))
        return Prepared(observation, images, state, self._read(observation.instruction), ahead)

    def _read(self, instruction: str) -> Tensor:
        """Return the encoded sentence; the same words are encoded once."""
        words = self._words.get(instruction)
        if words is None:
            tokens = torch.from_numpy(self.checkpoint.tokenizer.encode(instruction))
            words = self._model.trunk.read(tokens[None])[None]
            self._words[instruction] = words
            if len(self._words) > SENTENCES_KEPT:
                self._words.popitem(last=False)
        self._words.move_to_end(instruction)
        return words

    @torch.inference_mode()
    def plan(self, prepared: Prepared) -> ActionChunk:
        """Run the network and lay its answer out in the contract's columns."""
        observation, ahead = prepared.observation, prepared.ahead
        config = self.checkpoint.config
        anchor = observation.T_base_tool.t + ahead.shift
        condition = self._model.trunk(prepared.images, prepared.state, prepared.words)
        statistics = self.checkpoint.statistics
        rows, gripper = self._model.head.plan(
            condition.vector[0], self._start, config.sampler, self._guidance(ahead, anchor)
        )
        actions = np.zeros((config.horizon, len(self._columns)))
        start = self._tool.start
        relative = statistics.rows.restore(rows[0].numpy().astype(float))
        actions[:, start : start + 3] = anchor + relative
        actions[:, start + 3 : self._tool.stop] = rotations.to_6d(statistics.rotation)
        open_ = gripper[0].numpy() > 0.0
        if ahead.settled is not None:
            settled = np.arange(config.horizon) < ahead.settled.frozen
            open_ = np.where(settled & ahead.settled.covered, ahead.settled.gripper > 0.5, open_)
        actions[:, self._gripper] = open_[:, None]
        return ActionChunk(
            t0_ns=observation.stamp_ns + ahead.later_ns + config.step_ns,
            step_ns=config.step_ns,
            observation_stamp_ns=observation.stamp_ns,
            sequence=observation.sequence,
            epoch=observation.epoch,
            contract_digest=self.contract.digest,
            columns=self._columns,
            actions=actions,
            instruction=observation.instruction,
            timing=Timing(
                captured_ns=max(view.stamp_ns for view in observation.views.values()),
                assembled_ns=observation.assembled_ns,
            ),
        )

    def _guidance(self, ahead: Ahead, anchor: np.ndarray) -> Guidance | None:
        """Return what is settled in the head's space: relative to `anchor` (3,), normalised."""
        settled, rtc = ahead.settled, self.rtc.settings
        if settled is None:
            return None
        rows = self.checkpoint.statistics.rows.normalise(settled.positions - anchor)
        mask = soft_mask(len(rows), settled.frozen, settled.end, rtc.mask == 'hard')
        return Guidance(
            torch.from_numpy(rows)[None], mask * torch.from_numpy(settled.covered), rtc.beta
        )
